"""Explanations as people read them, in 80 columns: the gates, room per domain, what stands in the way, what would help."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console

from scheduler.cli.render import table

MOST_DOMAINS: Final = 8
"""Rows for people; JSON and YAML hold all that the engine gives."""

MOST_OPTIONS: Final = 4
"""Options of a command that is shown; longer ones stand in JSON and YAML."""

SIGNS: Final = {True: "✓", False: "✗", None: "·"}

Document = Mapping[str, Any]


def draw_explanation(console: Console, document: Document) -> None:
    """Print the engine's explanation, without its headline."""
    if (
        document.get("source", "engine") == "engine"
    ):  # else somebody else's word is the answer, and these are not its gates
        draw_gates(console, document)
    if document["placed"]:
        return
    draw_domains(console, document.get("domains") or ())
    _draw_relaxations(console, document)
    _draw_sets(console, document)
    _draw_changes(console, document)
    for note in document.get("notes") or ():
        _line(console, note, style="dim", before=True)


def draw_gates(console: Console, document: Document) -> None:
    """Print every gate with what was counted there."""
    gates = document.get("gates") or ()
    if not gates:
        return
    console.print()
    width = max(len(gate["name"]) for gate in gates)
    for gate in gates:
        text = str(gate.get("text", "")).removeprefix(document["headline"]).strip()
        line = f"{SIGNS[gate['passed']]} {gate['name']:<{width}}  "
        if gate["passed"] is False and not text:
            text = "as said above"
        hanging(console, line, text, style="" if gate["passed"] is not None else "dim")


def draw_domains(console: Console, domains: Sequence[Document]) -> None:
    """Print the domains with most room, kind by kind where the members are unlike."""
    if not domains:
        return
    kinds = [kind["kind"] for kind in domains[0].get("kinds") or ()]
    columns = (
        "DOMAIN",
        *(kind.upper() for kind in kinds),
        "MEMBERS THAT FIT" if not kinds else "TOGETHER",
        "FREE",
    )
    rows = [
        (
            f"{each['level']} {each['name']}",
            *(f"{min(kind['fit'], kind['needed'])} of {kind['needed']}" for kind in each.get("kinds") or ()),
            _members(each),
            f"{each['free']} of {each['total']} {each['resource']}",
        )
        for each in domains[:MOST_DOMAINS]
    ]
    console.print()
    table(console, columns, rows, right=frozenset(columns) - {"DOMAIN", "FREE"})
    if len(domains) > MOST_DOMAINS:
        console.print(f"and {len(domains) - MOST_DOMAINS} more with less room", highlight=False)


def _members(row: Document) -> str:
    return f"{'' if row.get('isExact', True) else 'at most '}{row['members']}"


def _draw_relaxations(console: Console, document: Document) -> None:
    relaxations = document.get("relaxations") or ()
    least = min((each["fit"] for each in relaxations), default=0)
    telling = [each for each in relaxations if each["fit"] > least or each["verdict"] != "waits"]
    if not telling:
        return
    rows = [
        (
            each["constraint"],
            f"{'' if each['isExact'] else 'at most '}{min(each['fit'], each['needed'])} of {each['needed']}",
            each["verdict"],
        )
        for each in telling
    ]
    console.print()
    table(
        console,
        ("WITHOUT THIS ALONE", "MEMBERS THAT FIT", "THEN THE GANG"),
        rows,
        right=frozenset({"MEMBERS THAT FIT"}),
    )


def _draw_sets(console: Console, document: Document) -> None:
    sets = document.get("blockingSets") or ()
    if sets:
        _line(console, "The gang would start without", before=True)
    for number, each in enumerate(sets):
        doubt = "" if each["isIrreducible"] else " (whether fewer would do was not found out)"
        joined = " and ".join(each["constraints"])
        end = ";  or without" if number < len(sets) - 1 else "."
        hanging(console, "  ✗ ", f"{joined}{doubt}{end}")
    if document.get("outsized"):
        _line(console, document["outsized"], before=True)


def _draw_changes(console: Console, document: Document) -> None:
    changes = document.get("changes") or ()
    if changes:
        console.print()
        console.print("COST  WHAT WOULD HELP, CHEAPEST FIRST", style="bold", highlight=False, markup=False)
    for each in changes:
        hanging(console, f"{each['cost']:>4g}  ", each["text"])
        options = each.get("whatIf") or ""
        if options and options.count("--") <= MOST_OPTIONS:
            hanging(
                console,
                "      ",
                f"tutti what-if --group {document.get('group', 'NS/NAME')} {options}",
                style="dim",
            )
    for advice in document.get("advice") or ():
        hanging(console, "→ ", advice, before=True)


def _line(console: Console, text: str, *, style: str = "", before: bool = False) -> None:
    hanging(console, "", text, style=style, before=before)


def hanging(console: Console, head: str, text: str, *, style: str = "", before: bool = False) -> None:
    """Print text behind a head, its further lines below its first. `before`: after an empty line."""
    if before:
        console.print()
    width = max(20, console.width - len(head))
    lines = (
        console.render_str(text, markup=False, emoji=False, highlight=False).wrap(console, width)
        if text
        else [""]
    )
    for number, line in enumerate(lines):
        start = head if number == 0 else " " * len(head)
        console.print(
            f"{start}{str(line).rstrip()}".rstrip(),
            style=style or None,
            highlight=False,
            markup=False,
            no_wrap=False,
        )
