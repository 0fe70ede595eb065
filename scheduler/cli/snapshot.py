"""`tutti snapshot FILE` and `tutti decide FILE`: save what one cycle may know, and decide it offline with the production engine."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from scheduler.cli import live
from scheduler.cli.errors import ANSWER_IS_NO
from scheduler.cli.explanations import draw_explanation
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, show, table
from scheduler.config import Mode
from scheduler.model.plan import Admit, Decision, Plan
from scheduler.model.snapshot import Snapshot

if TYPE_CHECKING:
    from scheduler.engine.extension_points import PolicySet

STANDARD: Final = Path("-")
STANDARD_INPUT: Final = Path("/dev/stdin")

snapshot_app = typer.Typer()
decide_app = typer.Typer()


@snapshot_app.command()
def snapshot(
    file: Annotated[Path, typer.Argument(help="Where to write it, as JSON; - is standard output.")],
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
) -> None:
    """Save what one cycle may know: nodes, pods, groups, queues, topology. No environment, commands or secrets of pods."""
    from scheduler.kube import dump  # noqa: PLC0415

    settings = live.settings_of(config)

    async def read() -> live.Seen:
        async with live.connected(kubeconfig, context, settings) as transport:
            return await live.seen(transport, settings)

    found = live.run(read())
    if file == STANDARD:
        sys.stdout.write(dump.encoded(found.snapshot).decode() + "\n")
    else:
        dump.save(found.snapshot, file)
    told = sys.stderr if file == STANDARD else sys.stdout
    members = sum(len(pods) for pods in found.snapshot.members.values())
    print(
        f"{file}: {len(found.snapshot.nodes)} nodes, {len(found.snapshot.groups)} groups, {members} members.",
        file=told,
    )
    for aside in found.set_aside:
        print(f"  left out: {aside.kind} {'/'.join(aside.key)}: {aside.sentence}", file=told)


@decide_app.command()
def decide(
    file: Annotated[
        Path, typer.Argument(help="A file that `tutti snapshot` has written; - is standard input.")
    ],
    now: Annotated[
        float | None,
        typer.Option(
            help="The time to decide at, in seconds since 1970; the present by default.", show_default=False
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="As which scheduler; beside a kube-scheduler some constraints are left to it."),
    ] = Mode.STANDALONE,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say of each gang that waits what stands in its way and would help."),
    ] = False,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Decide a snapshot offline; print the plan, and why each other gang waits. Exits with 1 if nobody can start.

    It is the engine's answer to the snapshot alone: a running scheduler also knows what kube-scheduler has refused, which
    attempts are under way and which groups have given up.
    """
    from scheduler.engine import cycle  # noqa: PLC0415
    from scheduler.kube import dump  # noqa: PLC0415
    from scheduler.policies.registry import default_policies  # noqa: PLC0415

    settings = live.settings_of(config)
    found, at = dump.load(STANDARD_INPUT if file == STANDARD else file), time.time() if now is None else now
    policies = default_policies(settings.policies, settings.engine, holds_unevaluated=mode is Mode.STANDALONE)
    plan = cycle.decide(found, policies, now=at)
    document = as_document(plan)
    if explain:
        _explain(document, plan, found, policies, at)
    show(document, output, lambda console: _as_table(console, plan, document))
    if plan.held and not plan.admitted:
        raise typer.Exit(ANSWER_IS_NO)


def as_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain values, decisions in the order in which the gangs were considered."""
    return {"decisions": [as_decision(each) for each in plan.decisions]}


def _explain(
    document: dict[str, Any], plan: Plan, snapshot: Snapshot, policies: "PolicySet", now: float
) -> None:
    """Add to each decision that holds a gang what `tutti explain group` would say of it, the attempts under way counted."""
    from scheduler.explain import explain as explained  # noqa: PLC0415

    for row, decision in zip(document["decisions"], plan.decisions, strict=True):
        if not isinstance(decision, Admit):
            row["explanation"] = explained(snapshot, decision.group, policies, now=now).to_dict()


def as_decision(decision: Decision) -> dict[str, Any]:
    """Return one decision as plain values."""
    group = {"namespace": decision.group.namespace, "name": decision.group.name}
    if isinstance(decision, Admit):
        domain = decision.domain
        return {
            "group": group,
            "result": "admitted",
            "domain": {"level": str(domain.level), "name": str(domain.domain)}
            if domain is not None
            else None,
            "domainsUsed": {str(level): count for level, count in decision.domains_used},
            "assignments": [
                {"pod": str(slot.pod), "uid": str(slot.uid), "node": str(slot.node), "rank": slot.rank}
                for slot in decision.assignments
            ],
        }
    return {
        "group": group,
        "result": "held",
        "status": decision.status.value,
        "reason": decision.reason.value,
        "message": decision.message,
    }


def where(admit: Admit) -> str:
    """Return how many members a plan places, and on how many domains of each level."""
    used = ", ".join(f"{count} {level}{'s' if count > 1 else ''}" for level, count in admit.domains_used)
    members = len(admit.assignments)
    return f"{members} member{'s' if members > 1 else ''} on {used}"


def _as_table(console: Console, plan: Plan, document: dict[str, Any]) -> None:
    rows = []
    for each in plan.decisions:
        if isinstance(each, Admit):
            rows.append((str(each.group), "starts", where(each)))
        else:
            rows.append((str(each.group), "waits", f"{each.reason.value}: {each.message}"))
    if rows:
        table(console, ("GROUP", "", "WHERE, OR WHY NOT"), rows)
    else:
        console.print("Nobody waits for a place.")
    for decision, row in zip(plan.decisions, document["decisions"], strict=True):
        if "explanation" in row:
            console.print(f"\n… {decision.group}", style="yellow", highlight=False, markup=False)
            draw_explanation(console, {**row["explanation"], "group": str(decision.group)})
