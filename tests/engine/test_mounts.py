"""Volumes narrow where gangs go, and hold those that no node can run; members with a volume each stay equal."""

from dataclasses import replace
from typing import Any

import pytest

from scheduler.engine.attachments import Attachments
from scheduler.engine.cycle import decide
from scheduler.engine.mounts import MountTable
from scheduler.engine.validate import violations
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodUid
from scheduler.model.plan import Admit, Assignment, Decision, Hold, Provision
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.model.volumes import Attachment, Claim, ClaimKey, ClaimUse, Storage, StorageClass, Volume
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, members, node, shape
from tests.volumes import DRIVER, bound, claiming, csi, on, one_each, storage, used, with_storage

GANG = GroupKey("team", "g")


def decided(snapshot: Snapshot, *, holds_unevaluated: bool = True) -> Decision:
    plan = decide(snapshot, default_policies(holds_unevaluated=holds_unevaluated), now=0.0)
    assert not violations(snapshot, plan)
    return next(decision for decision in plan.decisions if decision.group == GANG)


def nodes_of(decision: Decision) -> list[str]:
    assert isinstance(decision, Admit), decision
    return sorted(str(slot.node) for slot in decision.assignments)


def held(decision: Decision) -> tuple[Reason, str]:
    assert isinstance(decision, Hold), decision
    return decision.reason, decision.message


def world(facts: Storage, pods: tuple[Pod, ...], *states: NodeState) -> Snapshot:
    group, _ = gang("g", len(pods))
    return with_storage(cluster(*states, g=(group, pods)), facts)


def three() -> tuple[NodeState, ...]:
    return tuple(node(f"n{number}", labels={"host": f"n{number}"}) for number in range(3))


def test_a_bound_volume_is_reached_from_its_nodes_only() -> None:
    facts = storage(bound(data=Volume(reach=on("host", "n1"))))
    assert nodes_of(decided(world(facts, claiming(members("g", 2), "data"), *three()))) == ["n1", "n1"]


def test_every_volume_of_a_pod_must_be_in_reach() -> None:
    facts = storage(bound(a=Volume(reach=on("host", "n0", "n1")), b=Volume(reach=on("host", "n1", "n2"))))
    assert nodes_of(decided(world(facts, claiming(members("g", 1), "a", "b"), *three()))) == ["n1"]


def test_a_volume_that_no_node_reaches_is_named() -> None:
    facts = storage(bound(data=Volume(reach=on("host", "elsewhere"))))
    reason, text = held(decided(world(facts, claiming(members("g", 1), "data"), *three())))
    assert reason is Reason.NO_ELIGIBLE_NODE
    assert text == (
        "No node can run the members: 3 volume out of reach. "
        "The volume pv-data of claim team/data is in reach of 0 of 3 nodes."
    )


def test_a_volume_that_leaves_too_few_nodes_is_named() -> None:
    facts = storage(bound(data=Volume(reach=on("host", "n1"))))
    reason, text = held(decided(world(facts, claiming(members("g", 9), "data"), *three())))
    assert reason is Reason.INSUFFICIENT_RESOURCES
    assert text.endswith("The volume pv-data of claim team/data is in reach of 1 of 3 nodes.")


@pytest.mark.parametrize(
    ("labels", "reached"),
    [
        ({"topology.kubernetes.io/zone": "a"}, True),
        ({"topology.kubernetes.io/zone": "c"}, False),
        ({"failure-domain.beta.kubernetes.io/zone": "b"}, True),
        ({"topology.kubernetes.io/region": "r"}, False),
        ({}, True),
    ],
    ids=["same-zone", "other-zone", "label-of-old", "region-only", "no-zone-at-all"],
)
def test_zone_labels_of_a_volume_keep_it_in_its_zones(labels: dict[str, str], reached: bool) -> None:
    facts = storage(bound(data=Volume(zones=(("failure-domain.beta.kubernetes.io/zone", ("a", "b")),))))
    found = decided(world(facts, claiming(members("g", 1), "data"), node("n0", labels=labels)))
    assert isinstance(found, Admit) == reached


