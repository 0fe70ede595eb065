"""The ranges of placement name only figures that a result has."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("place-*.json"))
RANGES = sorted((ROOT / "benchmarks" / "ranges").glob("place*.yaml"))


@pytest.mark.parametrize("ranges", RANGES, ids=lambda path: path.name)
def test_every_figure_of_a_range_is_in_the_results(ranges: Path) -> None:
    assert RESULTS
    for result in RESULTS:
        document = yaml.safe_load(result.read_text())
        for figure in yaml.safe_load(ranges.read_text())["figures"]:
            found = document
            for name in figure["path"].split("/"):
                found = found[name]
            assert isinstance(found, int | float), figure["path"]
