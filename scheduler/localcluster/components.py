"""
The arguments of each program, and the configuration files they read. Pure but for `write`.

Chosen for one machine and one person: no leader election among one, client rates far above the API server's ceiling so
that no program is slow by its own limiter, in-flight limits raised so that the ceiling is the hardware's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scheduler.localcluster import stages
from scheduler.localcluster.access import SERVICE_RANGE, Access
from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.layout import Layout
from scheduler.localcluster.options import ClusterOptions

ETCD = "etcd"
APISERVER = "kube-apiserver"
CONTROLLERS = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KWOK = "kwok"

PORTS = (APISERVER, ETCD, "etcd-peer", CONTROLLERS, SCHEDULER, KWOK)

READY_PATH = {
    ETCD: "/health",
    APISERVER: "/readyz",
    CONTROLLERS: "/healthz",
    SCHEDULER: "/readyz",
    KWOK: "/healthz",
}

CLIENT_QPS = 5_000
"""Requests per second a component may send: above any rate this control plane reaches, so the limiter never decides."""

CONTROLLER_NAMES = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourceclaim-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
)
"""What workloads need; volumes, endpoints, certificates and cloud controllers have nothing to do here."""

GATED_CONTROLLERS = {"GenericWorkload": ("podgroup-protection-controller",)}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the arguments depend on."""

    binaries: Mapping[str, Path]
    layout: Layout
    access: Access
    ports: Mapping[str, int]
    options: ClusterOptions

    def address(self, name: str) -> str:
        return f"https://127.0.0.1:{self.ports[name]}"

    def programs(self) -> tuple[str, ...]:
        """In the order they start; the first two alone, the rest together."""
        return (ETCD, APISERVER, CONTROLLERS, *((SCHEDULER,) if self.options.kube_scheduler else ()), KWOK)


def command(plan: Plan, program: str) -> list[str]:
    """The command line that starts the program."""
    arguments = {
        ETCD: _etcd,
        APISERVER: _apiserver,
        CONTROLLERS: _controllers,
        SCHEDULER: _scheduler,
        KWOK: _kwok,
    }[program](plan)
    return [str(plan.binaries[program]), *arguments]


def write(plan: Plan) -> None:
    """Write the configuration files the arguments name."""
    plan.layout.config.mkdir(parents=True, exist_ok=True)
    _audit_file(plan).write_text(yaml.safe_dump(AUDIT_POLICY, sort_keys=False), encoding="utf-8")
    documents = stages.configuration(pod_start_delay_s=plan.options.pod_start_delay_s)
    _kwok_file(plan).write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
    _scheduler_file(plan).write_text(
        yaml.safe_dump(_scheduler_configuration(plan), sort_keys=False), encoding="utf-8"
    )


AUDIT_POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "None",
            "resources": [
                {"group": "coordination.k8s.io"},
                {"group": "", "resources": ["events"]},
                {"group": "events.k8s.io"},
            ],
        },
        {"level": "None", "userGroups": ["system:masters"], "verbs": ["get", "list", "watch"]},
        {"level": "None", "nonResourceURLs": ["/*"]},
        # What all-or-nothing is judged by: who bound, evicted or recorded what, with the body that was sent.
        {
            "level": "Request",
            "verbs": ["create", "update", "patch", "delete"],
            "resources": [
                {"group": "", "resources": ["pods/binding", "bindings", "pods/eviction"]},
                {"group": "scheduling.tutti.dev", "resources": ["podgroups/status", "queues/status"]},
            ],
        },
        {"level": "Metadata"},
    ],
}


def _etcd(plan: Plan) -> list[str]:
    client, peer = plan.address(ETCD), plan.address("etcd-peer")
    tls = [plan.access.certificate(ETCD), plan.access.key(ETCD), plan.access.authority]
    return [
        "--name=local",
        f"--data-dir={plan.layout.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=local={peer}",
        f"--cert-file={tls[0]}",
        f"--key-file={tls[1]}",
        f"--trusted-ca-file={tls[2]}",
        "--client-cert-auth=true",
        f"--peer-cert-file={tls[0]}",
        f"--peer-key-file={tls[1]}",
        f"--peer-trusted-ca-file={tls[2]}",
        "--peer-client-cert-auth=true",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
        *([] if plan.options.etcd_fsync else ["--unsafe-no-fsync"]),
    ]


