"""
`tutti what-if`: the engine's decision on the cluster as it would be, against that on the cluster as it is.

The live cluster, or a saved snapshot, is changed in memory only. Nothing is written, and no scheduler is told.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from scheduler.cli import live
from scheduler.cli.answers import said_of
from scheduler.cli.errors import ANSWER_IS_NO, CommandError
from scheduler.cli.explain import group_object
from scheduler.cli.explanations import hanging
from scheduler.cli.hypotheses import Options, edits_of, known_group
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, show
from scheduler.cli.snapshot import as_decision, where
from scheduler.config import Mode, Settings
from scheduler.explain.edits import edited
from scheduler.explain.questions import counted
from scheduler.model.ids import GroupKey
from scheduler.model.plan import Admit, Decision
from scheduler.model.snapshot import Snapshot

if TYPE_CHECKING:
    from scheduler.engine.extension_points import PolicySet

app = typer.Typer()

MOST_CHANGED: Final = 12
"""Groups that are not named and to which something changes, for people; JSON and YAML hold all."""

Many = list[str]


@app.command()
def what_if(
    add_nodes: Annotated[
        Many | None,
        typer.Option(
            metavar="N[=NODE][@DOMAIN]",
            help="So many more nodes, like this one, in this domain.",
            show_default=False,
        ),
    ] = None,
    cordon: Annotated[
        Many | None, typer.Option(metavar="NODE", help="This node takes no new pods.", show_default=False)
    ] = None,
    uncordon: Annotated[
        Many | None, typer.Option(metavar="NODE", help="This node takes new pods again.", show_default=False)
    ] = None,
    remove_group: Annotated[
        Many | None,
        typer.Option(metavar="NAMESPACE/NAME", help="This group and its pods are gone.", show_default=False),
    ] = None,
    set_: Annotated[
        Many | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="The groups named by --group ask for this instead: minCount, maxCount, required, preferred, requests.RESOURCE, "
            "ROLE.minCount, ROLE.requests.RESOURCE. An empty level means none.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        Many | None,
        typer.Option(metavar="NAMESPACE/NAME", help="A group that the answer is about.", show_default=False),
    ] = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            help="A file that `tutti snapshot` has written, instead of the live cluster.", show_default=False
        ),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="How the scheduler runs; by default as its own words on the named groups show, else standalone.",
            show_default=False,
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Say what would start if the cluster or a group were different. Every option may be repeated, and all of them hold together.

    Exits with 0 when every group named by --group would start or has started, with 1 when one would not. Without --group: with 1 when
    some group would wait and none would start.
    """
    options = Options(add_nodes or (), cordon or (), uncordon or (), remove_group or (), set_ or ())
    if not any((options.add_nodes, options.cordon, options.uncordon, options.remove_group, options.set)):
        raise CommandError(
            "Say what would be different, for instance --add-nodes 4; `tutti what-if --help` lists the options."
        )
    settings = live.settings_of(config)
    if snapshot is not None:
        from scheduler.kube import dump  # noqa: PLC0415

        before, found_mode = dump.load(snapshot), Mode.STANDALONE
    else:
        before, found_mode = live.run(_seen(kubeconfig, context, settings, group or ()))
    named = tuple(known_group(text, before, "--group") for text in group or ())
    document = compared(before, options, named, settings, mode or found_mode, now=time.time())
    show(document, output, lambda console: _draw(console, document))
    if not document["starts"]:
        raise typer.Exit(ANSWER_IS_NO)


async def _seen(
    kubeconfig: Path | None, context: str | None, settings: Settings, groups: Sequence[str]
) -> tuple[Snapshot, Mode]:
    """Return the live cluster, and how the scheduler shows to run."""
    async with live.connected(kubeconfig, context, settings) as transport:
        seen = await live.seen(transport, settings)
        for text in groups:
            key = known_group(text, seen.snapshot, "--group")
            if key.is_single_pod:
                continue
            said = said_of(await group_object(transport, key))
            if said is not None and said.evaluates_everything:
                return seen.snapshot, Mode.EXTENDER
    return seen.snapshot, Mode.STANDALONE


