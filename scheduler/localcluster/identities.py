"""
Who talks to the API server: one identity per program and per role of a person, and the rights that are ours to give.

The rights of Tutti's own processes are *not* given here: they come from the manifests a user would install, so that a
missing permission shows in every local run. Their certificates carry the names of the ServiceAccounts in those manifests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAMESPACE = "tutti-system"


@dataclass(frozen=True, slots=True)
class Identity:
    """A client certificate: `user` becomes its common name, `groups` its organisations."""

    name: str
    user: str
    groups: tuple[str, ...] = ()


def _service_account(name: str) -> Identity:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}")
    return Identity(name, f"system:serviceaccount:{NAMESPACE}:{name}", groups)


IDENTITIES: tuple[Identity, ...] = (
    Identity("admin", "admin", ("system:masters",)),
    Identity("observer", "observer"),
    Identity("tenant", "tenant"),
    Identity("generator", "generator"),
    _service_account("tutti-scheduler"),
    _service_account("tutti-operator"),
    _service_account("tutti-kube-scheduler"),
    Identity("kube-apiserver-client", "kube-apiserver", ("system:masters",)),
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity("kwok", "kwok"),
)

BY_NAME = {identity.name: identity for identity in IDENTITIES}


def bootstrap() -> list[dict[str, Any]]:
    """RBAC for the identities that are no part of Tutti: the watcher, the tenant, the load generator and kwok."""
    read = ["get", "list", "watch"]
    write = ["create", "update", "patch", "delete", "deletecollection"]
    return [
        _role(
            "tutti-local-observer", [_rule(["*"], ["*"], read), {"nonResourceURLs": ["*"], "verbs": ["get"]}]
        ),
        _role(
            "tutti-local-generator",
            [
                _rule(
                    [""],
                    ["pods", "pods/binding", "pods/status", "nodes", "namespaces", "events"],
                    read + write,
                ),
                _rule(["batch"], ["jobs"], read + write),
                _rule(["scheduling.tutti.dev", "scheduling.k8s.io"], ["*"], read + write),
            ],
        ),
        _role(
            "tutti-local-kwok",
            [
                _rule(
                    [""],
                    ["nodes", "nodes/status", "pods", "pods/status"],
                    [*read, "update", "patch", "delete"],
                ),
                _rule(["", "events.k8s.io"], ["events"], ["create", "patch", "update"]),
                _rule(["coordination.k8s.io"], ["leases"], [*read, "create", "update", "patch"]),
            ],
        ),
        _binding("tutti-local-observer", "tutti-local-observer", "observer"),
        _binding("tutti-local-generator", "tutti-local-generator", "generator"),
        _binding("tutti-local-kwok", "tutti-local-kwok", "kwok"),
        # `edit` is an aggregated role: a tenant may write PodGroups exactly if our installed roles say so.
        _binding("tutti-local-tenant", "edit", "tenant"),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    ]


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def _binding(name: str, role: str, user: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
