"""
What the API server takes and nobody sane would write: it harms its owner alone.

Beside each a healthy gang must start whole, the odd one must be whole or hold no node and say why, and Tutti must still run.
"""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.proof.team import Team

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

OS = "kubernetes.io/os"  # a label of every node
COUNT = "nvidia.com/gpu.count"  # a label of every node, with a number
LEVEL = f"{'a' * 250}.io/{'b' * 63}"  # as long as a label key may be
WORD = f"{'q' * 63}.{'q' * 63}.{'q' * 63}.{'q' * 61}"  # as long as a name may be


async def healthy_gang_starts(team: Team, tutti: "Tutti") -> None:
    await team.gang("healthy", 4, gpus=8)
    await team.until_whole("healthy", 4)
    assert tutti.process is not None
    assert tutti.process.poll() is None
    log = tutti.log.read_text()
    assert "Traceback" not in log
    assert "InternalError" not in log


async def is_told(team: Team, group: str, pod: str, words: str) -> None:
    """Wait until the group, or this pod of it, says why it waits, in words that contain these."""

    async def told() -> bool:
        said = [await team.condition(group), await team.pod_condition(pod)]
        return any(
            condition.get("status") == "False"
            and words in f"{condition.get('reason', '')} {condition.get('message', '')}"
            for condition in said
        )

    await team.until(f"{group} is told {words!r}", told)


# --- pods -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Oddity:
    """A pod, and what its gang of two is told; without words the gang starts whole. `beside`: in extender mode, where that differs."""

    words: str = ""
    spec: dict[str, Any] = field(default_factory=dict)
    beside: str | None = None


def required(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    selector = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}}


def asking_for(count: int, amount: str) -> dict[str, Any]:
    amounts = {f"example.com/r{number}": amount for number in range(count)}
    container = {"name": "c", "image": "busybox", "resources": {"requests": amounts, "limits": amounts}}
    return {"containers": [container]}


def has(operator: str, *values: str, key: str = OS) -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


UNREADABLE = "1 of 2 members"  # kube-scheduler writes its own words over ours on the pod; the group says that a member is missing
LEFT_TO_KUBE_SCHEDULER = ""

