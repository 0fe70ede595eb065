"""A topology in words: the tree, the table of domains, what is disputed and not known, and the inside of one host."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.tree import Tree

from scheduler.cli.render import table
from scheduler.topology import HOST

MOST_HOSTS: Final = 8
"""Hosts that the tree names in one domain; of more it says only how many."""
MOST_LINES: Final = 6
"""Conflicts of one kind that are told one by one; of more it says only how many."""
MOST_NAMES: Final = 3


def draw_tree(console: Console, document: dict[str, Any]) -> None:
    """Print domains as a tree, then what they rest on."""
    domains = document["domains"]
    children: dict[int | None, list[int]] = {}
    for position, domain in enumerate(domains):
        children.setdefault(domain["parent"], []).append(position)
    root = Tree(_title(domains[0]))
    stack = [(root, 0)]
    while stack:
        branch, position = stack.pop()
        below = children.get(position, [])
        if position:
            branch = branch.add(_title(domains[position]))
        hosts = [child for child in below if domains[child]["level"] == HOST]
        if len(hosts) > MOST_HOSTS:
            branch.add(f"{len(hosts)} hosts, {domains[hosts[0]]['name']} to {domains[hosts[-1]]['name']}")
            below = [child for child in below if domains[child]["level"] != HOST]
        stack += [(branch, child) for child in reversed(below)]
    console.print(root, highlight=False, markup=False)
    draw_evidence(console, document)


def draw_table(console: Console, document: dict[str, Any]) -> None:
    """Print domains as a table, then what they rest on."""
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
    draw_evidence(console, document)


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


def draw_evidence(console: Console, document: dict[str, Any]) -> None:
    """Print from whom the levels are, what is disputed and what is not known."""
    told = "; ".join(
        f"{each['name']} from {', '.join(f'{s} ({n} nodes)' for s, n in each['evidence'].items())}"
        for each in document["levels"]
        if each["evidence"]
    )
    lines = [f"Levels: {told or 'none known; every node stands alone'}."]
    if document["conflicts"]:
        lines += ["", "Disputed:", *(f"  {line}" for line in _conflicts(document["conflicts"]))]
    if document["unknown"]:
        lines += ["", "Not known:", *(f"  {_unknown(each)}" for each in document["unknown"])]
    for line in lines:
        console.print(line, highlight=False, markup=False)


def draw_inside(console: Console, document: dict[str, Any]) -> None:
    """Print one host: where it is, then everything in it."""
    where = ", ".join(f"{each['level']} {each['name']}" for each in document["where"]) or "no known domain"
    root = Tree(f"{document['name']}  ({where})")
    for part in document.get("parts", ()):
        _draw_part(root, part)
    console.print(root, highlight=False, markup=False)
    if not document.get("parts"):
        offered = ", ".join(f"{amount} {resource}" for resource, amount in document["offers"].items())
        what = f"{document['gpus']} × {document.get('model', 'GPU')}" if document.get("gpus") else offered
        console.print(f"Known of the inside: {what or 'nothing'}.", highlight=False, markup=False)
    for zone, distances in document["numaDistances"].items():
        if distances:
            told = ", ".join(f"{value} to {to}" for to, value in distances.items())
            console.print(f"NUMA distances of zone {zone}: {told}.", highlight=False, markup=False)
    sources = ", ".join(document["sources"]) or "nobody but the node itself"
    console.print(f"Told by {sources}.", highlight=False, markup=False)


def _draw_part(branch: Tree, part: dict[str, Any]) -> None:
    links = "".join(
        f", {each['kind']} to {each['to']}" + (f" at {each['gbps']} Gbit/s" if each["gbps"] else "")
        for each in part.get("links", ())
    )
    model = f"  {part['model']}" if part.get("model") else ""
    new = branch.add(f"{part['kind']} {part['name']}{model}{links}")
    for each in part.get("parts", ()):
        _draw_part(new, each)


def _title(domain: dict[str, Any]) -> str:
    what = domain["name"] if domain["level"] == HOST else f"{domain['level']} {domain['name']}"
    what = "cluster" if domain["level"] == "cluster" and domain["parent"] is None else what
    count = domain["nodes"]
    nodes = "" if domain["level"] == HOST else f"{count} node{'s' if count != 1 else ''}, "
    return f"{what}  ({nodes}{domain['free']} of {domain['allocatable']} {domain['resource']} free)"


def _conflicts(conflicts: Sequence[dict[str, Any]]) -> Iterator[str]:
    kinds: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for each in conflicts:
        kinds.setdefault((each["level"], each["source"], each["why"]), []).append(each)
    for alike in kinds.values():
        yield from map(_conflict, alike[:MOST_LINES])
        if len(alike) > MOST_LINES:
            yield f"… and {len(alike) - MOST_LINES} more of the kind; --output json has them all."


def _conflict(each: dict[str, Any]) -> str:
    level, source, value, kept = each["level"], each["source"], each["value"], each["kept"]
    match each["why"]:
        case "elsewhere":
            return (
                f"{each['node']}: {source} puts it in {level} {value}, among nodes of another; {level} {kept} counts, "
                f"by {each['keptSource']}."
            )
        case "finer":
            return (
                f"{level}: those of {source} are parts of those that count ({value} in {kept} by "
                f"{each['keptSource']}); another size by the same word."
            )
        case "coarser":
            return (
                f"{level}: those of {source} are unions of those that count ({value} over {kept} by "
                f"{each['keptSource']}); another size by the same word."
            )
        case "split":
            return f"{level} {value} of {source} is in several places and is a {level} in each: {kept}."
    return f"{each['node']}: {source} says {value} for {level}; {kept} counts, by {each['keptSource']}."


def _unknown(each: dict[str, Any]) -> str:
    why = {
        "silent": "no source says one",
        "unusable": f"what {each['source']} says cannot be read",
        "ambiguous": f"{each['source']} uses the word in several places, and nothing tells which",
    }[each["why"]]
    names, count = each["nodes"][:MOST_NAMES], len(each["nodes"])
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{each['level']} of {', '.join(names)}{more}: {why}; each stands alone there, or in what is known further in."
