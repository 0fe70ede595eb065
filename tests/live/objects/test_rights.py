"""
Who may do what, asked of the API server for every identity: what each process needs, and what it must never have.

The lists are the least that was found to be needed; a right that is added to `deploy/rbac.yaml` without a line here fails
`test_has_no_right_beyond_the_list`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from scheduler.localcluster import LocalCluster
from tests.live.api import Api, ApiError, group_manifest, groups, pod_manifest, pods, queues

pytestmark = pytest.mark.live

OURS = "tutti-system"
READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Right:
    """`verb` on `resource`: "group/resource/subresource", the group being empty for core objects."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.verb, self.resource, self.namespace, self.name)))

    @property
    def attributes(self) -> dict[str, str]:
        group, resource, *subresource = self.resource.split("/")
        named = {"namespace": self.namespace, "name": self.name, "subresource": "".join(subresource)}
        return {
            "verb": self.verb,
            "group": group,
            "resource": resource,
            **{key: value for key, value in named.items() if value},
        }


def rights(verbs: tuple[str, ...], *resources: str, namespace: str = "", name: str = "") -> list[Right]:
    return [Right(verb, resource, namespace, name) for resource in resources for verb in verbs]


def lease(name: str) -> list[Right]:
    resource = "coordination.k8s.io/leases"
    return [
        Right("create", resource, OURS),
        *rights(("get", "update", "patch"), resource, namespace=OURS, name=name),
    ]


CLUSTER = (
    "/pods",
    "/nodes",
    "/namespaces",
    "/persistentvolumeclaims",
    "/persistentvolumes",
    "storage.k8s.io/storageclasses",
    "storage.k8s.io/csinodes",
    "storage.k8s.io/csidrivers",
    "storage.k8s.io/volumeattachments",
    "scheduling.k8s.io/priorityclasses",
    "resource.k8s.io/resourceslices",
    "topology.node.k8s.io/noderesourcetopologies",
)
OBJECTS = tuple(f"scheduling.tutti.dev/{plural}" for plural in ("podgroups", "queues", "topologies"))

MAY: dict[str, list[Right]] = {
    "tutti-scheduler": [
        *rights(READ, *CLUSTER, *OBJECTS),
        *rights(("create",), "/pods/binding", "/pods/eviction"),
        *rights(("patch",), "/pods/status", "/persistentvolumeclaims"),
        *rights(("get", "update", "patch"), "scheduling.tutti.dev/podgroups/status"),
        *rights(("create", "patch"), "events.k8s.io/events"),
        *lease("tutti-scheduler"),
        Right("get", "coordination.k8s.io/leases", OURS, "tutti-kube-scheduler"),
    ],
    "tutti-operator": [
        *rights(READ, *CLUSTER, *OBJECTS, "batch/jobs"),
        *rights(("create",), "scheduling.tutti.dev/podgroups"),
        *rights(("get", "patch"), *(f"{plural}/status" for plural in OBJECTS)),
        *rights(("create", "patch"), "events.k8s.io/events"),
        *rights(("list", "watch"), "apiextensions.k8s.io/customresourcedefinitions"),
        *lease("tutti-operator"),
    ],
}

