"""The desk with the real cache and lifecycle behind it; the test plays the driver's part, so nothing happens between two turns."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from scheduler.driver.desk import VoteDesk
from scheduler.engine.cycle import decide
from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import (
    AnswerVote,
    Bind,
    BindDone,
    CapacityChanged,
    Decided,
    Event,
    Instruction,
    Observed,
    Publish,
    Record,
    Recorded,
    Release,
    Reserve,
    Tick,
    Wake,
)
from scheduler.engine.steps import LifecycleSettings
from scheduler.kube.cache import Cache
from scheduler.model.ids import GroupKey, NodeName, PodUid
from scheduler.model.podgroups import MemberRef
from scheduler.model.pods import Pod, PodShape
from scheduler.policies.registry import default_policies
from tests.build import gang, node

BARRIER_S = 30.0
REFUSED_TTL_S = 30.0

Result = TypeVar("Result")


class Clock:
    """Stands still, or goes on by `step_s` each time somebody looks."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.step_s = 0.0

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


class Office:
    """Events wait in `inbox` until a `turn`; records and bindings that were ordered wait in `ordered` until `bind`."""

    def __init__(self, *, refused_ttl_s: float = REFUSED_TTL_S) -> None:
        self.clock = Clock()
        self.cache = Cache(scheduler_names=("tutti",), clock=self.clock)
        self.lifecycle = Lifecycle(LifecycleSettings(needs_votes=True, barrier_timeout_s=BARRIER_S), epoch=1)
        self.desk = VoteDesk(self.cache, self.clock, refused_ttl_s=refused_ttl_s)
        self.inbox: list[Event] = []
        self.ordered: list[Instruction] = []
        self.woken: list[MemberRef] = []
        self.told: list[Publish] = []
        self._policies = default_policies(holds_unevaluated=False)
        self.desk.open(self.lifecycle, self.inbox.append)

    # --- the cluster -----------------------------------------------------------------------------------------------------

    def nodes(self, *names: str, gpus: int = 8) -> None:
        for name in names:
            self.cache.put_node(node(name, gpus=gpus).node)

    def gang(
        self, name: str, size: int, *, exist: int | None = None, pod: PodShape | None = None
    ) -> list[MemberRef]:
        """A group of this size of which so many members exist; returns these."""
        group, pods = gang(name, size, pod=pod)
        self.cache.put_group(group)
        return [self.pod(each) for each in pods[: size if exist is None else exist]]

    def pod(self, pod: Pod) -> MemberRef:
        self.cache.put_pod(replace(pod, scheduler_name="tutti"))
        return MemberRef(pod.key, pod.uid)

    # --- the driver's part -----------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Take in what has changed and what was posted, and carry out what the desk and the ledger have a part in."""
        changes = self.cache.drain()
        for key in sorted(changes.groups):
            group, members = self.cache.view(key)
            self.desk.arrived(key, exists=group is not None or bool(members))
            self.handle(Observed(key, group, members))
        if changes.capacity:
            self.handle(CapacityChanged())
        while self.inbox:
            self.handle(self.inbox.pop(0))

    def decide(self) -> None:
        """Run a cycle over the candidates."""
        keys = self.lifecycle.candidates(self.clock())
        plan = decide(self.cache.snapshot(), self._policies, now=self.clock(), only=keys)
        self.handle(Decided(plan, keys))
        self.desk.moved()

    def settle(self) -> None:
        """Take turns and decide until nothing is left to do."""
        while True:
            self.turn()
            due = self.lifecycle.next_decision()
            if due is None or due > self.clock():
                return
            self.decide()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.handle(Tick(self.desk.heard_at))

    def handle(self, event: Event) -> None:
        for order in self.lifecycle.handle(event, self.clock()):
            match order:
                case Reserve(reservation):
                    self.cache.reserve(reservation)
                case Release(key, uids):
                    self.cache.release(key, uids)
                case AnswerVote():
                    self.desk.answer(order)
                case Wake():
                    self.desk.moved()
                    self.woken += self.desk.to_wake(order)
                case Record() | Bind():
                    self.ordered.append(order)
                case Publish():
                    self.told.append(order)
                case _:
                    pass

    def bind(self) -> None:
        """Record what is to be recorded and bind who is to be bound, as an API server would that refuses nothing."""
        orders, self.ordered = self.ordered, []
        for order in orders:
            if isinstance(order, Record):
                self.handle(Recorded(order.key, order.attempt.id, "2"))
            elif isinstance(order, Bind):
                self.handle(BindDone(order.key, order.assignment.uid))

    # --- what came of it -------------------------------------------------------------------------------------------------

    def planned(self, member: MemberRef) -> NodeName:
        slot = self.lifecycle.planned_slot(GroupKey("team", member.key.name.rsplit("-", 1)[0]), member.uid)
        assert slot is not None
        return slot.assignment.node

    def refused(self, member: MemberRef) -> frozenset[NodeName]:
        """The nodes that are not planned for this member now."""
        return self.cache.snapshot().refused.get(PodUid(member.uid), frozenset())

    def remembers(self) -> int:
        """How many things the desk keeps in memory."""
        desk = self.desk
        return len(desk._votes) + len(desk._unplanned) + len(desk._arrivals) + len(desk._refusals)


def at_once(asked: Coroutine[Any, Any, Result]) -> Result:
    """The answer to a call that must not wait for anything."""
    try:
        asked.send(None)
    except StopIteration as answered:
        result: Result = answered.value
        return result
    asked.close()
    pytest.fail("the call waits")


async def waiting(asked: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """The call, once it waits for something."""
    task = asyncio.ensure_future(asked)
    await asyncio.sleep(0)
    assert not task.done(), "the call does not wait"
    return task
