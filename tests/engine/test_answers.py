"""A gang that asks what another one asked hears what it would have heard alone, word for word."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.engine import answers, gang, sentences
from scheduler.engine.capacity import CapacityMemo
from scheduler.engine.gang import NotPlaced, Placed, Where, batches
from scheduler.engine.trial import Trial
from scheduler.model.ids import NodeName
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import Resources
from scheduler.model.snapshot import Snapshot
from scheduler.policies.placement import preferred_nodes
from tests.build import cluster, members, node, shape, taken
from tests.engine.kinds import shapes, states

LARGEST = Resources({"nvidia.com/gpu": 8, "cpu": 64_000, "pods": 110}).__getitem__


def trial(snapshot: Snapshot) -> Trial:
    memo = CapacityMemo(preferred_nodes)
    return Trial(memo.tree(snapshot), snapshot, memo)


@st.composite
def clusters(draw: st.DrawFn) -> Snapshot:
    drawn = [draw(states(f"n{number}")) for number in range(draw(st.integers(1, 5)))]
    racks = {str(state.node.name): draw(st.sampled_from(["r0", "r1"])) for state in drawn}
    return cluster(*drawn, racks=racks)


@st.composite
def questions(
    draw: st.DrawFn, kinds: list[PodShape]
) -> tuple[tuple[PodShape, ...], frozenset[NodeName], Where]:
    """Draw the shapes of the members, the nodes refused for all of them, and a constraint."""
    asked = tuple(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)))
    refused = frozenset({NodeName("n0")}) if draw(st.integers(0, 4)) == 0 else frozenset()
    return asked, refused, draw(st.sampled_from([Where(), Where(required=1), Where(slices=((1, 2),))]))


@settings(max_examples=200)
@given(clusters(), st.data())
def test_recalled_answers_are_those_of_asking_anew(snapshot: Snapshot, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(shapes(), min_size=1, max_size=2))
    ours, theirs = trial(snapshot), trial(snapshot)
    given: list[tuple[int, PodShape]] = []
    for turn in range(data.draw(st.integers(1, 8))):
        asked, refused, where = data.draw(questions(kinds))
        pods = tuple(pod for n, kind in enumerate(asked) for pod in members(f"g{turn}", 1, pod=kind, first=n))
        wanted = batches(pods, {pod.uid: refused for pod in pods}, LARGEST)
        where = where if len(wanted) == 1 else Where(required=where.required)
        found, expected = answers.place(ours, wanted, where, 8), gang.place(theirs, wanted, where, 8)
        if isinstance(expected, Placed) or isinstance(found, Placed):
            assert found == expected
            given += [(found.nodes[pod.uid], pod.shape) for pod in pods]
            continue
        assert (found.is_proven, found.batches, found.where) == (expected.is_proven, expected.batches, where)
        for mine, other in zip(found.rooms, expected.rooms, strict=True):
            assert [room.tolist() for room in mine[: where.required + 1]] == [
                room.tolist() for room in other[: where.required + 1]
            ]
        never_asked = trial(snapshot)
        for number, kind in given:
            never_asked.take(number, kind)
        told = answers.not_placed(ours, found)
        assert told == sentences.not_placed(never_asked, expected)
        assert told == sentences.not_placed(theirs, expected)


def waiting(name: str, size: int, kind: PodShape) -> tuple[Pod, ...]:
    return members(name, size, pod=kind)


def test_only_a_question_that_is_equal_in_all_is_answered_from_memory() -> None:
    here = trial(cluster(node("n0"), node("n1"), racks={"n0": "r0", "n1": "r1"}))
    ask = [
        (9, Where(required=1), frozenset[NodeName]()),
        (10, Where(required=1), frozenset[NodeName]()),
        (17, Where(), frozenset[NodeName]()),
        (9, Where(), frozenset({NodeName("n0")})),
        (9, Where(required=1), frozenset[NodeName]()),
    ]
    told = []
    for number, (size, where, refused) in enumerate(ask):
        pods = waiting(f"g{number}", size, shape())
        wanted = batches(pods, {pod.uid: refused for pod in pods}, LARGEST)
        found = answers.place(here, wanted, where, 8)
        assert isinstance(found, NotPlaced)
        assert [pod for batch in found.batches for pod in batch.pods] == list(pods)
        told.append(answers.not_placed(here, found)[2])
    assert told[0] == told[4]
    assert len(set(told)) == 4


def test_refusal_is_forgotten_when_something_is_taken_and_remembered_when_it_is_given_back() -> None:
    here = trial(cluster(node("n0"), taken(node("n1"), 8)))

    def says(size: int) -> str:
        wanted = batches(waiting("g", size, shape()), {}, LARGEST)
        found = answers.place(here, wanted, Where(), 8)
        assert isinstance(found, NotPlaced)
        return answers.not_placed(here, found)[2]

    alone = says(9)
    assert "there is room for 8" in alone
    with here.attempt():
        here.take(0, shape())
        assert "there is room for 7" in says(9)
    assert says(9) == alone
