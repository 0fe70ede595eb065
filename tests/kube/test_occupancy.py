"""What pods take from a node is counted exactly, in whatever order they come and go."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scheduler.kube.occupancy import Occupancy
from scheduler.model.ids import NodeName, PodKey, PodUid
from scheduler.model.pods import HostPort, Pod, PodPhase, PodShape
from scheduler.model.resources import NOTHING, Resources

HERE = NodeName("here")


def pod(uid: str, gpus: int, node: NodeName | None = HERE, port: int = 0) -> Pod:
    ports = (HostPort("TCP", port),) if port else ()
    shape = PodShape(Resources({"nvidia.com/gpu": gpus, "pods": 1}), host_ports=ports)
    return Pod(PodKey("a", uid), PodUid(uid), shape, node=node)


def test_a_pod_counts_once_however_often_it_is_seen() -> None:
    occupancy = Occupancy()
    assert not occupancy.put(pod("x", 4))
    assert not occupancy.put(pod("x", 4))
    assert occupancy.requested(HERE) == Resources({"nvidia.com/gpu": 4, "pods": 1})


def test_a_pod_that_ended_gives_its_room_back_and_a_terminating_one_does_not() -> None:
    occupancy = Occupancy()
    occupancy.put(pod("x", 4))
    assert not occupancy.put(replace(pod("x", 4), is_deleting=True))
    assert occupancy.requested(HERE)["nvidia.com/gpu"] == 4
    assert occupancy.put(replace(pod("x", 4), phase=PodPhase.SUCCEEDED))
    assert occupancy.requested(HERE) == NOTHING


def test_two_pods_may_claim_one_port_and_each_gives_back_its_own() -> None:
    occupancy = Occupancy()
    occupancy.put(pod("x", 1, port=80))
    occupancy.put(pod("y", 1, port=80))
    occupancy.drop(PodUid("x"))
    assert occupancy.host_ports(HERE) == (HostPort("TCP", 80),)
    occupancy.drop(PodUid("y"))
    assert occupancy.host_ports(HERE) == ()


def test_residents_are_the_pods_as_they_were_seen_last() -> None:
    occupancy = Occupancy()
    occupancy.put(replace(pod("x", 1), labels={"app": "db"}))
    occupancy.put(pod("y", 1))
    occupancy.drain()
    assert sorted(each.labels.get("app", "") for each in occupancy.residents(HERE)) == ["", "db"]
    occupancy.put(replace(pod("x", 1), labels={"app": "db"}, is_deleting=True))
    assert occupancy.drain() == {HERE}
    assert [each.is_leaving for each in occupancy.residents(HERE)] == [False, True]
    occupancy.drop(PodUid("x"))
    occupancy.drop(PodUid("y"))
    assert occupancy.residents(HERE) == ()


def test_pod_that_gets_other_labels_may_let_others_in() -> None:
    occupancy = Occupancy()
    occupancy.put(pod("x", 1))
    assert occupancy.put(replace(pod("x", 1), labels={"app": "db"}))


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from(["put", "end", "drop"])), max_size=40
    )
)
def test_after_any_history_the_sum_is_that_of_the_pods_that_are_left(
    history: list[tuple[int, int, str]],
) -> None:
    occupancy = Occupancy()
    left: dict[str, int] = {}
    for number, gpus, what in history:
        uid = str(number)
        if what == "drop":
            occupancy.drop(PodUid(uid))
            left.pop(uid, None)
        elif what == "end":
            occupancy.put(replace(pod(uid, gpus), phase=PodPhase.FAILED))
            left.pop(uid, None)
        else:
            occupancy.put(pod(uid, gpus))
            left[uid] = gpus
    assert occupancy.requested(HERE) == Resources({"nvidia.com/gpu": sum(left.values()), "pods": len(left)})