def _apiserver(plan: Plan) -> list[str]:
    access = plan.access
    client = "kube-apiserver-client"
    return [
        f"--etcd-servers={plan.address(ETCD)}",
        f"--etcd-cafile={access.authority}",
        f"--etcd-certfile={access.certificate(client)}",
        f"--etcd-keyfile={access.key(client)}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={plan.ports[APISERVER]}",
        f"--tls-cert-file={access.certificate(APISERVER)}",
        f"--tls-private-key-file={access.key(APISERVER)}",
        f"--client-ca-file={access.authority}",
        f"--service-account-key-file={access.certificate('service-accounts')}",
        f"--service-account-signing-key-file={access.key('service-accounts')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
        f"--audit-policy-file={_audit_file(plan)}",
        f"--audit-log-path={plan.layout.audit_log}",
        "--audit-log-maxsize=0",  # one file, never rotated: a count over it is a count over the run
        "--shutdown-watch-termination-grace-period=0s",
        "--profiling=false",
        *_gates(plan),
        *_runtime_config(plan),
    ]


def _controllers(plan: Plan) -> list[str]:
    kubeconfig = plan.access.kubeconfig(CONTROLLERS)
    gated = [
        name
        for gate, names in GATED_CONTROLLERS.items()
        if plan.options.feature_gates.get(gate)
        for name in names
    ]
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={plan.ports[CONTROLLERS]}",
        *_loopback_tls(plan),
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--controllers={','.join((*CONTROLLER_NAMES, *gated))}",
        f"--kube-api-qps={CLIENT_QPS}",
        f"--kube-api-burst={CLIENT_QPS}",
        "--concurrent-job-syncs=20",
        # kwok sends no heartbeats; silence must not mean a dead node. A node fails when its condition says so.
        "--node-monitor-grace-period=8760h",
        *_gates(plan),
    ]


def _scheduler(plan: Plan) -> list[str]:
    kubeconfig = plan.access.kubeconfig(SCHEDULER)
    return [
        f"--config={_scheduler_file(plan)}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={plan.ports[SCHEDULER]}",
        *_loopback_tls(plan),
        *_gates(plan),
    ]


def _kwok(plan: Plan) -> list[str]:
    return [
        f"--kubeconfig={plan.access.kubeconfig(KWOK)}",
        f"--config={_kwok_file(plan)}",
        f"--server-address=127.0.0.1:{plan.ports[KWOK]}",
        "--v=WARN",
    ]


def _loopback_tls(plan: Plan) -> list[str]:
    """The API server's certificate names 127.0.0.1; with it health and metrics of the others can be asked verified."""
    access = plan.access
    return [
        f"--tls-cert-file={access.certificate(APISERVER)}",
        f"--tls-private-key-file={access.key(APISERVER)}",
        f"--client-ca-file={access.authority}",
        "--authentication-skip-lookup=true",  # of a front proxy's authority, which this cluster does not have
    ]


def _gates(plan: Plan) -> list[str]:
    gates = [f"{name}={str(on).lower()}" for name, on in sorted(plan.options.feature_gates.items())]
    return [f"--feature-gates={','.join(gates)}"] if gates else []


def _runtime_config(plan: Plan) -> list[str]:
    entries = [f"{name}={str(on).lower()}" for name, on in sorted(plan.options.runtime_config.items())]
    return [f"--runtime-config={','.join(entries)}"] if entries else []


def _scheduler_configuration(plan: Plan) -> dict[str, Any]:
    given = plan.options.kube_scheduler_config
    if isinstance(given, Path):
        try:
            given = yaml.safe_load(given.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise LocalClusterError(
                f"The kube-scheduler configuration {given} cannot be read: {error}."
            ) from error
        if not isinstance(given, Mapping):
            raise LocalClusterError(
                "The kube-scheduler configuration is no mapping; give a KubeSchedulerConfiguration."
            )
    configuration: dict[str, Any] = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        **json.loads(json.dumps(dict(given or {}))),
    }
    configuration["clientConnection"] = {
        "qps": CLIENT_QPS,
        "burst": CLIENT_QPS,
        **(configuration.get("clientConnection") or {}),
        "kubeconfig": str(plan.access.kubeconfig(SCHEDULER)),
    }
    return configuration


def _audit_file(plan: Plan) -> Path:
    return plan.layout.config / "audit-policy.yaml"


def _kwok_file(plan: Plan) -> Path:
    return plan.layout.config / "kwok.yaml"


def _scheduler_file(plan: Plan) -> Path:
    return plan.layout.config / "kube-scheduler.yaml"
