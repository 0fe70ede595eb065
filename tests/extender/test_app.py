"""The extender's verbs, asked as kube-scheduler asks, and as somebody hostile would."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.config import ExtenderSettings
from scheduler.driver.desk import Refusal
from scheduler.extender.app import make
from scheduler.model.ids import NodeName, PodUid
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import Reason

SETTINGS = ExtenderSettings(max_body_bytes=64 * 1024)
Json = dict[str, Any]


@dataclass
class Planner:
    """A desk with plans in a table; votes are answered by the test."""

    is_leading: bool = True
    plans: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    dropped: list[tuple[str, frozenset[NodeName]]] = field(default_factory=list)
    votes: dict[str, "asyncio.Future[str | None]"] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    calls: int = 0

    def heard(self) -> None:
        self.calls += 1

    def knows(self, uid: PodUid) -> bool:
        return uid in self.known

    async def planned_node(self, ref: MemberRef, patience_s: float) -> NodeName | Refusal:
        del patience_s
        node = self.plans.get(ref.uid)
        return (
            NodeName(node) if node is not None else Refusal(Reason.GANG_INCOMPLETE, "3 of 4 members exist.")
        )

    def node_not_offered(self, ref: MemberRef, offered: frozenset[NodeName]) -> None:
        self.dropped.append((ref.uid, offered))

    async def vote(self, ref: MemberRef, node: NodeName) -> str | None:
        del node
        future = self.votes.setdefault(ref.uid, asyncio.get_running_loop().create_future())
        try:
            return await future
        except asyncio.CancelledError:
            self.gone.append(ref.uid)
            raise


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest_asyncio.fixture
async def client(planner: Planner) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make(planner, SETTINGS, ("tutti",)))
    async with httpx.AsyncClient(transport=transport, base_url="http://extender") as made:
        yield made


def pod(uid: str = "u1", scheduler: str = "tutti") -> Json:
    return {
        "metadata": {"name": "m1", "namespace": "team", "uid": uid},
        "spec": {"schedulerName": scheduler, "containers": None},
    }


async def ask(client: httpx.AsyncClient, verb: str, body: Any) -> Any:
    answer = await client.post(f"/{verb}", content=json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_filter_keeps_the_planned_node_alone(client: httpx.AsyncClient, planner: Planner) -> None:
    planner.plans["u1"] = "n2"
    answer = await ask(client, "filter", {"Pod": pod(), "Nodes": None, "NodeNames": ["n1", "n2", "n3"]})
    assert answer["NodeNames"] == ["n2"]
    assert not answer["FailedNodes"]


async def test_filter_answers_whole_nodes_where_whole_nodes_came(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    planner.plans["u1"] = "n2"
    items = [{"metadata": {"name": name, "labels": {"a": "b"}}, "status": {}} for name in ("n1", "n2")]
    answer = await ask(client, "filter", {"Pod": pod(), "Nodes": {"items": items}, "NodeNames": None})
    assert answer["Nodes"]["items"] == [items[1]]


async def test_without_a_plan_no_node_passes_and_none_may_be_preempted_for_one_member(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(client, "filter", {"Pod": pod(), "NodeNames": ["n1", "n2"]})
    assert answer["NodeNames"] == []
    assert answer["FailedAndUnresolvableNodes"] == {
        "n1": "GangIncomplete: 3 of 4 members exist.",
        "n2": "GangIncomplete: 3 of 4 members exist.",
    }


async def test_planned_node_that_is_not_offered_is_reported_and_nothing_passes(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    planner.plans["u1"] = "n9"
    answer = await ask(client, "filter", {"Pod": pod(), "NodeNames": ["n1"]})
    assert answer["NodeNames"] == []
    assert planner.dropped == [("u1", frozenset({"n1"}))]


async def test_pods_of_others_pass_untouched(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "filter", {"Pod": pod("x", "default-scheduler"), "NodeNames": ["n2", "n1"]})
    assert answer["NodeNames"] == ["n2", "n1"]


async def test_prioritize_prefers_the_planned_node(client: httpx.AsyncClient, planner: Planner) -> None:
    planner.plans["u1"] = "n2"
    answer = await ask(client, "prioritize", {"Pod": pod(), "NodeNames": ["n1", "n2"]})
    assert answer == [{"Host": "n1", "Score": 0}, {"Host": "n2", "Score": 10}]


async def test_preempt_offers_no_victims_for_a_member_and_keeps_those_of_others(
    client: httpx.AsyncClient,
) -> None:
    victims = {"n1": {"Pods": [{"UID": "v1"}], "NumPDBViolations": 1}}
    ours = await ask(client, "preempt", {"Pod": pod(), "NodeNameToMetaVictims": victims})
    assert ours == {"NodeNameToMetaVictims": {}}
    theirs = await ask(client, "preempt", {"Pod": pod("x", "other"), "NodeNameToMetaVictims": victims})
    assert theirs == {"NodeNameToMetaVictims": victims}


@pytest.mark.parametrize("error", [None, "VotesMissing: 1 of 2 members did not reach binding in time"])
async def test_bind_waits_for_the_answer_to_its_vote(
    client: httpx.AsyncClient, planner: Planner, error: str | None
) -> None:
    asking = asyncio.create_task(
        ask(client, "bind", {"PodName": "m1", "PodNamespace": "team", "PodUID": "u1", "Node": "n1"})
    )
    while "u1" not in planner.votes:
        await asyncio.sleep(0)
    assert not asking.done()
    planner.votes["u1"].set_result(error)
    assert await asking == {"Error": error or ""}


async def test_replica_that_does_not_lead_answers_503(client: httpx.AsyncClient, planner: Planner) -> None:
    planner.is_leading = False
    for verb in ("filter", "prioritize", "preempt", "bind"):
        assert (await client.post(f"/{verb}", content=b"{}")).status_code == 503
    assert planner.calls == 4, "heard all the same"


async def test_too_large_a_body_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    large = b'{"Pod":' + b" " * SETTINGS.max_body_bytes + b"null}"
    assert (await client.post("/filter", content=large)).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 1024

    assert (await client.post("/filter", content=chunks())).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not json", id="not-json"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"Pod":null}', id="no-pod"),
        pytest.param(b'{"Pod":{"metadata":{"name":"a"}}}', id="no-uid"),
        pytest.param(b'{"Pod":{"metadata":{"name":7}}}', id="wrong-type"),
        pytest.param(b'{"Pod":' + b"[" * 20_000, id="deep"),
        pytest.param(
            json.dumps({"Pod": {"metadata": {"name": "a" * 300, "namespace": "b", "uid": "c"}}}).encode(),
            id="long-name",
        ),
        pytest.param(b'{"Pod":{"metadata":{"name":"\xff"}}}', id="not-utf8"),
    ],
)
@pytest.mark.parametrize("verb", ["filter", "prioritize", "preempt", "bind"])
async def test_malformed_body_is_a_clear_400(client: httpx.AsyncClient, verb: str, body: bytes) -> None:
    answer = await client.post(f"/{verb}", content=body)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert 0 < len(answer.text) < 600


async def test_there_is_no_documentation_page(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await client.get(path)).status_code == 404


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["metadata", "name", "uid", "items", "Pods"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verb=st.sampled_from(["filter", "prioritize", "preempt", "bind"]),
    body=st.dictionaries(
        st.sampled_from(
            [
                "Pod",
                "Nodes",
                "NodeNames",
                "PodName",
                "PodNamespace",
                "PodUID",
                "Node",
                "NodeNameToVictims",
                "NodeNameToMetaVictims",
            ]
        ),
        ANYTHING,
        max_size=5,
    ),
)
async def test_any_body_gets_an_answer_and_never_a_fault(verb: str, body: Json) -> None:
    planner = Planner()
    transport = httpx.ASGITransport(app=make(planner, SETTINGS, ("tutti",)))
    async with httpx.AsyncClient(transport=transport, base_url="http://extender") as client:
        if verb == "bind" and all(
            isinstance(body.get(k), str) and body[k] for k in ("PodName", "PodNamespace", "PodUID", "Node")
        ):
            return  # a proper vote waits; that is told elsewhere
        answer = await client.post(f"/{verb}", content=json.dumps(body))
    assert answer.status_code in {200, 400}
