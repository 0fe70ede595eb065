"""
The lifecycle in a hostile world: lost, late and refused writes, stale views, members that vanish, votes that are withdrawn.

A small model of the API server answers instructions in random order. Whatever happens, no member is bound without an acknowledged
record, every vote gets exactly one answer, and once the world is calm the gang is whole or nobody of it is bound.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import (
    AnswerVote,
    Bind,
    BindDone,
    BindFailed,
    CapacityChanged,
    Decided,
    Event,
    Evict,
    Evicted,
    Instruction,
    Observed,
    Publish,
    Record,
    Recorded,
    RecordRefused,
    Release,
    Reserve,
    Tick,
    Voted,
    VoteWithdrawn,
)
from scheduler.engine.steps import LifecycleSettings
from scheduler.model.ids import GroupKey, GroupUid, NodeName, PodKey, PodUid
from scheduler.model.plan import Admit, Assignment, Hold, Plan
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberRef, PodGroup
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.resources import Resources
from scheduler.model.status import Status

KEY = GroupKey("team", "ring")
SHAPE = PodShape(Resources({"cpu": 1000, "pods": 1}))
CALM_STEPS = 400


@dataclass
class World:
    """The API server's truth, what is on the way to and from it, and a lifecycle that only hears of it."""

    rng: random.Random
    size: int
    votes: bool
    now: float = 1000.0
    version: int = 10
    serial: int = 0
    pods: dict[PodUid, Pod] = field(default_factory=dict)
    record: Attempt | None = None
    history: list[Observed] = field(default_factory=list)
    in_flight: list[Callable[[], Event | None]] = field(default_factory=list)
    ledger: dict[PodUid, NodeName] = field(default_factory=dict)
    open_votes: dict[PodUid, NodeName] = field(default_factory=dict)
    planned: dict[PodUid, NodeName] = field(default_factory=dict)
    is_calm: bool = False
    has_room: bool = True

    def __post_init__(self) -> None:
        self.life = Lifecycle(LifecycleSettings(needs_votes=self.votes, barrier_timeout_s=20.0), epoch=5)
        for _ in range(self.size):
            self.add_pod()

    # --- the world's own moves -------------------------------------------------------------------------------------------

    def add_pod(self) -> None:
        self.serial += 1
        uid = PodUid(f"u{self.serial}")
        self.pods[uid] = Pod(
            PodKey("team", f"m{self.serial}"),
            uid,
            SHAPE,
            group=KEY,
            has_controller=True,
            created_at=self.serial,
        )
        self.look()

    def lose_pod(self) -> None:
        if self.pods:
            del self.pods[self.rng.choice(sorted(self.pods))]
            self.look()

    def look(self) -> None:
        """Remember a view that the watch will show some time."""
        self.version += 1
        group = PodGroup(
            KEY,
            GroupUid("g"),
            min_count=self.size,
            resource_version=str(self.version),
            generation=1,
            repair_timeout_s=30,
        )
        members = sorted(self.pods.values(), key=lambda pod: pod.created_at)
        self.history.append(Observed(KEY, replace(group, attempt=self.record), tuple(members)))

    def bound(self) -> list[Pod]:
        return [pod for pod in self.pods.values() if pod.node is not None]

    # --- telling the lifecycle -------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        for order in self.life.handle(event, self.now):
            self.obey(order)

    def obey(self, order: Instruction) -> None:
        match order:
            case Reserve(reservation):
                for slot in reservation.slots:
                    self.ledger[slot.uid] = slot.node
                    self.planned[slot.uid] = slot.node
            case Release(_, uids):
                for uid in uids:
                    self.ledger.pop(uid, None)
                    self.planned.pop(uid, None)
            case Record():
                self.in_flight.append(lambda: self.write_record(order))
            case Bind():
                self.check_bind(order)
                self.in_flight.append(lambda: self.bind(order))
            case Evict(_, member):
                self.in_flight.append(lambda: self.evict(member))
            case AnswerVote(uid, _):
                assert uid in self.open_votes, "a vote is answered once, and only a waiting one"
                del self.open_votes[uid]
            case Publish():
                pass
            case _:
                pass

    def check_bind(self, order: Bind) -> None:
        assert self.record is not None
        assert self.record.phase is AttemptPhase.COMMITTING
        assert (order.assignment.uid, order.assignment.node) in {(m.uid, m.node) for m in self.record.members}
        if order.assignment.uid in self.pods:
            assert self.ledger[order.assignment.uid] == order.assignment.node

    # --- the API server --------------------------------------------------------------------------------------------------

    def write_record(self, order: Record) -> Event:
        if not self.is_calm and self.rng.random() < 0.2:
            return RecordRefused(KEY, order.attempt.id, "conflict")
        self.record = order.attempt
        self.look()
        return Recorded(KEY, order.attempt.id, str(self.version))

    def bind(self, order: Bind) -> Event:
        uid = order.assignment.uid
        pod = self.pods.get(uid)
        if pod is None or (not self.is_calm and self.rng.random() < 0.2):
            return BindFailed(KEY, uid, Reason.MEMBER_CHANGED, "gone or refused")
        assert pod.node is None, "nobody is bound twice"
        self.pods[uid] = replace(pod, node=order.assignment.node)
        self.look()
        return BindDone(KEY, uid)

    def evict(self, member: MemberRef) -> Event:
        self.pods.pop(member.uid, None)
        self.look()
        self.add_pod()  # its controller makes another one
        return Evicted(KEY, member.uid)

    # --- kube-scheduler and the engine -----------------------------------------------------------------------------------

    def vote(self) -> None:
        waiting = [
            u
            for u in sorted(self.planned)
            if u in self.pods and self.pods[u].node is None and u not in self.open_votes
        ]
        if self.votes and waiting:
            uid = self.rng.choice(waiting)
            self.open_votes[uid] = self.planned[uid]
            self.tell(Voted(KEY, MemberRef(self.pods[uid].key, uid), self.planned[uid]))

    def withdraw(self) -> None:
        if self.open_votes:
            uid = self.rng.choice(sorted(self.open_votes))
            del self.open_votes[uid]
            self.tell(VoteWithdrawn(KEY, uid))

    def decide(self) -> None:
        if KEY not in self.life.candidates(self.now):
            return
        view = self.shown
        unbound = [p for p in view.members if p.node is None]
        bound = [p for p in view.members if p.node is not None]
        if len(unbound) + len(bound) < self.size or not unbound or not self.has_room:
            hold = Hold(
                KEY, Status.UNSCHEDULABLE, Reason.INSUFFICIENT_RESOURCES, "no", tuple(p.uid for p in unbound)
            )
            self.tell(Decided(Plan((hold,))))
            return
        nodes = [NodeName(f"n{self.rng.randrange(9)}") for _ in unbound]
        slots = tuple(
            Assignment(p.key, p.uid, n, rank) for rank, (p, n) in enumerate(zip(unbound, nodes, strict=True))
        )
        self.tell(Decided(Plan((Admit(KEY, self.size, 1, slots),))))

    # --- time ------------------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> Observed:
        return self._shown

    def show(self) -> None:
        """The watch catches up by one view, or by all."""
        if self.history:
            behind = 1 if not self.is_calm and self.rng.random() < 0.5 else len(self.history)
            self._shown = self.history[behind - 1]
            del self.history[:behind]
            waiting = {pod.uid for pod in self._shown.members if pod.node is None}
            self.ledger = {
                uid: node for uid, node in self.ledger.items() if uid in waiting
            }  # as the cache does
            self.tell(self._shown)

    def answer(self) -> None:
        if self.in_flight:
            work = self.in_flight.pop(self.rng.randrange(len(self.in_flight)))
            event = work()
            if event is not None:
                self.tell(event)

    def wait(self) -> None:
        self.now += self.rng.choice([0.1, 1.0, 5.0])
        self.tell(Tick())

    def step(self) -> None:
        moves: list[Callable[[], None]] = [
            self.show,
            self.answer,
            self.answer,
            self.decide,
            self.wait,
            self.vote,
            self.vote,
        ]
        if not self.is_calm:
            moves += [self.lose_pod, self.add_pod, self.withdraw, lambda: self.tell(CapacityChanged())]
        self.rng.choice(moves)()

    def calm_down(self) -> None:
        self.is_calm = True
        while len(self.pods) < self.size:
            self.add_pod()
        while len(self.pods) > self.size:
            unbound = [uid for uid, pod in sorted(self.pods.items()) if pod.node is None]
            del self.pods[unbound[0] if unbound else min(self.pods)]
            self.look()
        self.tell(CapacityChanged())
        for _ in range(CALM_STEPS):
            self.step()


@pytest.mark.parametrize("votes", [False, True], ids=["standalone", "extender"])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 4), steps=st.integers(0, 120))
@settings(max_examples=150)
def test_gang_ends_whole_or_not_at_all_in_a_hostile_world(
    votes: bool, seed: int, size: int, steps: int
) -> None:
    world = World(random.Random(seed), size, votes)
    world.show()
    for _ in range(steps):
        world.step()
    world.calm_down()
    bound = world.bound()
    assert len(bound) >= size, f"{len(bound)} of {size} are bound after everything came to rest"
    assert not world.life.has_open_work()
    assert not world.open_votes
    assert not world.ledger
    assert world.record is not None
    assert not world.record.phase.is_open


@given(seed=st.integers(0, 2**32), size=st.integers(2, 4), steps=st.integers(0, 120))
@settings(max_examples=100)
def test_without_room_nobody_stays_bound(seed: int, size: int, steps: int) -> None:
    world = World(random.Random(seed), size, votes=False)
    world.show()
    for _ in range(steps):
        world.step()
    world.has_room = False
    world.calm_down()
    assert not 0 < len(world.bound()) < size
    assert not world.life.has_open_work()
