"""A figure out of its range is named, and so is one that is missing."""

from pathlib import Path

import pytest

from benchmarks.check import RangesError, check

RESULTS = {"scenario": "live", "cases": {"one": {"ratio": {"median": 2.5}}}}


def ranges(tmp_path: Path, *figures: str, scenario: str = "live") -> Path:
    path = tmp_path / "ranges.yaml"
    path.write_text(f"scenario: {scenario}\nfigures:\n" + "".join(f"  - {figure}\n" for figure in figures))
    return path


def test_figures_in_range_are_passed_over(tmp_path: Path) -> None:
    path = ranges(tmp_path, "{path: cases/one/ratio/median, atLeast: 2.5, atMost: 3, origin: by hand}")
    assert check(RESULTS, path) == []


def test_figure_out_of_range_is_named_with_its_bound_and_where_that_comes_from(tmp_path: Path) -> None:
    path = ranges(tmp_path, "{path: cases/one/ratio/median, atLeast: 3, origin: by hand}")
    (miss,) = check(RESULTS, path)
    assert str(miss) == "cases/one/ratio/median is 2.5, but must be at least 3 (by hand)"


def test_figure_that_is_missing_is_out_of_range(tmp_path: Path) -> None:
    (miss,) = check(RESULTS, ranges(tmp_path, "{path: cases/two/ratio, exactly: 1, origin: by hand}"))
    assert "is missing" in str(miss)


@pytest.mark.parametrize("figure", ["{path: a, origin: x}", "{path: a, atMost: 1}", "{atMost: 1, origin: x}"])
def test_bound_without_origin_and_figure_without_bound_are_refused(tmp_path: Path, figure: str) -> None:
    with pytest.raises(RangesError):
        check(RESULTS, ranges(tmp_path, figure))


def test_ranges_of_other_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RangesError, match="is about place"):
        check(RESULTS, ranges(tmp_path, "{path: a, atMost: 1, origin: x}", scenario="place"))


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "benchmarks/ranges").glob("*.yaml")), ids=lambda p: p.stem
)
def test_range_files_in_the_tree_can_be_used(path: Path) -> None:
    scenario = path.read_text(encoding="utf-8").split("scenario: ")[1].split("\n")[0]
    assert check({"scenario": scenario}, path), "nothing measured is nothing reached"