def test_zone_labels_do_not_bind_volumes_made_for_a_pod() -> None:
    facts = storage({"g-0-data": (Claim("pv", is_bound=True, owner=PodUid("g-0")), Volume(zones=ZONE_A))})
    pods = tuple(replace(pod, claims=(ClaimUse("g-0-data", True),)) for pod in members("g", 1))
    assert nodes_of(decided(world(facts, pods, node("n0", labels={ZONE_A[0][0]: "z"})))) == ["n0"]


ZONE_A = (("topology.kubernetes.io/zone", ("a",)),)
LATE = {"classes": {"late": StorageClass(DRIVER, waits=True)}}


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (None, "The volume claim team/data does not exist; create it."),
        (
            Claim(storage_class="fast"),
            "The volume claim team/data is not bound to a volume yet; its StorageClass is fast.",
        ),
        (Claim(), "The volume claim team/data is not bound to a volume yet; it names no StorageClass."),
        (
            Claim("pv", storage_class="late"),
            "The volume claim team/data names volume pv and is not bound to it yet.",
        ),
        (
            Claim("pv", is_bound=True),
            "The volume claim team/data is bound to volume pv, which does not exist.",
        ),
        (
            Claim("pv", is_lost=True),
            "The volume claim team/data is bound to volume pv, which does not exist.",
        ),
        (Claim(is_deleting=True, storage_class="late"), "The volume claim team/data is being deleted."),
    ],
    ids=["missing", "immediate", "no-class", "prebound", "no-volume", "lost", "deleting"],
)
def test_a_claim_that_cannot_be_used_holds_the_gang_and_is_named(claim: Claim | None, text: str) -> None:
    facts = storage(unbound={"data": claim} if claim is not None else {}, **LATE)
    for holds_unevaluated in (True, False):  # kube-scheduler would refuse it as well
        found = decided(
            world(facts, claiming(members("g", 2), "data"), *three()), holds_unevaluated=holds_unevaluated
        )
        assert held(found) == (Reason.VOLUME_NOT_READY, text)


def late(**of_class: Any) -> dict[str, Any]:
    """A class whose claims are bound once their pod has a node, and one such claim: data."""
    made = {"provisioner": DRIVER, "waits": True, **of_class}
    return {
        "unbound": {"data": Claim(storage_class="late")},
        "classes": {"late": StorageClass(**made)},
    }


def test_a_volume_is_made_where_the_plan_puts_the_first_that_uses_it() -> None:
    facts = storage(**late(reach=on("host", "n1", "n2")))
    decision = decided(world(facts, claiming(members("g", 9), "data"), *three()))
    assert nodes_of(decision) == [*["n1"] * 8, "n2"]
    assert isinstance(decision, Admit)
    first = decision.assignments[0].node
    assert decision.provisions == (Provision(ClaimKey("team", "data"), first),)


def test_a_volume_that_is_being_made_for_a_node_ties_its_pods_to_it() -> None:
    claim = Claim(storage_class="late", selected_node=NodeName("n2"))
    facts = storage(**{**late(), "unbound": {"data": claim}})
    decision = decided(world(facts, claiming(members("g", 2), "data"), *three()))
    assert nodes_of(decision) == ["n2", "n2"]
    assert isinstance(decision, Admit)
    assert decision.provisions == (Provision(ClaimKey("team", "data"), NodeName("n2")),)


def test_what_is_bound_needs_no_volume_made() -> None:
    facts = storage(bound(data=Volume()))
    decision = decided(world(facts, claiming(members("g", 1), "data"), *three()))
    assert isinstance(decision, Admit)
    assert decision.provisions == ()


def test_kube_scheduler_has_volumes_made_itself() -> None:
    snapshot = world(storage(**late()), claiming(members("g", 1), "data"), *three())
    decision = decided(snapshot, holds_unevaluated=False)
    assert isinstance(decision, Admit)
    assert decision.provisions == ()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (late(provisioner="kubernetes.io/no-provisioner"), "whose volumes are made by hand"),
        ({**late(), "measured": frozenset({DRIVER})}, "tells for each part of the cluster"),
    ],
    ids=["by-hand", "measured"],
)
def test_a_volume_that_cannot_simply_be_made_is_held_with_a_reason_of_its_own(
    changes: dict[str, Any], why: str
) -> None:
    reason, text = held(decided(world(storage(**changes), claiming(members("g", 1), "data"), *three())))
    assert reason is Reason.VOLUME_WAITS_FOR_POD
    assert "team/data" in text
    assert why in text


