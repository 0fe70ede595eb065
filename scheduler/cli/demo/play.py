"""
The scenes: the same load asked for twice, once under Tutti and once pod by pod, and what the watch saw of it.

Everything is read from the API server, as the identity `observer`; pods are created as `generator`. May not: ask Tutti anything
except what any user can ask, the PodGroup's condition and `tutti explain`.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from scheduler.cli import live
from scheduler.cli.demo.story import DURATION, POD_BY_POD, TUTTI, WORK_S, Gang, Load, pod_group, worker
from scheduler.cli.demo.timeline import Measures
from scheduler.cli.demo.watch import PodWatch
from scheduler.cli.explain import from_engine
from scheduler.config import Settings
from scheduler.dialects import own
from scheduler.kube import errors
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey

STARTS_WITHIN_S: Final = 30.0
SAYS_WHY_WITHIN_S: Final = 15.0
SETTLES_WITHIN_S: Final = 30.0
PATIENCE_S: Final = 8.0
"""How long the deadlock is watched before it is called one: longer than `PARTIAL_AFTER_S`, longer than a gang trains."""

GROUPS: Final = f"/apis/{own.GROUP}/{own.VERSION}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a gang waits, as its PodGroup says, how many members were bound at that moment, and what `tutti explain` says would help."""

    reason: str
    message: str
    bound: int
    remedies: tuple[str, ...] = ()


@dataclass(slots=True)
class Half:
    """What was seen of the load under one scheduler. Filled in while the scenes go by."""

    scheduler: str
    measures: dict[str, Measures] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    racks: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    seconds: float = 0.0
    gpus_held: int = 0

    @property
    def partial_gangs(self) -> int:
        """How many gangs stood half bound."""
        return sum(1 for each in self.measures.values() if each.is_partial)

    @property
    def finished(self) -> int:
        """How many gangs ran to their end, whole."""
        return sum(1 for each in self.measures.values() if each.is_whole and each.ended == each.size)


class Narrator(Protocol):
    """Told what happens, as it happens. `watch` is there to be drawn."""

    def scene(self, half: Half, load: Load) -> None: ...
    def arrived(self, load: Load, seconds: float) -> None: ...
    def started(
        self, measures: Measures, racks: int, at: float, watch: PodWatch, *, waited: bool
    ) -> None: ...
    def waits(self, gang: Gang, waiting: Waiting, at: float) -> None: ...
    def ended(self, gang: Gang, at: float) -> None: ...
    def stuck(self, load: Load, half: Half, at: float, watch: PodWatch) -> None: ...
    def working(self, text: str) -> contextlib.AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class World:
    """The cluster, as the two identities that the demo itself uses see it."""

    generator: Transport
    observer: Transport
    rack_of: dict[str, str]


async def under_tutti(world: World, load: Load, narrator: Narrator) -> Half:
    """A gang starts whole, the other waits whole and says why, then starts whole when there is room."""
    half = Half(TUTTI)
    narrator.scene(half, load)
    async with _scene(world, load, "demo-tutti") as (watch, begun):
        for gang in load.gangs:
            await _post(world.generator, f"{GROUPS}/namespaces/demo-tutti/podgroups", pod_group(gang))
        await _arrive(world, load, "demo-tutti", TUTTI, narrator)
        loop = asyncio.get_running_loop()
        with narrator.working("waiting for a gang to start"):
            await watch.until(lambda: any(m.is_whole for m in _all(watch, load)), within_s=STARTS_WITHIN_S)
        first = next((m for m in _all(watch, load) if m.is_whole), None)
        if first is not None:
            _started(half, world, narrator, first, watch, begun)
            for other in (gang for gang in load.gangs if gang.name != first.gang):
                with narrator.working(f"{other.name} waits; asking why"):
                    waiting = await _why(world, other, watch)
                half.waiting[other.name] = waiting
                narrator.waits(other, waiting, loop.time() - begun)
            await _to_the_end(world, load, half, narrator, watch, begun)
        half.seconds = loop.time() - begun
        _sum_up(half, load, watch)
    return half


async def pod_by_pod(world: World, load: Load, narrator: Narrator) -> Half:
    """Two gangs take half of the cluster each, and neither can start."""
    half = Half(POD_BY_POD)
    narrator.scene(half, load)
    async with _scene(world, load, "demo-pod-by-pod") as (watch, begun):
        await _arrive(world, load, "demo-pod-by-pod", POD_BY_POD, narrator)
        loop = asyncio.get_running_loop()
        with narrator.working("kube-scheduler binds pod by pod"):
            room = len(world.rack_of)
            await watch.until(
                lambda: sum(m.bound for m in _all(watch, load)) >= room, within_s=STARTS_WITHIN_S
            )
        with narrator.working(f"watching for {PATIENCE_S:.0f} s whether anything moves"):
            await watch.until(lambda: any(m.is_whole for m in _all(watch, load)), within_s=PATIENCE_S)
        half.seconds = loop.time() - begun
        _sum_up(half, load, watch)
        half.gpus_held = sum(
            measures.running * load.gang(measures.gang).gpus_each
            for measures in half.measures.values()
            if not measures.is_whole
        )
        narrator.stuck(load, half, half.seconds, watch)
    return half