def compared(
    snapshot: Snapshot,
    options: Options,
    named: Sequence[GroupKey],
    settings: Settings,
    mode: Mode,
    *,
    now: float,
) -> dict[str, Any]:
    """Return the answer as plain values: what was and would be decided, of the named groups and of those to which something changes."""
    from scheduler.policies.registry import default_policies  # noqa: PLC0415

    edits = edits_of(options, snapshot, named)
    policies = default_policies(settings.policies, settings.engine, holds_unevaluated=mode is Mode.STANDALONE)
    base = counted(snapshot)
    was, then = _states(base, policies, now), _states(edited(base, edits), policies, now)
    order = [*dict.fromkeys(named), *sorted(was.keys() - set(named))]
    gone = {"state": "removed"}
    rows = [
        {
            "group": str(key),
            "isNamed": key in named,
            "before": was[key],
            "after": then.get(key, gone),
        }
        for key in order
        if key in named or was[key] != then.get(key, gone)
    ]
    waiting = [state for state in then.values() if state["state"] == "waits"]
    starting = [state for state in then.values() if state["state"] == "starts"]
    would = (
        all(then.get(key, gone)["state"] in STANDS for key in named)
        if named
        else bool(starting) or not waiting
    )
    return {"starts": would, "groups": rows, "unchanged": len(was) - len(rows)}


STANDS: Final = frozenset({"starts", "has its nodes", "is being bound"})


def _states(snapshot: Snapshot, policies: "PolicySet", now: float) -> dict[GroupKey, dict[str, Any]]:
    """Return, for every group, what becomes of it; those that are being bound are not decided anew."""
    from scheduler.engine.cycle import decide  # noqa: PLC0415

    under_way = {reservation.group for reservation in snapshot.reservations}
    everyone = snapshot.groups.keys() | snapshot.members.keys()
    plan = decide(snapshot, policies, now=now, only=frozenset(everyone - under_way))
    decided = {decision.group: decision for decision in plan.decisions}
    return {key: _state(key, decided.get(key), under_way) for key in everyone}


def _state(key: GroupKey, decision: Decision | None, under_way: set[GroupKey]) -> dict[str, Any]:
    if decision is None:
        return {"state": "is being bound" if key in under_way else "has its nodes"}
    if isinstance(decision, Admit):
        return {"state": "starts", "text": where(decision), **as_decision(decision)}
    return {"state": "waits", "text": decision.message, **as_decision(decision)}


def _draw(console: Console, document: dict[str, Any]) -> None:
    others = 0
    for row in document["groups"]:
        if not row["isNamed"]:
            others += 1
            if others > MOST_CHANGED:
                continue
        before, after = row["before"], row["after"]
        mark = "✓" if after["state"] in STANDS else "…"
        style = "green" if mark == "✓" else "yellow"
        same = before["state"] == after["state"]
        states = (
            f"{before['state']}, before and then" if same else f"{before['state']}, then {after['state']}"
        )
        hanging(console, f"{mark} ", f"{row['group']}: {states}", style=style)
        _draw_state(console, "  before  ", before)
        if after != before:
            _draw_state(console, "  then    ", after)
        elif row["isNamed"]:
            hanging(console, "  then    ", "the same")
    if others > MOST_CHANGED:
        hanging(console, "", f"and {others - MOST_CHANGED} more groups to which something changes")
    count = document["unchanged"]
    if count:
        hanging(
            console, "", f"To {count} other group{'s' if count > 1 else ''} nothing changes.", style="dim"
        )


def _draw_state(console: Console, head: str, state: Mapping[str, Any]) -> None:
    if state.get("text"):
        hanging(console, head, str(state["text"]))
