"""What a running Tutti says on its probes."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

Numbers = Mapping[tuple[str, str], float]


def probes(tutti: "Tutti") -> str:
    """Return the address that it has logged at its start."""
    for line in tutti.log.read_text().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == "started":
            return str(said["probes"])
    raise AssertionError("it has not told where its probes are")


async def numbers(tutti: "Tutti") -> Numbers:
    """Return every sample by name, and by reason where it has one."""
    async with aiohttp.ClientSession() as session, session.get(f"{probes(tutti)}/metrics") as answer:
        text = await answer.text()
    return {
        (sample.name.removeprefix("tutti_"), sample.labels.get("reason", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def ready(tutti: "Tutti") -> str:
    """Return what readiness says beside its status."""
    async with aiohttp.ClientSession() as session, session.get(f"{probes(tutti)}/readyz") as answer:
        return await answer.text()
