"""The driver with everything of ours that is real, before an API server of a few lines whose watch is immediate."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from scheduler.config import ApiSettings, CycleSettings, LeaderSettings
from scheduler.driver.chronicle import Chronicle
from scheduler.driver.driver import Driver, Hands
from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import Bind, BindDone, Record
from scheduler.engine.steps import LifecycleSettings
from scheduler.kube.binder import Binder
from scheduler.kube.cache import Cache
from scheduler.kube.claims import ClaimWriter
from scheduler.kube.ingest import Ingest
from scheduler.kube.leases import Elector, Term, suspended_too
from scheduler.kube.recorder import Recorder
from scheduler.kube.reflector import Gone, Put
from scheduler.kube.status import StatusWriter
from scheduler.kube.transport import Transport
from scheduler.model.ids import AttemptId, GroupKey, NodeName
from scheduler.model.plan import Assignment
from scheduler.model.podgroups import Attempt, AttemptPhase
from scheduler.policies.registry import default_policies
from scheduler.telemetry.metrics import Metrics
from tests.build import gang
from tests.kube.conftest import FakeApiServer, api_server, transport

__all__ = ["api_server", "transport"]  # fixtures

GROUPS = "/apis/scheduling.tutti.dev/v1alpha1/namespaces/team/podgroups"
PODS = "/api/v1/namespaces/team/pods"


class World:
    """A scheduler that leads, and what a user and other schedulers do to its cluster."""

    def __init__(self, server: FakeApiServer, transport: Transport, term: Term) -> None:
        self.server, self.term = server, term
        self.cache = Cache(scheduler_names=("tutti",), clock=suspended_too)
        self._ingest = Ingest(self.cache)
        self._resources = {each.kind: each for each in self._ingest.resources()}
        self.lifecycle = Lifecycle(LifecycleSettings(publish_delay_s=0.05, backoff_initial_s=0.05), epoch=7)
        recorder = Recorder(transport, "test")
        self.driver = Driver(
            self.lifecycle,
            default_policies(),
            Hands(
                self.cache,
                Binder(transport, ApiSettings()),
                StatusWriter(transport, facts=self.cache),
                ClaimWriter(transport),
            ),
            term,
            clock=suspended_too,
            wall_offset_s=0.0,
            settings=CycleSettings(publish_delay_s=0.05, backoff_initial_s=0.05),
            chronicle=Chronicle(Metrics(), recorder, self.cache),
        )
        server.after = lambda request, number: self._watched(request.path)

    # --- what others do --------------------------------------------------------------------------------------------------

    def node(self, name: str, cpu: str = "8", **spec: Any) -> None:
        amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        self._put(
            "nodes",
            f"/api/v1/nodes/{name}",
            {"metadata": {"name": name, "uid": name}, "spec": spec, "status": {"allocatable": amounts}},
        )

    def group(self, name: str, size: int, uid: str = "g-1") -> None:
        meta = {"name": name, "namespace": "team", "uid": uid, "generation": 1}
        self._put(
            "podgroups", f"{GROUPS}/{name}", {"metadata": meta, "spec": {"minCount": size}, "status": {}}
        )

    def pod(
        self,
        name: str,
        group: str,
        *,
        uid: str = "",
        node: str = "",
        scheduler: str = "tutti",
        cpu: str = "1",
    ) -> None:
        labels = {"scheduling.tutti.dev/pod-group": group} if group else {}
        meta = {"name": name, "namespace": "team", "uid": uid or f"uid-{name}", "labels": labels}
        container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
        spec = {"schedulerName": scheduler, "containers": [container], **({"nodeName": node} if node else {})}
        self._put("pods", f"{PODS}/{name}", {"metadata": meta, "spec": spec, "status": {"phase": "Pending"}})

    def delete(self, kind: str, path: str) -> None:
        gone = self.server.objects.pop(path)["metadata"]
        self._ingest.gone(self._resources[kind], Gone((gone.get("namespace", ""), gone["name"]), gone["uid"]))

    # --- what can be seen ------------------------------------------------------------------------------------------------

    def bound(self) -> dict[str, str]:
        pods = {p: o for p, o in self.server.objects.items() if p.startswith(PODS)}
        return {
            p.rsplit("/", 1)[1]: o["spec"]["nodeName"] for p, o in pods.items() if o["spec"].get("nodeName")
        }

    def phase(self, group: str) -> str:
        return str(self.server.objects[f"{GROUPS}/{group}"]["status"].get("attempt", {}).get("phase", ""))

    def reason(self, group: str) -> str:
        conditions = self.server.objects[f"{GROUPS}/{group}"]["status"].get("conditions", [])
        return next((str(c["reason"]) for c in conditions if c["type"] == "Scheduled"), "")

    def asked(self, verb: str, what: str) -> list[str]:
        return [each for each in self.server.asked if each.startswith(verb) and what in each]

    def _put(self, kind: str, path: str, body: dict[str, Any]) -> None:
        self.server.put(path, body)
        self._watched(path)

    def _watched(self, path: str) -> None:
        """Show the object that a request was about to the cache, as a watch would."""
        for kind, prefix in (("pods", PODS), ("podgroups", GROUPS), ("nodes", "/api/v1/nodes")):
            if path.startswith(f"{prefix}/"):
                key = "/".join([prefix, path.removeprefix(f"{prefix}/").split("/")[0]])
                found = self.server.objects.get(key)
                if found is not None:
                    meta = found["metadata"]
                    raw = msgspec.Raw(json.dumps(found).encode())
                    self._ingest.put(
                        self._resources[kind],
                        Put((meta.get("namespace", ""), meta["name"]), meta["uid"], raw),
                    )


async def until(claim: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.005)


@pytest.fixture
async def world(api_server: FakeApiServer, transport: Transport) -> AsyncIterator[World]:
    term = await Elector(transport, LeaderSettings(), "ns", "me").acquire()
    made = World(api_server, transport, term)
    made.node("n1")
    running = asyncio.create_task(made.driver.run())
    yield made
    made.driver.stop()
    async with asyncio.timeout(10):
        await running
    await term.release()


async def test_gang_is_recorded_bound_and_closed(world: World) -> None:
    world.group("ring", 2)
    world.pod("a", "ring")
    world.pod("b", "ring")
    await until(lambda: world.phase("ring") == "Committed")
    assert world.bound() == {"a": "n1", "b": "n1"}
    first_bind = world.server.asked.index(world.asked("POST", "/binding")[0])
    record = world.server.asked.index(world.asked("PATCH", "podgroups/ring/status")[0])
    assert record < first_bind


async def test_gang_without_room_says_so_and_starts_when_there_is(world: World) -> None:
    world.pod("foreign", "", node="n1", scheduler="other", cpu="7")
    world.group("ring", 2)
    world.pod("a", "ring")
    world.pod("b", "ring")
    await until(lambda: world.reason("ring") == "InsufficientResources")
    assert not world.asked("POST", "/binding")
    world.delete("pods", f"{PODS}/foreign")
    await until(lambda: world.phase("ring") == "Committed")


async def test_node_that_is_cordoned_while_the_record_is_written_gets_nobody(world: World) -> None:
    seen: list[str] = []

    def cordon(request: Any, number: int) -> str:
        if request.path.endswith("podgroups/ring/status") and not seen:
            seen.append(request.path)
            world.node("n2")
            world.node("n1", unschedulable=True)
        return ""

    world.server.fault = cordon
    world.group("ring", 2)
    world.pod("a", "ring")
    world.pod("b", "ring")
    await until(lambda: len(world.bound()) == 2)
    assert set(world.bound().values()) == {"n2"}


async def test_group_deleted_while_it_is_bound_does_not_wedge_its_successor(world: World) -> None:
    world.server.fault = lambda request, number: "hang" if request.path.endswith("/binding") else ""
    world.group("ring", 2)
    world.pod("a", "ring")
    world.pod("b", "ring")
    await until(lambda: len(world.asked("POST", "/binding")) == 2)
    world.delete("podgroups", f"{GROUPS}/ring")
    for name in ("a", "b"):
        world.delete("pods", f"{PODS}/{name}")
    world.server.fault = lambda request, number: ""
    world.group("ring", 2, uid="g-2")
    world.pod("a", "ring", uid="fresh-a")
    world.pod("b", "ring", uid="fresh-b")
    await until(lambda: world.phase("ring") == "Committed")
    assert set(world.bound()) == {"a", "b"}


async def test_nothing_is_written_once_the_lead_is_lost(world: World) -> None:
    world.group("ring", 2)
    world.pod("a", "ring")
    await until(world.cache.keys)
    world.term.lost.set()
    world.pod("b", "ring")
    asked = len(world.asked("POST", "/binding"))
    await asyncio.sleep(0)
    world.driver.stop()
    assert len(world.asked("POST", "/binding")) == asked == 0


async def test_clean_stop_finishes_what_is_on_the_way(world: World) -> None:
    world.group("ring", 2)
    world.pod("a", "ring")
    world.pod("b", "ring")
    await until(lambda: world.asked("PATCH", "podgroups/ring/status"))
    world.driver.stop()
    await until(lambda: world.phase("ring") == "Committed")
    assert len(world.bound()) == 2


async def test_bind_span_runs_from_answer_to_answer_although_one_turn_takes_in_both(
    api_server: FakeApiServer, transport: Transport
) -> None:
    now, key, metrics = [1000.0], GroupKey("team", "ring"), Metrics()
    cache = Cache(scheduler_names=("tutti",), clock=lambda: now[0])
    group, pods = gang("ring", 2)
    cache.put_group(group)
    for pod in pods:
        cache.put_pod(replace(pod, scheduler_name="tutti"))
    chronicle = Chronicle(metrics, Recorder(transport, "test"), cache)
    term = await Elector(transport, LeaderSettings(), "ns", "me").acquire()
    driver = Driver(
        Lifecycle(LifecycleSettings(), epoch=7),
        default_policies(),
        Hands(
            cache,
            Binder(transport, ApiSettings()),
            StatusWriter(transport, facts=cache),
            ClaimWriter(transport),
        ),
        term,
        clock=lambda: now[0],
        wall_offset_s=0.0,
        settings=CycleSettings(),
        chronicle=chronicle,
    )
    for rank, pod in enumerate(pods):
        slot = Assignment(pod.key, pod.uid, NodeName("n1"), rank)
        chronicle.instructed(Bind(key, AttemptId("e7-1"), 7, slot, ""), now[0])
    driver.post(BindDone(key, pods[0].uid))
    now[0] += 0.004
    driver.post(BindDone(key, pods[1].uid))
    now[0] += 60.0
    driver.stop()  # nothing new is decided
    driver._turn()
    done = Attempt(AttemptId("e7-1"), 7, 1, 2, AttemptPhase.COMMITTED, ())
    chronicle.instructed(Record(key, done, ""), now[0])
    assert metrics.registry.get_sample_value("tutti_bind_span_seconds_sum") == pytest.approx(0.004)
    assert metrics.registry.get_sample_value("tutti_gang_window_seconds_sum") == pytest.approx(0.004)
    await term.release()
