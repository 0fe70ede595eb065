"""The verbs with the real desk, cache and lifecycle behind them: what is said of a pod that is not the one we know does no harm."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from scheduler.config import ExtenderSettings
from scheduler.extender.app import make
from scheduler.model.podgroups import MemberRef
from tests.driver.office import Office

SETTINGS = ExtenderSettings(filter_patience_s=0.0)
NODES = ["n1", "n2"]
Json = dict[str, Any]


@pytest.fixture
def office() -> Office:
    made = Office()
    made.nodes(*NODES)
    return made


@pytest.fixture
def ring(office: Office) -> list[MemberRef]:
    """A gang of two that is planned."""
    made = office.gang("ring", 2)
    office.settle()
    office.clock.now += 1.0
    return made


@pytest_asyncio.fixture
async def client(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make(office.desk, SETTINGS, ("tutti",)))
    async with httpx.AsyncClient(transport=transport, base_url="http://extender") as made:
        yield made


async def ask(client: httpx.AsyncClient, verb: str, body: Json) -> Any:
    answer = await client.post(f"/{verb}", content=json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


def about(name: str, uid: str, **more: Any) -> Json:
    pod = {
        "metadata": {"name": name, "namespace": "team", "uid": uid},
        "spec": {"schedulerName": "tutti"},
    }
    return {"Pod": pod, "NodeNames": NODES, **more}


def binding(name: str, uid: str, node: str) -> Json:
    return {"PodName": name, "PodNamespace": "team", "PodUID": uid, "Node": node}


FOREIGN = [
    pytest.param("nobody-0", "nobody-0", id="unknown-pod"),
    pytest.param("ring-0", "former", id="other-uid"),
    pytest.param("ring-0", "ring-1", id="uid-of-another-member"),
]


@pytest.mark.parametrize(("name", "uid"), FOREIGN)
async def test_pod_that_we_do_not_know_gets_no_node_no_victims_and_no_binding(
    client: httpx.AsyncClient, office: Office, ring: list[MemberRef], name: str, uid: str
) -> None:
    planned = [office.planned(member) for member in ring]
    found = await ask(client, "filter", about(name, uid))
    assert found["NodeNames"] == []
    assert set(found["FailedAndUnresolvableNodes"]) == set(NODES)
    scores = await ask(client, "prioritize", about(name, uid))
    assert {line["Score"] for line in scores} == {0}
    victims = await ask(client, "preempt", about(name, uid, NodeNameToMetaVictims={"n1": {"Pods": []}}))
    assert victims == {"NodeNameToMetaVictims": {}}
    error = (await ask(client, "bind", binding(name, uid, "n1")))["Error"]
    assert error.startswith("MemberChanged")
    office.settle()
    assert [office.planned(member) for member in ring] == planned, "the plan of the gang was disturbed"
    assert office.ordered == []


@pytest.mark.parametrize(("name", "uid"), FOREIGN)
async def test_gang_is_bound_whole_though_somebody_asks_in_the_name_of_its_members(
    client: httpx.AsyncClient, office: Office, ring: list[MemberRef], name: str, uid: str
) -> None:
    votes = []
    for member in ring:
        body = binding(member.key.name, member.uid, office.planned(member))
        votes.append(asyncio.create_task(ask(client, "bind", body)))
        await ask(client, "bind", binding(name, uid, "n2"))
        await ask(client, "filter", {**about(name, uid), "NodeNames": []})
    while len(office.inbox) < len(ring):
        await asyncio.sleep(0)
    office.turn()
    office.bind()
    office.bind()
    assert await asyncio.gather(*votes) == [{"Error": ""}, {"Error": ""}]
