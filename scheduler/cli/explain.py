"""
`tutti explain group NS/NAME`: which gate failed, in numbers, and what would help.

The live cluster is read as the scheduler reads it and the question is put to the same engine. Who may not list nodes is told what the
scheduler has written to the group's status instead.
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from scheduler.cli import live
from scheduler.cli.errors import ANSWER_IS_NO, CommandError
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, show, table
from scheduler.config import Settings
from scheduler.dialects import own
from scheduler.kube import errors
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey
from scheduler.model.snapshot import Snapshot

app = typer.Typer(no_args_is_help=True, help="Say why a group waits, and what would help.")

MOST_DOMAINS: Final = 8
"""Rows for people; JSON and YAML hold all that the engine gives."""

API: Final = f"/apis/{own.GROUP}/{own.VERSION}"


@app.callback()
def explain() -> None:
    """Say why a group waits, and what would help."""


@app.command()
def group(
    name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="The PodGroup.")],
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """Say whether a group is placed, or which gate it fails, in numbers. Exits with 1 when it waits."""
    key = key_of(name)
    settings = live.settings_of(config)
    document = live.run(_explained(kubeconfig, context, settings, key))
    show(document, output, lambda console: draw(console, document))
    if not document["placed"]:
        raise typer.Exit(ANSWER_IS_NO)


def key_of(text: str) -> GroupKey:
    """Return the group that NAMESPACE/NAME means. Raises CommandError."""
    namespace, slash, name = text.partition("/")
    if not (slash and namespace and name) or "/" in name:
        raise CommandError(f"{text!r} is not NAMESPACE/NAME; write for instance team-a/train.")
    return GroupKey(namespace, name)


async def _explained(
    kubeconfig: Path | None, context: str | None, settings: Settings, key: GroupKey
) -> dict[str, Any]:
    async with live.connected(kubeconfig, context, settings) as transport:
        written = await _status(transport, key)
        try:
            seen = await live.seen(transport, settings)
        except errors.Forbidden:
            return from_status(key, written)
    return from_engine(seen.snapshot, key, settings)


async def _status(transport: Transport, key: GroupKey) -> dict[str, Any]:
    try:
        found = json.loads(await transport.get(f"{API}/namespaces/{key.namespace}/podgroups/{key.name}"))
    except errors.NotFound as problem:
        raise CommandError(f"There is no PodGroup {key}; `tutti get groups` lists them.") from problem
    status: dict[str, Any] = found.get("status", {})
    return status


def from_engine(snapshot: Snapshot, key: GroupKey, settings: Settings) -> dict[str, Any]:
    """Return the engine's own explanation as plain values."""
    from scheduler.explain import explain as explained  # noqa: PLC0415
    from scheduler.policies.registry import default_policies  # noqa: PLC0415

    found = explained(snapshot, key, default_policies(settings.policies, settings.engine), now=time.time())
    return {"group": str(key), "source": "engine", **found.to_dict()}


def from_status(key: GroupKey, status: dict[str, Any]) -> dict[str, Any]:
    """Return what the scheduler last wrote to the group, for people who may not list nodes."""
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    said = conditions.get("Scheduled", {})
    if conditions.get("Accepted", {}).get("status") == "False":
        said = conditions["Accepted"]
    return {
        "group": str(key),
        "source": "status",
        "placed": said.get("status") == "True",
        "headline": said.get(
            "message", "The scheduler has not said anything of this group yet; does Tutti run?"
        ),
        "reason": said.get("reason"),
    }


def draw(console: Console, document: dict[str, Any]) -> None:
    """Print an explanation for people: the answer, the gates in order, room per domain, what would help."""
    mark, style = ("✓", "green") if document["placed"] else ("…", "yellow")
    console.print(
        f"{mark} {document['group']}: {document['headline']}", style=style, highlight=False, markup=False
    )
    signs = {True: "✓", False: "✗", None: "·"}
    gates = "  ".join(f"{signs[gate['passed']]} {gate['name']}" for gate in document.get("gates") or ())
    if gates:
        console.print(f"  {gates}", highlight=False, markup=False)
    domains = document.get("domains") or ()
    if domains and not document["placed"]:
        console.print()
        shown = domains[:MOST_DOMAINS]
        rows = [
            (
                f"{each['level']} {each['name']}",
                each["members"],
                f"{each['free']} of {each['total']} {each['resource']}",
            )
            for each in shown
        ]
        table(console, ("DOMAIN", "MEMBERS THAT FIT", "FREE"), rows, right=frozenset({"MEMBERS THAT FIT"}))
        if len(domains) > len(shown):
            console.print(f"and {len(domains) - len(shown)} more with less room", highlight=False)
    for number, remedy in enumerate(document.get("remedies") or ()):
        console.print(f"{chr(10) if number == 0 else ''}→ {remedy}", highlight=False, markup=False)
