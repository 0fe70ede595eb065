"""`tutti topology show`: the network as Tutti sees it, from which evidence, and what is free in each domain."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.tree import Tree

from scheduler.cli import live
from scheduler.cli.errors import CommandError
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, show, table
from scheduler.model.ids import LevelName
from scheduler.model.snapshot import Snapshot
from scheduler.topology import CLUSTER, HOST, DomainTree, compile_tree

app = typer.Typer(no_args_is_help=True, help="Show the network as Tutti sees it.")

MOST_HOSTS: Final = 8
"""Hosts that the tree names in one domain; of more it says only how many."""


class Form(StrEnum):
    """How the topology is drawn for people."""

    TREE = "tree"
    TABLE = "table"


@app.callback()
def topology() -> None:
    """Show the network as Tutti sees it."""


@app.command("show")
def show_command(
    form: Annotated[Form, typer.Option(help="A tree of domains, or a table of them.")] = Form.TREE,
    png: Annotated[
        Path | None,
        typer.Option(
            help="Draw a picture to this file; not in this version.", hidden=True, show_default=False
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """Show levels and domains, the evidence they rest on, and what is free in each."""
    if png is not None:
        raise CommandError("--png is not there in this version; use --output json and draw what you need.")
    settings = live.settings_of(config)

    async def read() -> live.Seen:
        async with live.connected(kubeconfig, context, settings) as transport:
            return await live.seen(transport, settings)

    document = as_document(live.run(read()).snapshot)
    show(
        document,
        output,
        lambda console: (_draw_tree if form is Form.TREE else _draw_table)(console, document),
    )


def as_document(snapshot: Snapshot) -> dict[str, Any]:
    """Return levels and domains as plain values, outermost first. Amounts are of the resources that nodes offer as devices."""
    tree = compile_tree(snapshot.evidence, snapshot.nodes)
    sources: dict[str, Counter[str]] = {}
    for fact in snapshot.evidence.facts:
        sources.setdefault(fact.level, Counter())[fact.source] += 1
    labels = {level: label for label, level in tree.labels.items()}
    return {
        "levels": [
            {
                "name": _word(level),
                "nodeLabel": labels.get(level),
                "domains": len(tree.at_level.get(level, ())),
                "evidence": dict(sorted(sources.get(level, Counter()).items())),
            }
            for level in tree.levels
        ],
        "domains": [_domain(tree, snapshot, position) for position in range(len(tree.domains))],
    }


def draw_counts(console: Console, document: dict[str, Any]) -> None:
    """Print one line per level."""
    rows = [
        (
            each["name"],
            each["domains"],
            each["nodeLabel"],
            ", ".join(f"{s} ({n})" for s, n in each["evidence"].items()),
        )
        for each in document["levels"]
    ]
    table(console, ("LEVEL", "DOMAINS", "NODE LABEL", "EVIDENCE (NODES)"), rows, right=frozenset({"DOMAINS"}))


def _domain(tree: DomainTree, snapshot: Snapshot, position: int) -> dict[str, Any]:
    domain = tree.domains[position]
    states = [snapshot.nodes[name] for name in tree.nodes[domain.start : domain.stop]]
    resource = _devices(snapshot)
    return {
        "level": _word(domain.level),
        "name": str(domain.name),
        "parent": domain.parent if domain.parent >= 0 else None,
        "nodes": len(states),
        "resource": resource,
        "free": sum(max(0, state.free[resource]) for state in states),
        "allocatable": sum(state.node.allocatable[resource] for state in states),
    }


def _word(level: LevelName) -> str:
    return "cluster" if level == CLUSTER else str(level)


def _devices(snapshot: Snapshot) -> str:
    """Return the extended resource that most nodes have; pods where there is none."""
    plain = {"cpu", "memory", "ephemeral-storage", "pods"}
    found = Counter(
        name for state in snapshot.nodes.values() for name in state.node.allocatable if name not in plain
    )
    return max(sorted(found), key=lambda name: found[name]) if found else "pods"


def _draw_tree(console: Console, document: dict[str, Any]) -> None:
    domains = document["domains"]
    children: dict[int | None, list[int]] = {}
    for position, domain in enumerate(domains):
        children.setdefault(domain["parent"], []).append(position)
    root = Tree(_title(domains[0]) if domains else "no nodes")
    stack = [(root, child) for child in reversed(children.get(0, []))]
    while stack:
        branch, position = stack.pop()
        below = children.get(position, [])
        new = branch.add(_title(domains[position]))
        if len(below) > MOST_HOSTS and all(domains[child]["level"] == HOST for child in below):
            new.add(f"{len(below)} hosts, {domains[below[0]]['name']} to {domains[below[-1]]['name']}")
            continue
        stack += [(new, child) for child in reversed(below)]
    console.print(root, highlight=False, markup=False)
    evidence = "; ".join(
        f"{each['name']} from {', '.join(each['evidence'])}"
        for each in document["levels"]
        if each["evidence"]
    )
    console.print(
        f"Levels: {evidence or 'none known; every node stands alone'}.", highlight=False, markup=False
    )


def _draw_table(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (
            each["level"],
            each["name"],
            each["nodes"],
            f"{each['free']} of {each['allocatable']} {each['resource']}",
        )
        for each in document["domains"]
        if each["level"] != HOST
    ]
    table(console, ("LEVEL", "DOMAIN", "NODES", "FREE"), rows, right=frozenset({"NODES"}))


def _title(domain: dict[str, Any]) -> str:
    what = domain["name"] if domain["level"] == HOST else f"{domain['level']} {domain['name']}"
    what = "cluster" if domain["level"] == "cluster" and domain["parent"] is None else what
    nodes = "" if domain["level"] == HOST else f"{domain['nodes']} nodes, "
    return f"{what}  ({nodes}{domain['free']} of {domain['allocatable']} {domain['resource']} free)"
