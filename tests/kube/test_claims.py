"""Where a volume shall be made is written once, and over nobody else's word."""

from typing import Any

import pytest

from scheduler.kube.claims import ClaimWriter
from scheduler.kube.transport import Transport
from scheduler.model.ids import NodeName
from scheduler.model.plan import Provision
from scheduler.model.volumes import ClaimKey

PATH = "/api/v1/namespaces/a/persistentvolumeclaims/data"
SELECTED = "volume.kubernetes.io/selected-node"
WANTED = (Provision(ClaimKey("a", "data"), NodeName("n1")),)


def claim(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    meta = {"name": "data", "namespace": "a", "uid": "u", "annotations": annotations or {}}
    return {"metadata": meta, "spec": spec}


@pytest.fixture
def writer(transport: Transport) -> ClaimWriter:
    return ClaimWriter(transport)


async def test_the_node_is_written_against_the_version_that_was_read(api_server, writer) -> None:
    version = api_server.put(PATH, claim())["metadata"]["resourceVersion"]
    assert await writer.select(WANTED) == ""
    sent = api_server.bodies[-1]["metadata"]
    assert sent == {"resourceVersion": version, "uid": "u", "annotations": {SELECTED: "n1"}}


@pytest.mark.parametrize(
    "there", [claim({SELECTED: "n1"}), claim(volumeName="pv")], ids=["asked-already", "bound-already"]
)
async def test_what_is_there_already_is_not_written_again(api_server, writer, there: dict[str, Any]) -> None:
    api_server.put(PATH, there)
    assert await writer.select(WANTED) == ""
    assert api_server.asked == [f"GET {PATH}"]


async def test_a_node_that_somebody_else_has_chosen_stays(api_server, writer) -> None:
    api_server.put(PATH, claim({SELECTED: "n9"}))
    assert await writer.select(WANTED) == "the volume of claim a/data is being made for node n9"
    assert api_server.asked == [f"GET {PATH}"]


async def test_a_claim_that_is_gone_is_told(api_server, writer) -> None:
    assert await writer.select(WANTED) == "the volume claim a/data is gone"


async def test_after_a_conflict_or_a_lost_answer_the_claim_is_read_again(api_server, writer) -> None:
    for fault in ("409", "lose"):
        api_server.put(PATH, claim())
        writes = 0

        def first_write(request: Any, number: int, fault: str = fault) -> str:
            nonlocal writes
            writes += request.method == "PATCH"
            return fault if request.method == "PATCH" and writes == 1 else ""

        api_server.fault = first_write
        assert await writer.select(WANTED) == ""


async def test_a_right_that_is_missing_is_told(api_server, writer) -> None:
    api_server.put(PATH, claim())
    api_server.fault = lambda request, number: "403" if request.method == "PATCH" else ""
    assert (await writer.select(WANTED)).startswith("the node of claim a/data cannot be written: ")
