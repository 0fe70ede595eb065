"""What stands around the tiles: what is shown, what colours and numbers mean, and whose word it is."""

from typing import TYPE_CHECKING, Final

from scheduler.cli.topology_view.boxes import Detail
from scheduler.cli.topology_view.document import as_levels
from scheduler.cli.topology_view.painting import EDGE, FAINT, HATCH, INK, NONE, Painter
from scheduler.model.snapshot import Snapshot
from scheduler.topology import DomainTree
from scheduler.topology.graph import NVLINK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGE_INCHES: Final = 0.3
NOBODY: Final = "No source speaks of the network; every host stands alone."


def write_margins(
    figure: "Figure", snapshot: Snapshot, tree: DomainTree, painter: Painter, source: str
) -> None:
    """Write heading, legend and sources."""
    width, height = figure.get_figwidth(), figure.get_figheight()
    left, right = EDGE_INCHES / width, 1 - EDGE_INCHES / width
    levels = as_levels(snapshot, tree)
    parts = [f"{each['domains']:,} {_called(each['name'], each['domains'])}" for each in levels[1:]]
    free, total = int(painter.free.sum()), int(painter.total.sum())
    figure.text(
        left, 1 - 0.32 / height, " · ".join(parts), fontsize=15, weight="bold", color=INK, va="center"
    )
    share = f" ({free / total:.0%})" if total else ""
    figure.text(
        left,
        1 - 0.62 / height,
        f"{free:,} of {total:,} {painter.resource} free{share}",
        fontsize=11,
        color=FAINT,
        va="center",
    )
    figure.text(right, 1 - 0.62 / height, source, fontsize=10, color=FAINT, va="center", ha="right")
    _legend(figure, painter)
    told = [f"{each['name']}: {_main_source(each['evidence'])}" for each in levels if each["evidence"]]
    line = f"Levels from  {'   '.join(told)}" if told else NOBODY
    doubts = len(snapshot.evidence.conflicts), sum(len(each.nodes) for each in snapshot.evidence.unknowns)
    if any(doubts):
        line += f"   ({doubts[0]:,} disputed, {doubts[1]:,} not known: tutti topology show tells which)"
    most = int((width - 2 * EDGE_INCHES) / (0.53 * 8.5 / 72))
    figure.text(
        left, 0.2 / height, line if len(line) <= most else line[: most - 1] + "…", fontsize=8.5, color=FAINT
    )


def _legend(figure: "Figure", painter: Painter) -> None:
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import BoundaryNorm, Normalize  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    width, height = figure.get_figwidth(), figure.get_figheight()
    bar = figure.add_axes((EDGE_INCHES / width, 0.72 / height, 3.4 / width, 0.16 / height))
    sizes = set(painter.total[painter.total > 0].tolist())
    per_host = painter.plan.detail is not Detail.SUM and len(sizes) == 1 and max(sizes) <= 16
    if per_host:
        (most,) = sizes
        colors = painter.colors.resampled(most + 1)
        norm = BoundaryNorm([n - 0.5 for n in range(most + 2)], colors.N)
        made = figure.colorbar(ScalarMappable(norm, colors), cax=bar, orientation="horizontal")
        made.set_ticks(range(most + 1))
        what = f"free {painter.resource} of a host"
    else:
        made = figure.colorbar(
            ScalarMappable(Normalize(0, 100), painter.colors), cax=bar, orientation="horizontal"
        )
        made.set_ticks([0, 25, 50, 75, 100], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
        of = f"in a {painter.plan.tile}" if painter.plan.detail is Detail.SUM else "of a host"
        what = f"free share of {painter.resource} {of}"
    made.ax.tick_params(labelsize=8.5, colors=FAINT, length=2)
    made.outline.set_edgecolor(EDGE)
    figure.text(EDGE_INCHES / width, 0.98 / height, what, fontsize=9, color=INK, va="center")
    numbers = {
        Detail.HOST: "A tile is a host: free / all.",
        Detail.SQUARES: "A square is a host. Numbers: free / all.",
        Detail.SUM: f"A tile is a {painter.plan.tile}: free / all, in so many hosts.",
    }[painter.plan.detail]
    x = (EDGE_INCHES + 3.4 + 0.35) / width
    figure.text(x, 0.98 / height, numbers, fontsize=9, color=INK, va="center")
    keys = []
    if (painter.total == 0).any():
        keys.append(Patch(facecolor=NONE, edgecolor=EDGE, linewidth=0.6, label=f"no {painter.resource}"))
    if painter.cordoned.any():
        keys.append(Patch(facecolor="#ffffff", edgecolor=INK, hatch=HATCH, linewidth=0, label="cordoned"))
    if keys:
        figure.legend(
            handles=keys,
            loc="center left",
            bbox_to_anchor=(x - 0.08 / width, 0.74 / height),
            ncols=2,
            fontsize=9,
            frameon=False,
            labelcolor=INK,
        )


def _called(level: str, count: int) -> str:
    """Return a level as a noun, in the plural where it must be."""
    noun = "NVLink domain" if level == NVLINK else level
    return noun if count == 1 else f"{noun}s"


def _main_source(evidence: dict[str, int]) -> str:
    """Return the source that speaks of most nodes."""
    return max(evidence, key=lambda source: evidence[source])