@pytest.mark.parametrize(
    ("volume", "is_held"),
    [
        (Volume(storage_class="late"), True),
        (Volume(storage_class="other"), False),
        (Volume(storage_class="late", claimed_by=ClaimKey("team", "else")), False),
        (Volume(claimed_by=ClaimKey("team", "data")), True),
    ],
    ids=["of-its-class", "of-another-class", "claimed", "meant-for-it"],
)
def test_volumes_that_are_there_already_come_before_new_ones(volume: Volume, is_held: bool) -> None:
    facts = replace(storage(**late()), volumes={"old": volume})
    decision = decided(world(facts, claiming(members("g", 1), "data"), *three()))
    if is_held:
        reason, text = held(decision)
        assert (reason, "there are volumes already" in text) == (Reason.VOLUME_WAITS_FOR_POD, True)
    else:
        assert isinstance(decision, Admit)


def test_volumes_to_be_made_count_towards_what_a_node_attaches() -> None:
    unbound = {f"c{number}": Claim(storage_class="late") for number in range(3)}
    facts = storage(**{**late(), "unbound": unbound, "limits": {"n0": 1, "n1": 1, "n2": 1}})
    decision = decided(world(facts, one_each(members("g", 3)), *three()))
    assert nodes_of(decision) == ["n0", "n1", "n2"]
    assert isinstance(decision, Admit)
    assert {(each.claim.name, each.node) for each in decision.provisions} == {
        (f"c{slot.pod.name[-1]}", slot.node) for slot in decision.assignments
    }


def test_a_claim_made_for_another_pod_is_not_taken() -> None:
    facts = storage({"g-0-x": (Claim("pv", is_bound=True, owner=PodUid("other")), Volume())})
    pods = tuple(replace(pod, claims=(ClaimUse("g-0-x", True),)) for pod in members("g", 1))
    reason, text = held(decided(world(facts, pods, *three())))
    assert reason is Reason.VOLUME_NOT_READY
    assert "was not made for the pod" in text


def test_a_volume_from_before_csi_is_held_as_not_evaluated() -> None:
    facts = storage(bound(data=Volume(unevaluated="gcePersistentDisk")))
    reason, text = held(decided(world(facts, claiming(members("g", 1), "data"), *three())))
    assert reason is Reason.UNEVALUATED_CONSTRAINT
    assert "gcePersistentDisk" in text


# --- one pod only ---------------------------------------------------------------------------------------------------------


def exclusive() -> Storage:
    return storage({"data": (Claim("pv", is_bound=True, is_exclusive=True), Volume())})


def test_an_exclusive_claim_in_use_holds() -> None:
    states = (used(node("n0"), "data"), node("n1"))
    reason, text = held(decided(world(exclusive(), claiming(members("g", 1), "data"), *states)))
    assert reason is Reason.VOLUME_NOT_READY
    assert "team/data is ReadWriteOncePod and in use" in text


def test_an_exclusive_claim_that_is_not_bound_yet_may_be_in_use_as_well() -> None:
    facts = storage(**{**late(), "unbound": {"data": Claim(storage_class="late", is_exclusive=True)}})
    reason, text = held(
        decided(world(facts, claiming(members("g", 1), "data"), used(node("n0"), "data"), node("n1")))
    )
    assert (reason, "in use" in text) == (Reason.VOLUME_NOT_READY, True)


def test_two_members_with_one_exclusive_claim_can_never_run_together() -> None:
    reason, text = held(decided(world(exclusive(), claiming(members("g", 2), "data"), node("n0"))))
    assert reason is Reason.VOLUME_NOT_READY
    assert text.startswith("2 members use the volume claim team/data, which is ReadWriteOncePod")


