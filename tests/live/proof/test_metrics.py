"""What /metrics says of a running Tutti is what has happened on the cluster."""

import json
from collections.abc import Mapping

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.proof.conftest import Tutti
from tests.live.proof.team import Team

pytestmark = [pytest.mark.live, pytest.mark.slow]

Numbers = Mapping[tuple[str, str], float]


def probes(tutti: Tutti) -> str:
    """Return the address that it has logged at its start."""
    for line in tutti.log.read_text().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == "started":
            return str(said["probes"])
    raise AssertionError("it has not told where its probes are")


async def numbers(tutti: Tutti) -> Numbers:
    """Return every sample by name, and by reason where it has one."""
    async with aiohttp.ClientSession() as session, session.get(f"{probes(tutti)}/metrics") as answer:
        text = await answer.text()
    return {
        (sample.name.removeprefix("tutti_"), sample.labels.get("reason", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_say_what_was_bound_what_waits_and_what_is_free(
    tutti: Tutti, team: Team, gpus: int
) -> None:
    before = await numbers(tutti)
    await team.gang("whole", 8, gpus=4)
    await team.until_whole("whole", 8)
    await team.gang("large", 2, gpus=gpus)
    reason = "InsufficientResources"
    await team.until_reason("large", reason)

    async def told() -> bool:
        now = await numbers(tutti)
        return (
            now["gang_window_seconds_count", ""] == before["gang_window_seconds_count", ""] + 1
            and now["bind_span_seconds_count", ""] == before["bind_span_seconds_count", ""] + 1
            and now["watch_lag_seconds_count", ""] >= before["watch_lag_seconds_count", ""] + 8
            and now["gpus_allocatable", ""] == gpus
            and now["gpus_allocated", ""] >= 32
            and now.get(("pending_groups", reason), 0) >= 1
            and now.get(("pending_gpus", reason), 0) >= 2 * gpus
            and now["loop_delay_seconds_count", ""] > before["loop_delay_seconds_count", ""]
        )

    await team.until(f"the metrics tell of both gangs: {await numbers(tutti)}", told)