WRITES = ("create", "update", "patch", "delete", "deletecollection")
NEVER: dict[str, list[Right]] = {
    **{
        account: [
            *rights(WRITES, "/pods", "/nodes", "/namespaces", "/persistentvolumes"),
            *rights(("create", "update", "delete"), "/persistentvolumeclaims"),
            *rights((*READ, *WRITES), "/secrets", "/configmaps"),
            *rights(("create",), "/bindings", "/pods/exec", "/pods/attach", "/pods/portforward"),
            *rights(("create",), "/serviceaccounts/token"),
            *rights(("impersonate",), "/users", "/groups", "/serviceaccounts"),
            *rights(
                ("escalate", "bind", *WRITES),
                "rbac.authorization.k8s.io/clusterroles",
                "rbac.authorization.k8s.io/roles",
            ),
            *rights(
                WRITES,
                "apiextensions.k8s.io/customresourcedefinitions",
                "admissionregistration.k8s.io/validatingwebhookconfigurations",
                "admissionregistration.k8s.io/mutatingwebhookconfigurations",
            ),
            *rights(("update", "patch", "delete", "deletecollection"), "scheduling.tutti.dev/podgroups"),
            *rights(WRITES, "scheduling.tutti.dev/queues", "scheduling.tutti.dev/topologies"),
            *rights(("update", "patch"), "coordination.k8s.io/leases", namespace="kube-system"),
            *rights(("list", "watch", "delete"), "coordination.k8s.io/leases", namespace=OURS),
        ]
        for account in MAY
    }
}
NEVER["tutti-scheduler"] += [
    *rights(("create",), "scheduling.tutti.dev/podgroups"),
    *rights(("update", "patch"), "scheduling.tutti.dev/queues/status"),
    *rights(("update", "patch"), "coordination.k8s.io/leases", namespace=OURS, name="tutti-operator"),
    *rights(("update", "patch"), "coordination.k8s.io/leases", namespace=OURS, name="tutti-kube-scheduler"),
    *rights(READ, "batch/jobs"),
]
NEVER["tutti-operator"] += [
    *rights(("patch",), "/persistentvolumeclaims"),
    *rights(("create",), "/pods/binding", "/pods/eviction"),
    *rights(("update", "patch"), "/pods/status"),
    *rights(("update", "patch", "delete"), "batch/jobs", "batch/jobs/status"),
    *rights(("update", "patch"), "coordination.k8s.io/leases", namespace=OURS, name="tutti-scheduler"),
]

USER_MAY = [
    *rights((*READ, *WRITES), "scheduling.tutti.dev/podgroups", namespace="default"),
    *rights(("get",), "scheduling.tutti.dev/podgroups/status", namespace="default"),
]
USER_NEVER = [
    *rights(WRITES, "scheduling.tutti.dev/podgroups/status", namespace="default"),
    *rights(
        WRITES,
        *(
            f"scheduling.tutti.dev/{name}"
            for name in ("queues", "queues/status", "topologies", "topologies/status")
        ),
    ),
    *rights(("create",), "/pods/binding", "/bindings", namespace="default"),
    *rights(("patch", "update"), "/pods/status", namespace="default"),
]

KUBE_SCHEDULER_MAY = [
    *lease("tutti-kube-scheduler"),
    *rights(
        READ,
        "/pods",
        "/nodes",
        "/persistentvolumes",
        "/persistentvolumeclaims",
        "storage.k8s.io/storageclasses",
    ),
    *rights(("patch",), "/pods/status"),
    Right("get", "/configmaps", "kube-system", "extension-apiserver-authentication"),
]
KUBE_SCHEDULER_NEVER = [
    *rights(("create", "update", "patch"), "/pods", "/secrets"),
    *rights(READ, "/secrets"),
    *rights(("update", "patch"), "scheduling.tutti.dev/podgroups", "scheduling.tutti.dev/podgroups/status"),
    *rights(("update", "patch"), "coordination.k8s.io/leases", namespace=OURS, name="tutti-scheduler"),
]


# What every account has on any cluster: to ask what it may do, and to read the trust bundles.
EVERYBODY = {
    ("create", "authorization.k8s.io/selfsubjectaccessreviews", ""),
    ("create", "authorization.k8s.io/selfsubjectrulesreviews", ""),
    ("create", "authentication.k8s.io/selfsubjectreviews", ""),
    *((verb, "certificates.k8s.io/clustertrustbundles", "") for verb in READ),
}


async def allowed(api: Api, right: Right) -> bool:
    answer = await api.create(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": right.attributes},
        },
    )
    return bool(answer["status"]["allowed"])


async def wrong(cluster: LocalCluster, identity: str, may: list[Right], never: list[Right]) -> list[str]:
    async with Api(cluster.kubeconfig(identity)) as api:
        return [f"lacks: {right}" for right in may if not await allowed(api, right)] + [
            f"has: {right}" for right in never if await allowed(api, right)
        ]


@pytest.mark.parametrize("account", sorted(MAY))
async def test_has_what_it_needs_and_nothing_of_what_it_must_never_have(
    cluster: LocalCluster, account: str
) -> None:
    assert await wrong(cluster, account, MAY[account], NEVER[account]) == []


async def test_the_dedicated_kube_scheduler_has_its_own_lease_and_not_ours(cluster: LocalCluster) -> None:
    assert await wrong(cluster, "tutti-kube-scheduler", KUBE_SCHEDULER_MAY, KUBE_SCHEDULER_NEVER) == []


