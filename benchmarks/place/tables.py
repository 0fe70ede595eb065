"""A result document as tables for people: at most 80 columns, one table per question."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """`title` and `note` are sentences; the first column is text, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def tables(document: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of what the document holds."""
    if "optimality" in document:
        yield _optimality(document["optimality"], document["loadAverage"])
        yield _rules(document["rules"])
    if "fabric" in document:
        yield _fabric(document["fabric"])


def _optimality(found: Mapping[str, Any], load: Mapping[str, Sequence[float]]) -> Table:
    groups = {"equal": found["equal"], "mixed": found["mixed"], **found["families"]}
    rows = [
        (
            name,
            f"{row['instances']:,}",
            str(row["unproven"]),
            _plain(row["feasibilityAgreement_percent"]),
            str(row["gaveUp"]),
            str(row["worse"]),
            _plain(row["excess_percent"]),
            _ms(row["decision_ms"]),
            _ms(row["solver_ms"]),
        )
        for name, row in groups.items()
    ]
    asked, feasible = (
        sum(groups[name][key] for name in ("equal", "mixed")) for key in ("instances", "feasible")
    )
    columns = ("GANGS", "N", "OPEN", "AGREE %", "GAVE UP", "WORSE", "OVER %", "MS", "SOLVER")
    title = (
        f"Tutti against the exact solver on {asked:,} instances, {feasible:,} of them feasible (open: not proven by the solver; agree: on "
        "what is feasible; over: domains more than the fewest; median ms):"
    )
    note = (
        f"One decision takes {_spread(found['equal']['decision_ms'])} for equal pods and {_spread(found['mixed']['decision_ms'])} for "
        f"mixed gangs, the solver {_spread(found['equal']['solver_ms'])} and {_spread(found['mixed']['solver_ms'])}; load average "
        f"{load['before'][0]:.1f} before, {load['after'][0]:.1f} after."
    )
    return Table(title, columns, rows, note)


def _rules(found: Mapping[str, Any]) -> Table:
    rows = [
        (
            name,
            _percent(row["falseRejections_percent"]["equal"]),
            _percent(row["falseRejections_percent"]["mixed"]),
            _percent(row["falseRejections_percent"]["mixed-one-rack"]),
            _percent(row["moreThanOptimum_percent"]),
            _percent(row["excess_percent"]),
            _ratio(row["hosts"], row["hostsOfTutti"]),
            _ms(row["decision_ms"]),
        )
        for name, row in found.items()
    ]
    feasible = next(iter(found.values()), {"feasible": 0})["feasible"]
    columns = ("RULE", "EQUAL", "MIXED", "1 RACK", "WORSE", "EXCESS", "HOSTS", "MS")
    title = (
        f"The same {feasible:,} feasible gangs by every rule (false rejections of equal, mixed, and mixed gangs in one rack; "
        "placements in more domains than the fewest, and how many more; hosts beside Tutti's; median ms):"
    )
    return Table(title, columns, rows)


def _fabric(found: Mapping[str, Any]) -> Table:
    rows = [
        (
            name,
            _plain(row["racksPerGang"]),
            *(_plain(each) for each in row["racksPerGangBySize"].values()),
            str(row["refused"]),
            str(row["falseRejections"]),
            _percent(row["fragmentation_percent"], 1),
            _ms(row["decision_ms"]),
        )
        for name, row in found["contenders"].items()
    ]
    columns = ("RULE", "RACKS", "2-8", "9-32", "33+", "REFUSED", "FALSE", "FRAGM.", "MS")
    title = (
        f"{found['gangs']:,} gangs on the {found['hosts']} hosts of a real fabric, kept {found['fullAt_percent']:.0f} % full "
        "(racks per gang, by members; refused in all and falsely; free hosts that the size mix leaves unused; median ms):"
    )
    return Table(title, columns, rows)


def _percent(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f} %"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole - 1:+.1%}" if whole else ""


def _spread(times: Mapping[str, Any]) -> str:
    if not times.get("n"):
        return "(not asked)"
    return f"{times['median']:.2f} ms (p99 {times['p99']:.1f}, n = {times['n']:,})"


def _ms(times: Mapping[str, Any]) -> str:
    return f"{times['median']:.2f}" if times.get("n") else ""
