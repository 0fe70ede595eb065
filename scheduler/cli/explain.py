"""
`tutti explain group NS/NAME`: which gate failed, in numbers, and what would help.

The live cluster is read as the scheduler reads it and the question is put to the same engine; beside its answer stands what the scheduler
itself last wrote, which wins where they differ (`answers`). Who may not list nodes is told only that.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from scheduler.cli import live
from scheduler.cli.answers import combined, from_status, said_of
from scheduler.cli.errors import ANSWER_IS_NO, CommandError
from scheduler.cli.explanations import draw_explanation
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, age, show, table
from scheduler.config import Mode, Settings
from scheduler.dialects import own
from scheduler.kube import errors
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey
from scheduler.model.snapshot import Snapshot

app = typer.Typer(no_args_is_help=True, help="Say why a group waits, and what would help.")

API: Final = f"/apis/{own.GROUP}/{own.VERSION}"


@app.callback()
def explain() -> None:
    """Say why a group waits, and what would help."""


@app.command()
def group(
    name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="The PodGroup.")],
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="How the scheduler runs; by default as its own words show, else standalone.",
            show_default=False,
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Say whether a group is placed, or which gate it fails, in numbers. Exits with 1 when it waits.

    Two are asked: what the scheduler itself last wrote, and what the engine says of the cluster at this moment. Where they
    differ the scheduler's word is the answer: only it knows what kube-scheduler refused and what is under way.

    What would help was tried on the engine, change by change; `tutti explain costs` prints the table that they are ranked by.
    """
    key = key_of(name)
    settings = live.settings_of(config)
    document = live.run(_explained(kubeconfig, context, settings, key, mode))
    show(document, output, lambda console: draw(console, document))
    if not document["placed"]:
        raise typer.Exit(ANSWER_IS_NO)


@app.command()
def costs(output: Format = Output.TABLE) -> None:
    """Print what the changes that would help cost, by which they are ranked, and why."""
    from scheduler.explain.costs import COSTS  # noqa: PLC0415  loads the engine, which other commands do without

    table_of = {kind.value: cost for kind, cost in COSTS.items()}
    rows = [(kind, f"{c.base:g}", f"{c.each:g} per {c.unit}", c.why) for kind, c in table_of.items()]
    document = [{"kind": kind, **asdict(cost)} for kind, cost in table_of.items()]
    show(document, output, lambda console: table(console, ("CHANGE", "COST", "AND", "BECAUSE"), rows))


def key_of(text: str) -> GroupKey:
    """Return the group that NAMESPACE/NAME means. Raises CommandError."""
    namespace, slash, name = text.partition("/")
    if not (slash and namespace and name) or "/" in name:
        raise CommandError(f"{text!r} is not NAMESPACE/NAME; write for instance team-a/train.")
    return GroupKey(namespace, name)


async def _explained(
    kubeconfig: Path | None, context: str | None, settings: Settings, key: GroupKey, mode: Mode | None
) -> dict[str, Any]:
    async with live.connected(kubeconfig, context, settings) as transport:
        found = await group_object(transport, key)
        try:
            seen = await live.seen(transport, settings)
        except errors.Forbidden:
            return from_status(key, found)
    said = said_of(found)
    if mode is None:
        mode = Mode.EXTENDER if said is not None and said.evaluates_everything else Mode.STANDALONE
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return combined(key, said, from_engine(seen.snapshot, key, settings, mode=mode), at=at)


async def group_object(transport: Transport, key: GroupKey) -> dict[str, Any]:
    """Return the PodGroup as the API server has it. Raises: CommandError where there is none."""
    try:
        found = json.loads(await transport.get(f"{API}/namespaces/{key.namespace}/podgroups/{key.name}"))
    except errors.NotFound as problem:
        raise CommandError(f"There is no PodGroup {key}; `tutti get groups` lists them.") from problem
    group: dict[str, Any] = found
    return group


def from_engine(
    snapshot: Snapshot, key: GroupKey, settings: Settings, *, mode: Mode = Mode.STANDALONE
) -> dict[str, Any]:
    """Return the engine's own explanation as plain values, as a scheduler in this mode would ask it."""
    from scheduler.explain import explain as explained  # noqa: PLC0415
    from scheduler.policies.registry import default_policies  # noqa: PLC0415

    policies = default_policies(settings.policies, settings.engine, holds_unevaluated=mode is Mode.STANDALONE)
    return explained(snapshot, key, policies, now=time.time()).to_dict()


def draw(console: Console, document: dict[str, Any]) -> None:
    """Print an explanation for people: the answer and whose it is, then what it rests on and what would help."""
    mark, style = ("✓", "green") if document["placed"] else ("…", "yellow")
    console.print(
        f"{mark} {document['group']}: {document['headline']}", style=style, highlight=False, markup=False
    )
    for line in _sources(document, now=time.time()):
        console.print(f"  {line}", style="dim", highlight=False, markup=False)
    if document["source"] == "status":
        _draw_written(console, document.get("explanation") or {})
    draw_explanation(console, document)


def _draw_written(console: Console, written: Mapping[str, Any]) -> None:
    """Print what the operator wrote to the group's status, for people who may see no more than that."""
    if not written:
        return
    lines = [
        f"Fails at the gate {written.get('gate', '').lower()}: {written.get('message', '')}",
        *(str(each.get("message", "")) for each in written.get("blockingSets") or ()),
        str((written.get("cheapestChange") or {}).get("message", "")),
    ]
    for line in filter(None, lines):
        console.print(f"  {line}", highlight=False, markup=False)


def _sources(document: dict[str, Any], *, now: float) -> list[str]:
    """Say who gives the answer, from when it is, and what the other one says where that is something else."""
    said, engine = document["scheduler"], document["engine"]
    if engine is None:
        return []
    since = f" for {_age(said['since'], now)}" if said is not None and said["since"] else ""
    if said is not None and document["source"] == "scheduler":
        return [
            f"So says the scheduler: {said['reason'] or 'no reason'}, Scheduled={said['scheduled']}{since}.",
            f"The engine, asked at this moment: {engine['headline']}",
        ]
    lines = ["This is the engine's answer, from this moment."]
    if said is None:
        lines.append("The scheduler has not written anything of this group yet.")
    elif not said["isOfThisSpec"]:
        lines.append(f"What the scheduler wrote last is of an earlier spec: {said['message']}")
    else:
        lines.append(f"The scheduler says the same: {said['reason']}, Scheduled={said['scheduled']}{since}.")
    return lines


def _age(stamp: str, now: float) -> str:
    return age(now - datetime.fromisoformat(stamp).timestamp())