def test_an_exclusive_claim_of_an_open_attempt_holds() -> None:
    snapshot = world(exclusive(), claiming(members("g", 1), "data"), node("n0"))
    (other,) = claiming(members("z", 1), "data")
    slot = HeldSlot(other.key, other.uid, NodeName("n0"), other.shape, claims=other.claims)
    reservation = Reservation(GroupKey("team", "z"), AttemptId("a"), (slot,))
    reason, _ = held(decided(replace(snapshot, reservations=(reservation,))))
    assert reason is Reason.VOLUME_NOT_READY


def test_of_two_gangs_with_one_exclusive_claim_one_starts() -> None:
    groups = {name: gang(name, 1) for name in ("a", "b")}
    made = {name: (group, claiming(pods, "data")) for name, (group, pods) in groups.items()}
    snapshot = with_storage(cluster(node("n0"), **made), exclusive())
    plan = decide(snapshot, default_policies(), now=0.0)
    assert [type(decision) for decision in plan.decisions] == [Admit, Hold]


# --- what nodes attach ----------------------------------------------------------------------------------------------------


def one_claim_each(count: int) -> dict[str, tuple[Claim, Volume]]:
    return bound(**{f"c{number}": csi(f"v{number}") for number in range(count)})


def test_members_with_a_volume_each_are_equal() -> None:
    facts = storage(one_claim_each(1000), limits={"n0": 25})
    snapshot = world(facts, one_each(members("g", 1000)), *three())
    table = MountTable(snapshot, Attachments(facts, tuple(snapshot.nodes.values())), late_binding=False)
    assert len({pod.shape for pod in table.mounted(snapshot.members[GANG])}) == 1


def test_a_node_attaches_so_many_volumes_and_no_more() -> None:
    facts = storage(one_claim_each(6), limits={"n0": 2, "n1": 3, "n2": 1})
    assert nodes_of(decided(world(facts, one_each(members("g", 6)), *three()))) == [
        *["n0"] * 2,
        *["n1"] * 3,
        "n2",
    ]


def test_a_limit_that_keeps_members_out_is_told() -> None:
    facts = storage(one_claim_each(4), limits={"n0": 1, "n1": 1, "n2": 1})
    states = [used(state, "c9") if state.node.name == "n0" else state for state in three()]
    facts = replace(
        facts,
        claims={**facts.claims, **storage(bound(c9=csi("v9"))).claims},
        volumes={**facts.volumes, "pv-c9": csi("v9")},
    )
    reason, text = held(decided(world(facts, one_each(members("g", 4)), *states)))
    assert reason is Reason.INSUFFICIENT_RESOURCES
    assert "room for 2" in text
    assert f"1 of 3 nodes that may run them can attach no more volumes of driver {DRIVER}." in text


def test_a_volume_that_members_share_is_attached_once_per_node() -> None:
    facts = storage(bound(data=csi("shared")), limits={"n0": 1, "n1": 1, "n2": 0})
    pods = tuple(replace(pod, shape=shape(gpus=4)) for pod in claiming(members("g", 4), "data"))
    assert nodes_of(decided(world(facts, pods, *three()))) == ["n0", "n0", "n1", "n1"]


def test_a_volume_that_is_there_already_needs_no_room() -> None:
    facts = storage(bound(data=csi("shared")), limits={"n0": 1})
    states = (used(node("n0"), "data"), node("n1", gpus=0))
    assert nodes_of(decided(world(facts, claiming(members("g", 2), "data"), *states))) == ["n0", "n0"]


def test_volumes_attached_without_a_pod_count_too() -> None:
    facts = storage(bound(data=csi("d"), old=csi("o")), limits={"n0": 1, "n1": 1})
    facts = replace(facts, attachments={"va": Attachment(NodeName("n0"), DRIVER, "pv-old")})
    found = decided(world(facts, claiming(members("g", 1), "data"), node("n0"), node("n1")))
    assert nodes_of(found) == ["n1"]


