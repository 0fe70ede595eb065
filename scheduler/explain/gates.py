"""
The gates that a gang passes on its way to a plan, in order, each with its numbers; the first that fails is the reason why it waits.

What fails and in which words is the engine's decision; the numbers beside it are counted from the same tables. Quota is no gate in this
version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from scheduler.engine.sentences import in_words
from scheduler.engine.standing import Standing
from scheduler.explain.causes import cause_of
from scheduler.explain.ground import Given, Ground
from scheduler.explain.questions import WHOLE_CLUSTER, Kind, Question
from scheduler.model.plan import Hold
from scheduler.model.reasons import Reason

GATES: Final = ("accepted", "members", "constraints", "eligibility", "resources", "topology")

FAILED_AT: Final = {
    Reason.INVALID_SPEC: "accepted",
    Reason.PRIORITY_CLASS_NOT_FOUND: "accepted",
    Reason.TIMEOUT: "accepted",
    Reason.POD_GROUP_NOT_FOUND: "members",
    Reason.GANG_INCOMPLETE: "members",
    Reason.SCHEDULING_GATED: "members",
    Reason.ABOVE_MAX_COUNT: "members",
    Reason.UNEVALUATED_CONSTRAINT: "constraints",
    Reason.VOLUME_NOT_READY: "constraints",
    Reason.VOLUME_WAITS_FOR_POD: "constraints",
    Reason.VOLUME_BEING_MADE: "constraints",
    Reason.NOT_ACTED_UPON: "constraints",
    Reason.TOPOLOGY_LEVEL_NOT_FOUND: "constraints",
    Reason.NO_ELIGIBLE_NODE: "eligibility",
    Reason.POD_CONSTRAINTS_NOT_MET: "topology",
    Reason.INSUFFICIENT_RESOURCES: "resources",
    Reason.NODE_REFUSED: "resources",
    Reason.NO_DOMAIN_FITS: "topology",
    Reason.NOT_FOUND_WITHIN_BOUND: "topology",
}

MOST_ATTEMPTS: Final = 4  # named in a sentence


@dataclass(frozen=True, slots=True)
class Gate:
    """
    One gate. `passed` None: not reached. `numbers`: what `text` says, for programs.

    `cause`: where it fails, the same without any number that changes while the cause stays.
    """

    name: str
    passed: bool | None
    text: str = ""
    cause: str = ""
    numbers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def gates(
    held: Hold | None, there: Standing | None, ground: Ground, question: Question | None
) -> tuple[Gate, ...]:
    """Return all gates of a gang that the engine holds for this reason; None: it holds it not."""
    failed = len(GATES) if held is None else GATES.index(FAILED_AT.get(held.reason, GATES[-1]))
    counted = _counted(there, ground, question)
    made = []
    for number, name in enumerate(GATES):
        gate = counted.get(name, Gate(name, True))
        if number > failed:
            gate = Gate(name, None)
        elif number == failed and held is not None:
            cause = cause_of(held, there, ground, question)
            gate = Gate(name, False, _failing(gate, held), cause, gate.numbers)
        made.append(gate)
    return tuple(made)


def _failing(gate: Gate, held: Hold) -> str:
    """Return what to say of the gate that failed: the engine's sentence, and what was counted where that says more."""
    more = ""
    if gate.name == "resources":
        more = gate.text.partition("; ")[2]  # what attempts hold
    elif gate.name == "topology":
        more = gate.text
    return f"{held.message} {more[0].upper()}{more[1:]}." if more else held.message


def _counted(there: Standing | None, ground: Ground, question: Question | None) -> dict[str, Gate]:
    """Return the gates that numbers can be given for, as if each were passed."""
    found = [Gate("accepted", True, "the spec is acted upon")]
    if there is not None:
        found.append(_members(there))
    if question is not None:
        found.append(Gate("constraints", True, "all that the members ask for is evaluated"))
        found.append(_eligibility(ground, question))
        found.append(_resources(ground, question))
        found.append(_topology(ground, question))
    return {gate.name: gate for gate in found}


