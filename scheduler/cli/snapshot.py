"""`tutti snapshot FILE` and `tutti decide FILE`: save what one cycle may know, and decide it offline with the production engine."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from scheduler.cli import live
from scheduler.cli.errors import ANSWER_IS_NO
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, show, table
from scheduler.config import Mode
from scheduler.model.plan import Admit, Decision, Plan

snapshot_app = typer.Typer()
decide_app = typer.Typer()


@snapshot_app.command()
def snapshot(
    file: Annotated[Path, typer.Argument(help="Where to write it, as JSON.")],
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
    dump.save(found.snapshot, file)
    members = sum(len(pods) for pods in found.snapshot.members.values())
    print(
        f"{file}: {len(found.snapshot.nodes)} nodes, {len(found.snapshot.groups)} groups, {members} members."
    )
    for aside in found.set_aside:
        print(f"  left out: {aside.kind} {'/'.join(aside.key)}: {aside.sentence}")


@decide_app.command()
def decide(
    file: Annotated[Path, typer.Argument(help="A file that `tutti snapshot` has written.")],
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
    plan = cycle.decide(
        dump.load(file),
        default_policies(settings.policies, settings.engine, holds_unevaluated=mode is Mode.STANDALONE),
        now=time.time() if now is None else now,
    )
    show(as_document(plan), output, lambda console: _as_table(console, plan))
    if plan.held and not plan.admitted:
        raise typer.Exit(ANSWER_IS_NO)


def as_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain values, decisions in the order in which the gangs were considered."""
    return {"decisions": [_decision(each) for each in plan.decisions]}


def _decision(decision: Decision) -> dict[str, Any]:
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


def _as_table(console: Console, plan: Plan) -> None:
    rows = []
    for each in plan.decisions:
        if isinstance(each, Admit):
            used = ", ".join(f"{count} {level}" for level, count in each.domains_used)
            rows.append((str(each.group), "starts", f"{len(each.assignments)} members on {used}"))
        else:
            rows.append((str(each.group), "waits", f"{each.reason.value}: {each.message}"))
    if rows:
        table(console, ("GROUP", "", "WHERE, OR WHY NOT"), rows)
    else:
        console.print("Nobody waits for a place.")
