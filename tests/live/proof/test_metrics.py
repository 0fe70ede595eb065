"""What /metrics says of a running Tutti is what has happened on the cluster."""

import pytest

from tests.live.proof.conftest import Tutti
from tests.live.proof.probes import numbers
from tests.live.proof.team import Team

pytestmark = [pytest.mark.live, pytest.mark.slow]


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
