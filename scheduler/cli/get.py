"""`tutti get`: groups, queues and the topology of a live cluster, as lists."""

import json
import time
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from scheduler.cli import live
from scheduler.cli.errors import CommandError
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, age, show, table
from scheduler.cli.topology_view.document import as_document
from scheduler.cli.topology_view.words import draw_counts
from scheduler.dialects import own
from scheduler.kube import errors
from scheduler.kube.transport import Transport

app = typer.Typer(no_args_is_help=True, help="List groups, queues or the topology of a live cluster.")

API: Final = f"/apis/{own.GROUP}/{own.VERSION}"


@app.command()
def groups(
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="Only this namespace; all by default.", show_default=False),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """List PodGroups: size, members bound, phase, and why each waits."""
    place = f"{API}/namespaces/{namespace}/podgroups" if namespace else f"{API}/podgroups"
    found = [_group(each) for each in live.run(_list(kubeconfig, context, config, place))]

    def as_table(console: Console) -> None:
        rows = [
            (
                f"{g['namespace']}/{g['name']}",
                g["min"],
                g["bound"],
                g["phase"],
                g["queue"],
                g["reason"],
                _age(g["created"]),
            )
            for g in found
        ]
        columns = ("GROUP", "MIN", "BOUND", "PHASE", "QUEUE", "REASON", "AGE")
        table(console, columns, rows, right=frozenset({"MIN", "BOUND", "AGE"}))

    show(found, output, as_table)


@app.command()
def queues(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """List Queues: what runs, what waits, and the share over the guarantee. `default` is listed only if it has an object."""
    found = [_queue(each) for each in live.run(_list(kubeconfig, context, config, f"{API}/queues"))]

    def as_table(console: Console) -> None:
        rows = [
            (
                q["name"],
                q["parent"],
                q["weight"],
                q["runningGroups"],
                q["pendingGroups"],
                q["pendingGPUs"],
                q["dominantShare"],
                _age(q["created"]),
            )
            for q in found
        ]
        columns = ("QUEUE", "PARENT", "WEIGHT", "RUNNING", "PENDING", "GPUS", "SHARE", "AGE")
        table(console, columns, rows, right=frozenset(columns) - {"QUEUE", "PARENT"})

    show(found, output, as_table)


@app.command()
def topology(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """List the levels of the network and how many domains each has; `tutti topology show` shows them all."""
    settings = live.settings_of(config)

    async def read() -> live.Seen:
        async with live.connected(kubeconfig, context, settings) as transport:
            return await live.seen(transport, settings)

    document = as_document(live.run(read()).snapshot)
    show({"levels": document["levels"]}, output, lambda console: draw_counts(console, document))


async def _list(kubeconfig: Any, context: str | None, config: Any, path: str) -> list[dict[str, Any]]:
    settings = live.settings_of(config)
    async with live.connected(kubeconfig, context, settings) as transport:
        return await _pages(transport, path)


async def _pages(transport: Transport, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        async for page in transport.list_pages(path):
            found += [json.loads(bytes(item)) for item in page.items or ()]
    except errors.NotFound as problem:
        raise CommandError(live.does_not_know(path.rsplit("/", 1)[1])) from problem
    except errors.Forbidden as problem:
        if problem.status != live.FORBIDDEN or "/namespaces/" in path:
            raise
        kind = path.rsplit("/", 1)[1]
        narrower = ", or name a namespace with --namespace." if kind == "podgroups" else "."
        raise CommandError(live.may_not_list(kind).removesuffix(".") + narrower) from problem
    return found


def _group(found: dict[str, Any]) -> dict[str, Any]:
    spec, status, metadata = found.get("spec", {}), found.get("status", {}), found["metadata"]
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    # A refused spec is the reason, whatever was said of scheduling before.
    said = conditions.get("Scheduled", {})
    if conditions.get("Accepted", {}).get("status") == "False":
        said = conditions["Accepted"]
    roles = spec.get("roles") or ()
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "min": spec.get("minCount") or sum(int(role.get("minCount", 0)) for role in roles),
        "bound": status.get("members", {}).get("bound"),
        "phase": status.get("phase"),
        "queue": spec.get("queue", "default"),
        "reason": said.get("reason"),
        "message": said.get("message"),
        "created": metadata.get("creationTimestamp"),
    }


def _queue(found: dict[str, Any]) -> dict[str, Any]:
    spec, status = found.get("spec", {}), found.get("status", {})
    said = {each["type"]: each for each in status.get("conditions") or ()}.get("Accepted", {})
    return {
        "name": found["metadata"]["name"],
        "parent": spec.get("parent"),
        "weight": spec.get("weight", 1),
        "order": spec.get("order", "WFP"),
        "usage": status.get("usage", []),
        "dominantShare": status.get("dominantShare"),
        "runningGroups": status.get("runningGroups"),
        "pendingGroups": status.get("pendingGroups"),
        "pendingGPUs": status.get("pendingGPUs"),
        "reason": said.get("reason"),
        "message": said.get("message"),
        "created": found["metadata"].get("creationTimestamp"),
    }


def _age(created: str | None) -> str | None:
    return age(time.time() - datetime.fromisoformat(created).timestamp()) if created else None