PODS = {
    "too-many-labels": Oddity(
        "labels", {"labels": {f"l{number}": "x" for number in range(1025)}}, UNREADABLE
    ),
    "as-many-labels-as-can-be": Oddity("", {"labels": {f"l{number}": "x" for number in range(1000)}}),
    "large-annotations": Oddity("", {"annotations": {"a": "x" * 200_000}}),
    "too-many-tolerations": Oddity(
        "tolerations",
        {"tolerations": [{"key": f"k{number}", "operator": "Exists"} for number in range(1025)]},
        LEFT_TO_KUBE_SCHEDULER,
    ),
    "the-same-toleration-a-thousand-times": Oddity("", {"tolerations": [{"operator": "Exists"}] * 1000}),
    "toleration-for-minus-a-lot-of-seconds": Oddity(
        "",
        {"tolerations": [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": -(2**63)}]},
    ),
    "number-that-python-reads-and-go-does-not": Oddity(" ", required([has("Gt", "0_1", key=COUNT)])),
    "number-beyond-any-integer": Oddity(" ", required([has("Lt", "9" * 60, key=COUNT)])),
    "number-that-is-a-word": Oddity(" ", required([has("Gt", "0x1", key=COUNT)])),
    "too-many-terms": Oddity("nodeAffinity", required(*[[has("Exists")]] * 1100), LEFT_TO_KUBE_SCHEDULER),
    "too-many-requirements": Oddity("nodeAffinity", required([has("Exists")] * 3000), LEFT_TO_KUBE_SCHEDULER),
    "ten-thousand-requirements": Oddity(
        "nodeAffinity",
        required(*[[has("NotIn", f"v{number}") for number in range(100)]] * 100),
        LEFT_TO_KUBE_SCHEDULER,
    ),
    "nearly-too-many-terms": Oddity("", required(*[[has("Exists")]] * 500)),
    "two-hundred-gates": Oddity(
        "gates", {"schedulingGates": [{"name": f"example.com/g{number}"} for number in range(200)]}
    ),
    "nothing-of-three-hundred-resources": Oddity("", asking_for(300, "0")),
    "one-of-three-hundred-resources": Oddity("resources", asking_for(300, "1"), UNREADABLE),
    "more-memory-than-there-is": Oddity(
        " ",
        {
            "containers": [
                {"name": "c", "image": "busybox", "resources": {"requests": {"memory": "8388607Ti"}}}
            ]
        },
    ),
    "role-that-nobody-knows": Oddity("", {"labels": {"scheduling.tutti.dev/role": "x" * 63}}),
    "node-that-does-not-exist": Oddity("", {"nodeName": "nowhere"}),
}


@pytest.mark.parametrize("name", PODS)
async def test_odd_pod_harms_its_own_gang_alone(tutti: "Tutti", team: Team, name: str) -> None:
    odd = PODS[name]
    await team.group("odd", 2)
    await asyncio.gather(team.pod("odd-0", "odd"), team.pod("odd-1", "odd", **odd.spec))
    await healthy_gang_starts(team, tutti)
    words = odd.words if odd.beside is None or tutti.mode == "standalone" else odd.beside
    if not words:
        await team.until_whole("odd", 2)
        return
    await is_told(team, "odd", "odd-1", words)
    await team.stays_unbound("odd", for_s=1.0)


# --- groups -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OddGroup:
    """A spec that the API server takes, and what a gang of two pods is told; without words it starts whole."""

    words: str
    spec: dict[str, Any]


ROLE = {"scheduling.tutti.dev/role": "a"}

GROUPS = {
    "names-as-long-as-can-be": OddGroup(
        "PriorityClass", {"minCount": 2, "queue": WORD, "priorityClassName": WORD}
    ),
    "level-as-long-as-can-be": OddGroup(LEVEL[:80], {"minCount": 2, "topology": {"required": LEVEL}}),
    "wish-for-a-level-that-nobody-knows": OddGroup("", {"minCount": 2, "topology": {"preferred": LEVEL}}),
    "largest-gang": OddGroup("2 of 10000", {"minCount": 10_000, "maxCount": 10_000, "spares": 10_000}),
    "roles-that-want-the-same-pods": OddGroup(
        "",
        {
            "minCount": 2,
            "roles": [{"name": name, "minCount": 1, "selector": {"matchLabels": ROLE}} for name in "ab"],
        },
    ),
    "roles-that-no-pod-plays": OddGroup(
        "role",
        {"roles": [{"name": "r" * 62 + str(number), "minCount": 1} for number in range(2)]},
    ),
    "sixteen-roles-of-the-longest-labels": OddGroup(
        "2 of 16",
        {
            "roles": [
                {
                    "name": f"r{number}",
                    "minCount": 1,
                    "selector": {"matchLabels": {f"{LEVEL[:-2]}{each:02}": "v" * 63 for each in range(16)}},
                }
                for number in range(16)
            ]
        },
    ),
    "slice-in-a-level-that-nobody-knows": OddGroup(
        "no-such", {"minCount": 2, "topology": {"slices": [{"level": "no-such", "size": 2}]}}
    ),
    "slices-that-do-not-nest": OddGroup(
        "",
        {"minCount": 2, "topology": {"slices": [{"level": "host", "size": 2}, {"level": "rack", "size": 1}]}},
    ),
    "wish-wider-than-the-demand": OddGroup(
        "", {"minCount": 2, "topology": {"required": "host", "preferred": "zone"}}
    ),
    "no-time-at-all": OddGroup("", {"minCount": 2, "scheduleTimeoutSeconds": 1, "repairTimeoutSeconds": 0}),
}


@pytest.mark.parametrize("name", GROUPS)
async def test_odd_group_harms_itself_alone(tutti: "Tutti", team: Team, name: str) -> None:
    odd = GROUPS[name]
    await team.api.create(
        f"/apis/scheduling.tutti.dev/v1alpha1/namespaces/{team.namespace}/podgroups",
        {
            "apiVersion": "scheduling.tutti.dev/v1alpha1",
            "kind": "PodGroup",
            "metadata": {"name": "odd"},
            "spec": odd.spec,
        },
    )
    await asyncio.gather(*(team.pod(f"odd-{number}", "odd", labels=dict(ROLE)) for number in range(2)))
    await healthy_gang_starts(team, tutti)
    if not odd.words:
        await team.until_whole("odd", 2)
        return
    await is_told(team, "odd", "odd-0", odd.words)
    await team.stays_unbound("odd", for_s=1.0)


# --- while it happens -------------------------------------------------------------------------------------------------------


async def test_members_that_change_their_group_while_they_are_bound_all_start(
    tutti: "Tutti", team: Team
) -> None:
    size, moved = 60, 15
    other = {"left": "right", "right": "left"}
    await asyncio.gather(*(team.group(side, size) for side in other))

    async def create(side: str, number: int) -> None:
        name = f"{side}-{number}"
        await team.pod(name, side)
        for group in (other[side], side, other[side]) if number < moved else ():
            change = {"metadata": {"labels": {"scheduling.tutti.dev/pod-group": group}}}
            await team.api.patch(f"/api/v1/namespaces/{team.namespace}/pods/{name}", change)

    await asyncio.gather(*(create(side, number) for number in reversed(range(size)) for side in other))
    await healthy_gang_starts(team, tutti)
    await asyncio.gather(*(team.until_whole(side, size, within_s=60) for side in other))


async def test_groups_that_come_and_go_while_their_members_are_bound_leave_nothing_in_the_way(
    tutti: "Tutti", team: Team, gpus: int
) -> None:
    path = f"/apis/scheduling.tutti.dev/v1alpha1/namespaces/{team.namespace}/podgroups/odd"
    for _ in range(5):
        await team.gang("odd", 20, gpus=8)
        await team.api.delete(path)
        await team.delete_pods("odd")
    await healthy_gang_starts(team, tutti)
    await team.delete_pods("healthy")
    await team.gang("all", gpus // 8, gpus=8)
    await team.until_whole("all", gpus // 8)
