"""
A picture of the topology: frames for blocks, tiles for racks or hosts, coloured by how many devices are free, with the numbers.

Colours are viridis, which people with any colour vision read alike, dark for nothing free; the number stands in every tile. matplotlib is
imported when something is drawn: it comes with the extra `reports`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from scheduler.cli.errors import CommandError
from scheduler.cli.topology_view.boxes import plan_of
from scheduler.cli.topology_view.margins import EDGE_INCHES, write_margins
from scheduler.cli.topology_view.packing import packed
from scheduler.cli.topology_view.painting import Painter
from scheduler.model.snapshot import Snapshot
from scheduler.topology import DomainTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 110
MOST_INCHES: Final = 26.0
LEAST_INCHES: Final = 9.0
HEAD: Final = 0.85  # inches above the tiles
FOOT: Final = 1.25  # and below


def require(path: Path) -> None:
    """Say at once what would stop a picture from being drawn. Raises: CommandError."""
    try:
        import matplotlib  # noqa: F401, PLC0415
    except ImportError as problem:
        raise CommandError(
            "A picture needs matplotlib; install it with: pip install 'tutti-scheduler[reports]'."
        ) from problem
    if not path.parent.is_dir():
        raise CommandError(
            f"There is no folder {path.parent} to put the picture in; make it, or name another file."
        )


def draw(snapshot: Snapshot, tree: DomainTree, path: Path, *, source: str) -> None:
    """Draw the topology to a PNG file. Raises: CommandError."""
    if not tree.nodes:
        raise CommandError("There is no node to draw; name a cluster or a file that has some.", 1)
    figure = _figure(snapshot, tree, source)
    try:
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": "tutti topology show"})
    except OSError as problem:
        raise CommandError(
            f"The picture cannot be written to {path} ({problem.strerror}); name another file."
        ) from problem


def _figure(snapshot: Snapshot, tree: DomainTree, source: str) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    plan = plan_of(tree)
    placed, w, h = packed(plan.root, plan.detail)
    unit = min(1.0, MOST_INCHES / w)
    width = max(LEAST_INCHES, w * unit + 2 * EDGE_INCHES)
    figure = Figure(figsize=(width, h * unit + HEAD + FOOT))
    FigureCanvasAgg(figure)
    height = figure.get_figheight()
    axes = figure.add_axes((EDGE_INCHES / width, FOOT / height, w * unit / width, h * unit / height))
    axes.set(xlim=(0, w), ylim=(0, h), xticks=[], yticks=[])
    axes.set_axis_off()
    painter = Painter(snapshot, tree, plan, axes, unit)
    painter.paint(placed)
    write_margins(figure, snapshot, tree, painter, source)
    return figure
