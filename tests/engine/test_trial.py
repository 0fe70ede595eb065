"""What a trial remembers never differs from what a fresh one would count, whatever is taken and given back."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.engine.capacity import CapacityMemo
from scheduler.engine.feasibility import room, static_refusal
from scheduler.engine.trial import Trial
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.pods import HostPort, PodShape
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import Snapshot
from scheduler.policies.placement import preferred_nodes
from tests.build import GPU, cluster, node, shape, taken
from tests.engine.kinds import shapes, states

SIZES = (
    0,
    1,
    2,
    5,
    70,
)  # 70 nodes: few touched ones are counted alone, on fewer nodes all are counted at once


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Snapshot, list[PodShape]]:
    """Draw a cluster with reservations, and the shapes that are asked about."""
    drawn = [draw(states(f"n{number}")) for number in range(draw(st.sampled_from(SIZES[:-1])))]
    more = [node(f"m{number}", gpus=number % 5) for number in range(draw(st.sampled_from([0, SIZES[-1]])))]
    kinds = draw(st.lists(shapes(), min_size=1, max_size=4))
    snapshot = cluster(*drawn, *more, racks={str(state.node.name): "r0" for state in (*drawn, *more)})
    names = sorted(snapshot.nodes) or [NodeName("gone")]
    slots = tuple(
        HeldSlot(
            PodKey("team", f"z-{n}"),
            PodUid(f"z-{n}"),
            draw(st.sampled_from(names)),
            draw(st.sampled_from(kinds)),
        )
        for n in range(draw(st.integers(0, 2)))
    )
    held = (Reservation(GroupKey("team", "z"), AttemptId("e1-1"), slots),) if slots else ()
    return Snapshot(nodes=snapshot.nodes, evidence=snapshot.evidence, reservations=held), kinds


@dataclass
class Kept:
    """What one attempt took, by number of node, and the version of the trial before it."""

    version: int
    takes: list[tuple[int, PodShape, int]] = field(default_factory=list)


def agree(trial: Trial, fresh: Trial, kinds: list[PodShape]) -> None:
    """Compare all that a trial says with a trial that was never asked before, and with counting node by node."""
    for kind in kinds:
        copies = trial.copies(kind).tolist()
        assert copies == fresh.copies(kind).tolist()
        refusals = [static_refusal(kind, state.node) for state in trial.states]
        for number, refusal in enumerate(refusals):
            assert copies[number] == (0 if refusal is not None else trial.room(number, kind))
        assert trial.eligible(kind).tolist() == [refusal is None for refusal in refusals]
        assert trial.refusals(kind).total() == sum(1 for refusal in refusals if refusal is not None)
        assert trial.scores(kind).tolist() == fresh.scores(kind).tolist()
    for resource in (GPU, "pods", "nobody/has"):
        left = [max(0, trial.free(number)[resource]) for number in range(len(trial.states))]
        assert trial.free_of(resource).tolist() == fresh.free_of(resource).tolist() == left


def replayed(snapshot: Snapshot, open_attempts: list[Kept]) -> Trial:
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    for attempt in open_attempts:
        for number, kind, count in attempt.takes:
            trial.take(number, kind, count)
    return trial


@settings(max_examples=150)
@given(worlds(), st.data())
def test_memory_changes_nothing_under_takes_and_returns(
    world: tuple[Snapshot, list[PodShape]], data: st.DataObject
) -> None:
    snapshot, kinds = world
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    known: dict[int, list[list[int]]] = {}

    def act(attempts: list[Kept], depth: int) -> None:
        for _ in range(data.draw(st.integers(0, 4))):
            what = data.draw(st.sampled_from(["take", "take", "ask", "attempt"]))
            if what == "take" and trial.states:
                number, kind = (
                    data.draw(st.integers(0, len(trial.states) - 1)),
                    data.draw(st.sampled_from(kinds)),
                )
                count = min(data.draw(st.integers(1, 3)), int(trial.copies(kind)[number]))
                if count:
                    trial.take(number, kind, count)
                    attempts[-1].takes.append((number, kind, count))
            elif what == "ask":
                agree(trial, replayed(snapshot, attempts), kinds)
                now = [trial.copies(kind).tolist() for kind in kinds]
                assert known.setdefault(trial.version, now) == now, "one version, two states"
            elif what == "attempt" and depth < 2:
                before = trial.version
                with trial.attempt() as attempt:
                    attempts.append(Kept(before))
                    act(attempts, depth + 1)
                    inside = attempts.pop()
                    if data.draw(st.booleans()):
                        attempt.keep()
                        attempts[-1].takes += inside.takes
                assert attempt.is_kept or trial.version == before

    attempts = [Kept(0)]
    act(attempts, 0)
    agree(trial, replayed(snapshot, attempts), kinds)


@given(worlds(), worlds())
def test_memory_of_another_cycle_changes_nothing(
    first: tuple[Snapshot, list[PodShape]], second: tuple[Snapshot, list[PodShape]]
) -> None:
    memo = CapacityMemo(preferred_nodes)
    for snapshot, kinds in (first, second, first):
        trial = Trial(memo.tree(snapshot), snapshot, memo)
        agree(trial, replayed(snapshot, []), [*first[1], *second[1], *kinds])


def test_answer_is_remembered_only_while_the_same_is_taken() -> None:
    snapshot = cluster(node("n0"), node("n1"))
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    trial.remember("question", 1)
    assert trial.recall("question") == 1
    with trial.attempt():
        trial.take(0, shape())
        assert trial.recall("question") is None
    assert trial.recall("question") == 1, "all was given back"
    with trial.attempt() as attempt:
        trial.take(0, shape())
        attempt.keep()
    assert trial.recall("question") is None


def test_two_attempts_that_took_as_much_elsewhere_are_not_the_same() -> None:
    snapshot = cluster(node("n0"), node("n1"))
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    with trial.attempt():
        trial.take(0, shape())
        trial.remember("question", 1)
    with trial.attempt():
        trial.take(1, shape())
        assert trial.recall("question") is None


def test_host_port_is_given_once_per_node_and_comes_back() -> None:
    with_port = shape(host_ports=(HostPort("TCP", 80),))
    snapshot = cluster(node("n0"), taken(node("n1"), 8))
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    assert trial.copies(with_port).tolist() == [1, 0]
    with trial.attempt():
        trial.take(0, with_port)
        assert trial.copies(with_port).tolist() == [0, 0]
        assert trial.copies(shape()).tolist() == [7, 0]
    assert trial.copies(with_port).tolist() == [1, 0]
    assert room(with_port, trial.free(0), ()) == 1


def test_request_beyond_any_number_of_a_column_fits_nowhere() -> None:
    snapshot = cluster(node("n0"), node("n1", gpus=2**70))
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    assert trial.copies(shape(gpus=2**70)).tolist() == [0, 0]
    assert trial.copies(shape(gpus=2**60)).tolist() == [0, 4]


def test_nodes_that_kube_scheduler_refused_hold_none() -> None:
    snapshot = cluster(node("n0"), node("n1"))
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    assert trial.copies(shape(), {NodeName("n1"), NodeName("gone")}).tolist() == [8, 0]
    assert trial.copies(shape()).tolist() == [8, 8], "what a caller was given is its own"