def _members(there: Standing) -> Gate:
    exist, needed = len(there.order) + len(there.done), there.group.min_count
    numbers = {
        "exist": exist,
        "needed": needed,
        "bound": len(there.bound),
        "ended": len(there.done),
        "waiting": len(there.waiting),
        "gated": there.gated,
    }
    text = f"{exist} of {needed} members exist"
    if there.bound:
        text += f", {len(there.bound)} of them have a node"
    if there.gated:
        text += f", {there.gated} more carry scheduling gates"
    return Gate("members", True, text, numbers=MappingProxyType(numbers))


def _eligibility(ground: Ground, question: Question) -> Gate:
    nodes = len(ground.tree.nodes)
    numbers, parts = {"nodes": nodes}, []
    for kind in question.kinds:
        eligible = int(ground.eligible(kind.shape).sum())
        numbers[_labelled(question, kind, "eligible")] = eligible
        causes = sorted(ground.trial.refusals(kind.shape).items(), key=lambda item: (-item[1], str(item[0])))
        why = ", ".join(f"{count} {cause}" for cause, count in causes)
        parts.append(f"{_whose(question, kind)}{eligible} of {nodes} nodes{f' ({why})' if why else ''}")
    return Gate("eligibility", True, f"may run on {'; '.join(parts)}", numbers=MappingProxyType(numbers))


def _resources(ground: Ground, question: Question) -> Gate:
    numbers, parts = {"needed": question.count}, []
    for kind in question.kinds:
        fit = int(ground.copies(kind).sum())
        numbers[_labelled(question, kind, "fit")] = fit
        parts.append(f"{_whose(question, kind)}room for {fit} of {kind.count}")
    text = f"{', '.join(parts)} on nodes that may run them"
    return Gate("resources", True, text + _attempts(ground, question), numbers=MappingProxyType(numbers))


def _attempts(ground: Ground, question: Question) -> str:
    """Return what attempts under way hold that these members could use, and whose they are."""
    resource = question.resource
    free = Given(attempts=frozenset(ground.attempts))
    kinds = question.kinds
    more = sum(int(ground.copies(kind, free).sum() - ground.copies(kind).sum()) for kind in kinds)
    if not ground.attempts or more <= 0:
        return ""
    named = [f"{key} ({in_words(resource, ground.held_by(key, resource))})" for key in ground.attempts]
    rest = f" and {len(named) - MOST_ATTEMPTS} more" if len(named) > MOST_ATTEMPTS else ""
    return f"; room for {more} is reserved for {', '.join(named[:MOST_ATTEMPTS])}{rest}"


def _topology(ground: Ground, question: Question) -> Gate:
    if question.required is None or any(layer is None for layer, _ in question.slices):
        return Gate("topology", True)
    tree, layer = ground.tree, ground.tree.layers[question.required]
    rooms = ground.rooms(question)
    totals = ground.most_in(question)
    best, most = (int(totals.argmax()), int(totals.max())) if len(totals) else (0, 0)
    everywhere = sum(
        min(int(each[0].max(initial=0)), kind.count) for each, kind in zip(rooms, question.kinds, strict=True)
    )
    numbers = {"needed": question.count, "best": most, "cluster": everywhere}
    slices = "".join(
        f", {size} together per {tree.levels[number]}" for number, size in question.slices if number
    )
    most_or = "" if question.is_of_equals else "at most "
    if question.required == WHOLE_CLUSTER:
        text = f"the cluster holds {most_or}{most} of {question.count}{slices}"
        return Gate("topology", True, text, numbers=MappingProxyType(numbers))
    domain = tree.domains[int(layer.positions[best])]
    text = (
        f"{domain.level} {domain.name} holds {most_or}{most} of {question.count}{slices}; "
        f"the cluster {most_or}{everywhere}"
    )
    return Gate("topology", True, text, numbers=MappingProxyType(numbers))


def _whose(question: Question, kind: Kind) -> str:
    return "" if question.is_of_equals else f"{kind.name}: "


def _labelled(question: Question, kind: Kind, name: str) -> str:
    return name if question.is_of_equals else f"{name} {kind.name}"