async def _to_the_end(
    world: World, load: Load, half: Half, narrator: Narrator, watch: PodWatch, begun: float
) -> None:
    """Until every gang has trained and ended, in whatever order they start."""
    loop = asyncio.get_running_loop()
    over: set[str] = set()
    give_up_at = loop.time() + len(load.gangs) * (STARTS_WITHIN_S + WORK_S)
    while len(over) < len(load.gangs) and loop.time() < give_up_at:

        def moved() -> bool:
            return any(
                (m.is_whole and m.gang not in half.order) or (m.ended == m.size and m.gang not in over)
                for m in _all(watch, load)
            )

        with narrator.working(f"{half.order[-1]} trains for {WORK_S} s"):
            if not await watch.until(moved, within_s=give_up_at - loop.time()):
                return
        for seen in _all(watch, load):
            if seen.ended == seen.size and seen.gang not in over:
                over.add(seen.gang)
                narrator.ended(load.gang(seen.gang), loop.time() - begun)
        for seen in _all(watch, load):
            if seen.is_whole and seen.gang not in half.order:
                _started(half, world, narrator, seen, watch, begun)


def _started(
    half: Half, world: World, narrator: Narrator, seen: Measures, watch: PodWatch, begun: float
) -> None:
    half.order.append(seen.gang)
    half.racks[seen.gang] = len({world.rack_of[node] for node in seen.nodes if node in world.rack_of})
    at = asyncio.get_running_loop().time() - begun
    narrator.started(seen, half.racks[seen.gang], at, watch, waited=seen.gang in half.waiting)


def _sum_up(half: Half, load: Load, watch: PodWatch) -> None:
    half.measures = {each.gang: each for each in _all(watch, load)}


def _all(watch: PodWatch, load: Load) -> list[Measures]:
    return [watch.of(gang.name, gang.members) for gang in load.gangs]


@contextlib.asynccontextmanager
async def _scene(world: World, load: Load, namespace: str) -> AsyncIterator[tuple[PodWatch, float]]:
    """A namespace of its own, a watch, and the workers' rule: train when all of the gang run. All gone at the end."""
    await _post(
        world.generator,
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
    )
    await _until(lambda: _exists(world.observer, f"/api/v1/namespaces/{namespace}/serviceaccounts/default"))
    watch = PodWatch(world.observer, namespace)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(watch.run())]
        await watch.is_watching.wait()
        running += [tasks.create_task(_rendezvous(world, watch, gang, namespace)) for gang in load.gangs]
        yield watch, asyncio.get_running_loop().time()
        for task in running:
            task.cancel()
    await world.generator.delete(f"{GROUPS}/namespaces/{namespace}/podgroups")
    await world.generator.delete(f"/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=0")
    await _until(lambda: _is_empty(world.observer, f"/api/v1/namespaces/{namespace}/pods"))


async def _arrive(world: World, load: Load, namespace: str, scheduler: str, narrator: Narrator) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with narrator.working("creating pods, one of each gang in turn"):
        for gang, number in load.arrivals():
            await _post(
                world.generator, f"/api/v1/namespaces/{namespace}/pods", worker(gang, number, scheduler)
            )
    narrator.arrived(load, loop.time() - begun)


async def _rendezvous(world: World, watch: PodWatch, gang: Gang, namespace: str) -> None:
    """Play the workers: they wait for each other, and train only when all of them run."""
    forever = 24 * 3600.0
    await watch.until(lambda: watch.of(gang.name, gang.members).running == gang.members, within_s=forever)
    train = json.dumps({"metadata": {"annotations": {DURATION: f"{WORK_S}s"}}}).encode()
    for number in range(gang.members):
        await world.generator.patch(f"/api/v1/namespaces/{namespace}/pods/{gang.name}-{number}", train)


async def _why(world: World, gang: Gang, watch: PodWatch) -> Waiting:
    """What the PodGroup says, as soon as it says anything; and how many of its members are bound then."""
    path = f"{GROUPS}/namespaces/demo-tutti/podgroups/{gang.name}"
    deadline = asyncio.get_running_loop().time() + SAYS_WHY_WITHIN_S
    said: dict[str, Any] = {}
    while not said and asyncio.get_running_loop().time() < deadline:
        status = json.loads(await world.observer.get(path)).get("status", {})
        said = next(
            (c for c in status.get("conditions", []) if c["type"] == "Scheduled" and c["status"] == "False"),
            {},
        )
        if not said:
            await asyncio.sleep(0.1)
    bound = watch.of(gang.name, gang.members).bound
    settings = Settings()
    seen = await live.seen(world.observer, settings)
    explained = from_engine(seen.snapshot, GroupKey("demo-tutti", gang.name), settings)
    remedies = tuple(change["text"] for change in explained["changes"])
    return Waiting(str(said.get("reason", "")), str(said.get("message", "")), bound, remedies)


async def _post(transport: Transport, path: str, manifest: dict[str, Any]) -> None:
    await transport.post(path, json.dumps(manifest).encode())


async def _exists(transport: Transport, path: str) -> bool:
    try:
        await transport.get(path)
    except errors.NotFound:
        return False
    return True


async def _is_empty(transport: Transport, path: str) -> bool:
    return not json.loads(await transport.get(path, {"limit": "1"}))["items"]


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, for lack of anything to watch; TimeoutError when the API server does not get there."""
    async with asyncio.timeout(SETTLES_WITHIN_S):
        while not await holds():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.05)
