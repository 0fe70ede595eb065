"""An elastic gang does without members that cannot run, as long as it can."""

from dataclasses import replace

from scheduler.engine.cycle import decide
from scheduler.model.ids import NodeName
from scheduler.model.neighbours import PodRules, PodTerm, Resident
from scheduler.model.plan import Admit, Decision, Hold
from scheduler.model.podgroups import Role, Slice, TopologyConstraint
from scheduler.model.pods import Operator, Pod, PodPhase, Requirement
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, node, shape, taken
from tests.checker.plans import wrongs
from tests.volumes import bound, claiming, csi, storage, with_storage


def decided(snapshot: Snapshot) -> Decision:
    (decision,) = decide(snapshot, default_policies(), now=0.0).decisions
    return decision


def started(snapshot: Snapshot) -> list[str]:
    """Return who starts."""
    decision = decided(snapshot)
    assert isinstance(decision, Admit), decision
    return sorted(slot.pod.name for slot in decision.assignments)


def running(pod: Pod, where: str) -> Pod:
    return replace(pod, node=NodeName(where), phase=PodPhase.RUNNING)


def test_member_beyond_the_minimum_with_a_missing_claim_does_not_hold_the_gang() -> None:
    group, pods = gang("g", 3, min_count=1)
    pods = (pods[0], *claiming(pods[1:2], "none"), pods[2])
    assert started(cluster(node("n0"), g=(group, pods))) == ["g-0", "g-2"]


def test_first_member_with_a_missing_claim_gives_way_to_the_others() -> None:
    group, pods = gang("g", 3, min_count=2)
    pods = (*claiming(pods[:1], "none"), *pods[1:])
    assert started(cluster(node("n0"), g=(group, pods))) == ["g-1", "g-2"]


def test_running_gang_grows_past_a_member_with_a_missing_claim() -> None:
    group, pods = gang("g", 3, min_count=1)
    pods = (running(pods[0], "n0"), *claiming(pods[1:2], "none"), pods[2])
    assert started(cluster(taken(node("n0"), 1), g=(group, pods))) == ["g-2"]


def test_member_that_the_gang_needs_is_waited_for_and_its_claim_named() -> None:
    group, pods = gang("g", 3, min_count=3)
    pods = (pods[0], *claiming(pods[1:2], "none"), pods[2])
    held = decided(cluster(node("n0"), g=(group, pods)))
    assert isinstance(held, Hold)
    assert "none" in held.message


def test_role_that_lacks_its_only_able_member_is_waited_for() -> None:
    group, pods = gang("g", 3, min_count=1)
    group = replace(group, roles=(Role("master", 1),))
    master = replace(claiming(pods[:1], "none")[0], role="master")
    held = decided(cluster(node("n0"), g=(group, (master, *pods[1:]))))
    assert isinstance(held, Hold)
    assert "none" in held.message


def test_one_of_two_that_share_a_claim_for_one_pod_starts_alone() -> None:
    group, pods = gang("g", 2, min_count=1)
    pods = claiming(pods, "data")
    ((claim, volume),) = bound(data=csi("v")).values()
    facts = storage({"data": (replace(claim, is_exclusive=True), volume)})
    snapshot = with_storage(cluster(node("n0"), g=(group, pods)), facts)
    assert started(snapshot) == ["g-0"]


def test_elastic_gang_starts_with_those_that_fit() -> None:
    group, pods = gang("g", 2, min_count=1)
    pods = (replace(pods[0], shape=shape(gpus=16)), pods[1])
    assert started(cluster(node("n0"), g=(group, pods))) == ["g-1"]


def test_growing_gang_is_not_stopped_by_its_first_waiting_member() -> None:
    group, pods = gang("g", 3, min_count=1)
    pods = (running(pods[0], "n0"), replace(pods[1], shape=shape(gpus=16)), pods[2])
    assert started(cluster(taken(node("n0"), 1), g=(group, pods))) == ["g-2"]


def test_member_that_fits_takes_the_place_of_one_that_does_not() -> None:
    group, pods = gang("g", 3, min_count=1)
    group = replace(group, max_count=2)
    pods = (pods[0], replace(pods[1], shape=shape(gpus=16)), pods[2])
    assert started(cluster(node("n0"), g=(group, pods))) == ["g-0", "g-2"]


def test_member_that_runs_nowhere_does_not_stand_in_for_one_that_waits_for_room() -> None:
    group, pods = gang("g", 3, min_count=2)
    pods = (*claiming(pods[:1], "none"), replace(pods[1], shape=shape(gpus=16)), pods[2])
    held = decided(cluster(node("n0"), g=(group, pods)))
    assert isinstance(held, Hold)
    assert "room" in held.message, held


def test_torn_gang_is_not_mended_in_two_domains_of_the_required_level() -> None:
    states = [taken(node(f"n{number}"), 4) for number in range(2)]
    wanted = TopologyConstraint("rack", slices=(Slice("host", 2),))
    group, pods = gang("g", 4, pod=shape(gpus=4), topology=wanted)
    pods = (running(pods[0], "n0"), running(pods[1], "n1"), *pods[2:])
    snapshot = cluster(*states, racks={"n0": "r0", "n1": "r1"}, g=(group, pods))
    assert wrongs(snapshot, decide(snapshot, default_policies(), now=0.0)) == []


def test_members_whom_only_rules_of_strangers_tell_apart_are_placed_beside_none_of_these() -> None:
    """A rule for each of the members' numbers makes each a kind of its own."""
    index, host, size = "number", "kubernetes.io/hostname", 24
    states = [node(f"n{number}", labels={host: f"n{number}"}) for number in range(8)]
    foes = []
    for number in range(size):
        wanted = Requirement(index, Operator.IN, (str(number),))
        foes.append(Resident("team", {}, PodRules(anti_affinity=(PodTerm(host, (wanted,), (), ()),))))
    states[0] = replace(states[0], residents=tuple(foes))
    group, pods = gang("g", size)
    pods = tuple(replace(pod, labels={index: str(number)}) for number, pod in enumerate(pods))
    snapshot = replace(cluster(*states, g=(group, pods)), namespaces={"team": {}})
    decision = decided(snapshot)
    assert isinstance(decision, Admit)
    assert {slot.node for slot in decision.assignments} == {"n1", "n2", "n3"}
    assert wrongs(snapshot, decide(snapshot, default_policies(), now=0.0)) == []
    crowded = replace(snapshot, nodes={name: state for name, state in snapshot.nodes.items() if name < "n3"})
    held = decided(crowded)
    assert isinstance(held, Hold)
    assert held.reason is not Reason.NOT_FOUND_WITHIN_BOUND