async def test_who_may_edit_a_namespace_may_write_specs_and_no_status(cluster: LocalCluster) -> None:
    assert await wrong(cluster, "tenant", USER_MAY, USER_NEVER) == []


@pytest.mark.parametrize("role", ["admin", "edit", "view"])
async def test_the_roles_of_users_are_extended_in_one_namespace_only(
    admin: Api, namespace: str, role: str
) -> None:
    user = f"person-{role}"
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    await admin.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings", binding)

    async def may(verb: str, where: str, resource: str = "scheduling.tutti.dev/podgroups") -> bool:
        spec = {"user": user, "resourceAttributes": Right(verb, resource, where).attributes}
        answer = await admin.create(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec},
        )
        return bool(answer["status"]["allowed"])

    await admin.until(
        lambda: may("list", namespace), bool
    )  # the authorizer sees a new binding a moment later
    assert await may("create", namespace) is (role != "view")
    assert await may("delete", namespace) is (role != "view")
    assert await may("get", namespace, "scheduling.tutti.dev/podgroups/status")
    assert not await may("patch", namespace, "scheduling.tutti.dev/podgroups/status")
    assert not await may("list", "default")


async def test_has_no_right_beyond_the_list(cluster: LocalCluster, admin: Api) -> None:
    """Every rule of the roles bound to our accounts is on the list above, verb by verb."""
    for account, may in MAY.items():
        async with Api(cluster.kubeconfig(account)) as api:
            answer = await api.create(
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectRulesReview",
                    "spec": {"namespace": OURS},
                },
            )
        assert answer["status"]["incomplete"] is False
        listed = {(right.verb, right.resource, right.name) for right in may} | EVERYBODY
        held = {
            (verb, f"{group}/{resource}", name)
            for rule in answer["status"]["resourceRules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for name in rule.get("resourceNames") or [""]
            for verb in rule["verbs"]
        }
        assert held - listed == set(), account


async def test_a_tenant_is_refused_a_status_and_a_queue(tenant: Api, namespace: str) -> None:
    made = await tenant.create(groups(namespace), group_manifest("mine", 1))
    for refused in (
        tenant.update(f"{groups(namespace, 'mine')}/status", {**made, "status": {"phase": "Running"}}),
        tenant.patch(f"{groups(namespace, 'mine')}/status", {"status": {"phase": "Running"}}),
        tenant.create(
            queues(), {"apiVersion": made["apiVersion"], "kind": "Queue", "metadata": {"name": "q"}}
        ),
    ):
        with pytest.raises(ApiError) as refusal:
            await refused
        assert refusal.value.code == 403
    unchanged = await tenant.get(groups(namespace, "mine"))
    assert unchanged.get("status", {}).get("phase") != "Running"


async def test_the_scheduler_binds_and_says_why_but_creates_nothing(
    cluster: LocalCluster, tenant: Api, namespace: str
) -> None:
    made = await tenant.create(pods(namespace), pod_manifest("waits", scheduler="nobody-s"))
    path = f"{pods(namespace)}/waits"
    async with Api(cluster.kubeconfig("tutti-scheduler")) as scheduler:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"}
        await scheduler.patch(f"{path}/status", {"status": {"conditions": [condition]}}, "strategic")
        for refused in (
            scheduler.create(pods(namespace), pod_manifest("mine")),
            scheduler.patch(path, {"metadata": {"labels": {"a": "b"}}}),
            scheduler.delete(path),
            scheduler.list(f"/api/v1/namespaces/{namespace}/secrets"),
        ):
            with pytest.raises(ApiError) as refusal:
                await refused
            assert refusal.value.code == 403
        target = {"apiVersion": "v1", "kind": "Node", "name": "node-0000"}
        metadata = {"name": "waits", "uid": made["metadata"]["uid"]}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
        await scheduler.create(f"{path}/binding", binding)
    bound = await tenant.get(path)
    assert bound["spec"]["nodeName"] == "node-0000"


@pytest.mark.parametrize("user", ["tutti-scheduler", "tutti-operator", "tutti-kube-scheduler"])
async def test_a_certificate_of_that_name_has_the_same_rights(admin: Api, user: str) -> None:
    may = MAY.get(user, KUBE_SCHEDULER_MAY)
    for right in may:
        answer = await admin.create(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {"user": user, "resourceAttributes": right.attributes},
            },
        )
        assert answer["status"]["allowed"], right
