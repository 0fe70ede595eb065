"""Probes answer what is true now; a taken port is one sentence."""

import aiohttp
import pytest

from scheduler.config import ProbeSettings
from scheduler.telemetry.health import Checks, ProbeError, serve
from scheduler.telemetry.metrics import Metrics

ANY_PORT = ProbeSettings(host="127.0.0.1", port=0)


async def fetch(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, (await response.text()).strip()


async def test_a_follower_is_ready_but_not_when_asked_as_a_leader() -> None:
    checks = Checks(leading=lambda: "not leader")
    async with serve(ANY_PORT, Metrics(), checks) as url:
        assert await fetch(f"{url}/livez") == (200, "ok")
        assert await fetch(f"{url}/readyz") == (200, "ok")
        assert await fetch(f"{url}/readyz?leader=1") == (503, "not leader")


async def test_what_is_not_ready_says_why() -> None:
    problems = ["nodes are not listed yet"]
    async with serve(ANY_PORT, Metrics(), Checks(ready=lambda: problems[-1])) as url:
        assert await fetch(f"{url}/readyz") == (503, "nodes are not listed yet")
        problems.append("")
        assert await fetch(f"{url}/readyz") == (200, "ok")


async def test_readiness_carries_a_remark_whatever_the_answer_and_liveness_does_not() -> None:
    checks = Checks(leading=lambda: "not leader", remark=lambda: "kube-scheduler has not called for 35 s")
    async with serve(ANY_PORT, Metrics(), checks) as url:
        assert await fetch(f"{url}/livez") == (200, "ok")
        assert await fetch(f"{url}/readyz") == (200, "ok; kube-scheduler has not called for 35 s")
        said = (503, "not leader; kube-scheduler has not called for 35 s")
        assert await fetch(f"{url}/readyz?leader=1") == said


async def test_metrics_are_brought_up_to_date_before_they_are_read() -> None:
    metrics = Metrics()
    async with serve(ANY_PORT, metrics, Checks(prepare=lambda: metrics.leading(3))) as url:
        status, text = await fetch(f"{url}/metrics")
    assert status == 200
    assert "tutti_leader 1.0" in text


async def test_a_port_that_is_taken_is_named_with_the_setting_that_changes_it() -> None:
    async with serve(ANY_PORT, Metrics(), Checks()) as url:
        taken = ProbeSettings(host="127.0.0.1", port=int(url.rpartition(":")[2]))
        with pytest.raises(ProbeError, match=rf"{taken.port}.*probes\.port"):
            async with serve(taken, Metrics(), Checks()):
                raise AssertionError("two listeners on one port")


@pytest.mark.parametrize("path", ["/", "/debug", "/metrics/x", "/livez/.."])
async def test_there_is_nothing_else_to_see(path: str) -> None:
    async with serve(ANY_PORT, Metrics(), Checks()) as url:
        assert (await fetch(url + path))[0] == 404
