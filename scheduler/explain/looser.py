"""Asking less of the network: a level further out instead of the required one, at last none, and fewer slices."""

from collections.abc import Iterator

from scheduler.explain.changes import Change, Inquiry, change
from scheduler.explain.constraints import no_level
from scheduler.explain.costs import ChangeKind
from scheduler.explain.edits import Edit, Required, Slices
from scheduler.model.plan import Admit, Decision


def looser(inquiry: Inquiry) -> Iterator[Change]:
    """Yield the nearest level further out that will do, and the fewest slices that must go."""
    yield from _level(inquiry)
    yield from _slices(inquiry)


def _level(inquiry: Inquiry) -> Iterator[Change]:
    asked, question = inquiry.group.topology, inquiry.question
    if asked.required is None:
        return
    levels = inquiry.ground.tree.levels
    for steps, number in enumerate(range((question.required or 1) - 1, 0, -1), 1):
        wider = str(levels[number])
        edits: tuple[Edit, ...] = (Required(inquiry.group.key, wider),)
        answer = inquiry.oracle.ask(*edits, where=True)
        if answer.starts:
            where = _where(answer.decision)
            yield change(
                ChangeKind.RELAX_LEVEL,
                steps,
                f"Ask for topology.required {wider} instead of {asked.required}: the gang then starts{where}.",
                f"Ask for topology.required {wider} instead of {asked.required}.",
                edits,
                (f"--set required={wider}",),
            )
            return
    yield from _no_level(inquiry, asked.required)


def _no_level(inquiry: Inquiry, required: str) -> Iterator[Change]:
    edits = no_level(inquiry.group, inquiry.question)
    wish, options = f"Drop topology.required {required}", ["--set required="]
    if len(edits) > 1:
        wish = f"Make {required} topology.preferred instead of required"
        options.append(f"--set preferred={required}")
    answer = inquiry.oracle.ask(*edits, where=True)
    if answer.starts:
        text, steps = (
            f"{wish}: the gang then starts{_where(answer.decision)}.",
            max(1, inquiry.question.required or 1),
        )
        yield change(ChangeKind.RELAX_LEVEL, steps, text, f"{wish}.", edits, options)


def _slices(inquiry: Inquiry) -> Iterator[Change]:
    slices = inquiry.group.topology.slices
    if not slices:
        return
    fewer = [tuple(kept for kept in slices if kept is not dropped) for dropped in slices]
    for kept in [*fewer, ()] if len(slices) > 1 else [()]:
        edits = (Slices(inquiry.group.key, kept),)
        if inquiry.oracle.ask(*edits).starts:
            gone = [part for part in slices if part not in kept]
            named = " and ".join(f"{part.size} per {part.level}" for part in gone)
            text = f"Drop topology.slices of {named}."
            yield change(ChangeKind.DROP_SLICES, len(gone), text, text, edits)
            return


def _where(decision: Decision | None) -> str:
    """Return where a gang would be: the one domain that holds it, else how many of the innermost level above the hosts."""
    if not isinstance(decision, Admit):
        return ""
    if decision.domain is not None:
        return f" in {decision.domain.level} {decision.domain.domain}"
    used = decision.domains_used[-2:-1] or decision.domains_used[-1:]
    return "".join(f" in {count} {level}{'s' if count > 1 else ''}" for level, count in used)
