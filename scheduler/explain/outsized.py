"""When even the empty cluster, with nothing in the way, has too little for a gang: what it is that there is too little of."""

from scheduler.engine.columns import LARGEST
from scheduler.engine.sentences import in_words
from scheduler.explain.changes import Inquiry
from scheduler.explain.constraints import relaxed
from scheduler.explain.judge import edits_of
from scheduler.explain.questions import Kind
from scheduler.model.plan import Hold


def outsized(inquiry: Inquiry) -> str:
    """Return in a sentence why the gang waits even so: how much larger than the cluster it is, else what the engine says."""
    case = relaxed(inquiry.question, inquiry.constraints)
    fit = inquiry.ground.most(case.question, case.given)
    count = case.question.count
    if fit >= count:
        decision = inquiry.oracle.ask(*edits_of(inquiry.constraints)).decision
        said = decision.message if isinstance(decision, Hold) else ""
        return f"Were it empty and nothing of this in the way, the cluster would still not hold the {count} members: {said}"
    kinds = case.question.kinds
    why = [each for kind in kinds for each in _lacks(inquiry, kind)] or _together(inquiry, kinds)
    reasons = f": {'; '.join(dict.fromkeys(why))}" if why else ""
    room = f"{'' if case.question.is_counted_exactly else 'at most '}{fit} of {count} members"
    return f"Were it empty and nothing in the way, the cluster has room for {room}{reasons}. The gang is larger than the cluster."


def _lacks(inquiry: Inquiry, kind: Kind) -> list[str]:
    found = []
    for name, amount in kind.shape.requests.items():
        nodes = inquiry.ground.trial.allocatable(name)
        largest = int(nodes.max(initial=0))
        total = sum(nodes.tolist())
        if largest < amount <= LARGEST:
            found.append(
                f"a member asks for {in_words(name, amount)} and the largest node has {in_words(name, largest)}"
            )
        elif total < amount * kind.count:
            found.append(
                f"they ask for {in_words(name, amount * kind.count)} and the cluster has {in_words(name, total)}"
            )
    return found


def _together(inquiry: Inquiry, kinds: tuple[Kind, ...]) -> list[str]:
    found = []
    for name in sorted({name for kind in kinds for name in kind.shape.requests}):
        asked = sum(kind.shape.requests[name] * kind.count for kind in kinds)
        total = sum(inquiry.ground.trial.allocatable(name).tolist())
        if total < asked:
            found.append(
                f"they ask for {in_words(name, asked)} together and the cluster has {in_words(name, total)}"
            )
    return found
