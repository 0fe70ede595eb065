"""What the API server refuses, and that its answer names the field: the cases are in `refused.yaml`."""

from __future__ import annotations

import contextlib
import secrets

import pytest

from tests.live.api import Api, ApiError
from tests.live.objects.cases import Case, collection, load

pytestmark = pytest.mark.live
REFUSED = load("refused.yaml")


def test_there_are_more_than_sixty_and_no_id_twice() -> None:
    assert len({case.id for case in REFUSED}) == len(REFUSED) >= 60


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.kind}-{case.id}")
async def test_is_refused_with_a_message_that_names_the_field(admin: Api, case: Case) -> None:
    name = case.name or f"refused-{secrets.token_hex(4)}"
    path = collection(case.kind, "default")
    try:
        with pytest.raises(ApiError) as refusal:
            made = await admin.create(path, case.manifest(name))
            await admin.update(f"{path}/{name}/status", {**made, "status": case.status})
    finally:
        with contextlib.suppress(ApiError):
            await admin.delete(f"{path}/{name}")
    assert refusal.value.code == 422
    causes = [(cause["field"], cause["message"]) for cause in refusal.value.status["details"]["causes"]]
    assert any(field == case.field and case.says in message for field, message in causes), causes
    assert case.field in refusal.value.message


async def test_the_epoch_of_a_record_never_falls(admin: Api, namespace: str) -> None:
    path = collection("PodGroup", namespace)
    made = await admin.create(path, Case("", "PodGroup", {"minCount": 1}).manifest("fenced"))
    attempt = {"version": 1, "id": "a", "epoch": 7, "generation": 1, "minCount": 1, "phase": "Prepared"}
    status = {"attempt": {**attempt, "planRev": 1, "members": []}}
    made = await admin.update(f"{path}/fenced/status", {**made, "status": status})
    with pytest.raises(ApiError) as refusal:
        await admin.patch(f"{path}/fenced/status", {"status": {"attempt": {"epoch": 6}}})
    assert refusal.value.code == 422
    assert "the record is of epoch 7, this write is of epoch 6" in refusal.value.message
    assert "status.attempt.epoch" in refusal.value.message
    renewed = await admin.patch(f"{path}/fenced/status", {"status": {"attempt": {"epoch": 8}}})
    assert renewed["status"]["attempt"]["epoch"] == 8
