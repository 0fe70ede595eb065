"""The table of what decisions cost has a row for every case, and says where it comes from."""

import json
from pathlib import Path

from benchmarks import decision_cost


def test_every_case_is_measured_and_the_result_carries_its_origin(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    decision_cost.main(["--nodes", "320", "--repeats", "1", "--out", str(out)])
    result = json.loads(out.read_text())
    placed = {row["case"]: row["placed"] for row in result["rows"]}
    assert placed.keys() >= {case.name for case in decision_cost.CASES}
    assert (placed["64 x 8"], placed["512 x 8"]) == (True, False), (
        "320 nodes, of which seven in ten are in use"
    )
    assert all(row["search_ms"] > 0 and row["cold_ms"] > 0 for row in result["rows"])
    assert result["provenance"]["seed"] == decision_cost.SEED