def test_a_volume_that_is_attached_but_not_in_use_may_be_on_its_way_out() -> None:
    facts = storage(bound(data=csi("d")), limits={"n0": 1, "n1": 1})
    attachments = {"va": Attachment(NodeName("n0"), DRIVER, "pv-data")}
    snapshot = world(
        replace(facts, attachments=attachments), claiming(members("g", 1), "data"), node("n0"), node("n1")
    )
    assert nodes_of(decided(snapshot)) == ["n1"]
    wide = replace(storage(bound(data=csi("d")), limits={"n0": 2, "n1": 0}), attachments=attachments)
    two = world(wide, claiming(members("g", 2), "data"), node("n0"), node("n1"))
    assert nodes_of(decided(two)) == ["n0", "n0"]


def test_what_an_open_attempt_will_attach_counts_too() -> None:
    facts = storage(one_claim_each(2), limits={"n0": 1, "n1": 1})
    snapshot = world(facts, one_each(members("g", 1)), node("n0"), node("n1"))
    other = replace(members("z", 1)[0], claims=(ClaimUse("c1"),))
    slot = HeldSlot(other.key, other.uid, NodeName("n0"), other.shape, claims=other.claims)
    reservation = Reservation(GroupKey("team", "z"), AttemptId("a"), (slot,))
    assert nodes_of(decided(replace(snapshot, reservations=(reservation,)))) == ["n1"]


def test_a_driver_that_demands_it_keeps_pods_from_nodes_without_it() -> None:
    facts = storage(bound(data=csi("d")), limits={"n1": 5}, demanding=frozenset({DRIVER}))
    assert nodes_of(decided(world(facts, claiming(members("g", 2), "data"), *three()))) == ["n1", "n1"]


def test_unlike_members_share_what_a_node_attaches() -> None:
    facts = storage(one_claim_each(3), limits={"n0": 1, "n1": 2})
    pods = one_each(members("g", 3))
    unlike = (replace(pods[0], shape=shape(gpus=2)), *pods[1:])
    assert nodes_of(decided(world(facts, unlike, node("n0"), node("n1")))) == ["n0", "n1", "n1"]
    tight = storage(one_claim_each(3), limits={"n0": 1, "n1": 1})
    assert isinstance(decided(world(tight, unlike, node("n0"), node("n1"))), Hold)


def test_what_was_tried_in_vain_is_attached_to_nothing() -> None:
    facts = storage(one_claim_each(2), limits={"n0": 2})
    group, pods = gang("first", 9)
    claims = one_each(pods[:2])
    snapshot = cluster(
        node("n0", gpus=8), first=(group, (*claims, *pods[2:])), g=gang("g", 2, created_at=1.0)
    )
    snapshot = with_storage(
        replace(snapshot, members={**snapshot.members, GANG: one_each(members("g", 2))}), facts
    )
    assert nodes_of(decided(snapshot)) == ["n0", "n0"]


def test_a_thousand_members_with_a_node_each_are_placed_in_one_pass() -> None:
    count = 1000
    facts = storage(bound(**{f"c{n}": Volume(reach=on("host", f"n{(n * 7) % count}")) for n in range(count)}))
    states = [node(f"n{number}", labels={"host": f"n{number}"}) for number in range(count)]
    decision = decided(world(facts, one_each(members("g", count)), *states))
    assert isinstance(decision, Admit)
    found = {str(slot.pod.name): str(slot.node) for slot in decision.assignments}
    assert found == {f"g-{number}": f"n{(number * 7) % count}" for number in range(count)}


def test_members_tied_to_nodes_go_before_those_that_have_a_choice() -> None:
    count = 40
    reach = {f"c{n}": Volume(reach=on("host", f"n{n}")) for n in range(count)}
    facts = storage(bound(**reach))
    states = [node(f"n{number}", gpus=1, labels={"host": f"n{number}"}) for number in range(count + 2)]
    tied = one_each(members("g", count))
    pods = (*members("g", count + 2)[count:], *tied)
    found = {str(slot.pod.name): str(slot.node) for slot in _slots(decided(world(facts, pods, *states)))}
    assert {found[f"g-{number}"] for number in range(count)} == {f"n{number}" for number in range(count)}
    assert {found[f"g-{count}"], found[f"g-{count + 1}"]} == {f"n{count}", f"n{count + 1}"}


def _slots(decision: Decision) -> tuple[Assignment, ...]:
    assert isinstance(decision, Admit), decision
    return decision.assignments
