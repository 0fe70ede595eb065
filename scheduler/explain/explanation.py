"""
Theory of operation: one group's answer.

    gates      how far the gang comes, and at which gate it fails, in numbers
    domains    how much room each domain has for it
    blocking   which constraints, alone or together, keep it from starting
    changes    what would let it start, cheapest first

The engine's decision comes first and rules: it says whether and why the gang waits. Everything else is the same question with something
changed, counted where counting is a proof and put to the engine where it is not. Only gangs that wait for room are looked into; of the
others it is known what to do.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from scheduler.engine.extension_points import PolicySet
from scheduler.engine.mounts import with_mounts
from scheduler.explain.added import added
from scheduler.explain.blocking import NOTHING_BLOCKS, Blocking, blocking
from scheduler.explain.changes import Change, Family, Inquiry, cheapest_first
from scheduler.explain.constraints import constraints_of
from scheduler.explain.domains import DomainRoom, domains
from scheduler.explain.emptied import emptied
from scheduler.explain.gates import GATES, Gate, gates
from scheduler.explain.ground import Ground
from scheduler.explain.judge import Judge
from scheduler.explain.looser import looser
from scheduler.explain.opened import opened
from scheduler.explain.oracle import MOST_QUESTIONS, UNDECIDED, Oracle, Verdict
from scheduler.explain.outsized import outsized
from scheduler.explain.questions import counted, question_of, standing_of
from scheduler.explain.smaller import smaller
from scheduler.model.ids import GroupKey
from scheduler.model.plan import Admit, Hold
from scheduler.model.podgroups import PodGroup
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot

FAMILIES: Final[tuple[Family, ...]] = (emptied, looser, opened, smaller, added)
"""Those first that people try first, should the bound on questions be reached."""

ABOUT_ROOM: Final = frozenset(
    {
        Reason.NO_ELIGIBLE_NODE,
        Reason.POD_CONSTRAINTS_NOT_MET,
        Reason.INSUFFICIENT_RESOURCES,
        Reason.NODE_REFUSED,
        Reason.NO_DOMAIN_FITS,
        Reason.NOT_FOUND_WITHIN_BOUND,
        Reason.TOPOLOGY_LEVEL_NOT_FOUND,
        Reason.NOT_ACTED_UPON,
    }
)

ADVICE: Final = {
    Reason.TIMEOUT: "Create the group anew: with onTimeout: Fail it is not tried again.",
    Reason.GANG_INCOMPLETE: "Create the missing members, or lower minCount.",
    Reason.SCHEDULING_GATED: "Remove the scheduling gates of the members that carry them.",
    Reason.POD_GROUP_NOT_FOUND: "Create the PodGroup in the pods' namespace, or remove the label from the pods.",
    Reason.ABOVE_MAX_COUNT: "Raise maxCount, or remove the members above it.",
    Reason.NO_ELIGIBLE_NODE: "Change the members' selectors, affinity or tolerations, or label and untaint nodes.",
    Reason.UNEVALUATED_CONSTRAINT: "Remove the constraint, or run Tutti in extender mode.",
    Reason.VOLUME_NOT_READY: "See `kubectl describe pvc` for the claim that is named.",
    Reason.VOLUME_WAITS_FOR_POD: "Bind the claim beforehand, or run Tutti in extender mode.",
    Reason.NOT_ACTED_UPON: "Remove the field.",
    Reason.TOPOLOGY_LEVEL_NOT_FOUND: "Name a level that nodes carry; `tutti topology show` lists them.",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    `placed`: every member that the gang needs has a node. `reason` is empty when nothing fails.

    `outsized` says that the gang is larger than the cluster, and in what; empty where it is not. `changes` were all tried on the engine,
    `advice` was not. `notes` say what was not found out, or left out of account. `questions`: how many decisions it took.
    """

    placed: bool
    headline: str
    reason: str
    gates: tuple[Gate, ...]
    domains: tuple[DomainRoom, ...] = ()
    blocking: Blocking = NOTHING_BLOCKS
    outsized: str = ""
    changes: tuple[Change, ...] = ()
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    questions: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, all that is known."""
        return {
            "placed": self.placed,
            "headline": self.headline,
            "reason": self.reason,
            "gates": [{**_plain(gate), "numbers": dict(gate.numbers)} for gate in self.gates],
            "domains": [_renamed(asdict(each)) for each in self.domains],
            "relaxations": [
                {
                    "constraint": each.constraint.name,
                    "sort": each.constraint.sort.value,
                    "fit": each.fit,
                    "needed": each.needed,
                    "isExact": each.is_exact,
                    "verdict": each.verdict.value,
                }
                for each in self.blocking.relaxations
            ],
            "blockingSets": [
                {"constraints": [c.name for c in each.constraints], "isIrreducible": each.is_irreducible}
                for each in self.blocking.sets
            ],
            "outsized": self.outsized,
            "changes": [
                {
                    "kind": each.kind.value,
                    "cost": each.cost,
                    "text": each.text,
                    "whatIf": " ".join(each.options),
                }
                for each in self.changes
            ],
            "advice": list(self.advice),
            "notes": list(self.notes),
            "questions": self.questions,
        }


def _plain(gate: Gate) -> dict[str, Any]:
    return {"name": gate.name, "passed": gate.passed, "text": gate.text}


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    row["isExact"] = row.pop("is_exact")
    return {**row, "kinds": list(row["kinds"])}


def explain(
    snapshot: Snapshot,
    key: GroupKey,
    policies: PolicySet,
    *,
    now: float,
    most_questions: int = MOST_QUESTIONS,
) -> Explanation:
    """
    Explain one group of the snapshot. A group that neither exists nor has members is explained as such.

    What open attempts of other groups hold counts as taken, whether the snapshot says so or their commit records. `most_questions` bounds
    the decisions that are made to find out what would help.
    """
    snapshot = with_mounts(counted(snapshot, key), key, late_binding=not policies.holds_unevaluated)
    oracle = Oracle(snapshot, key, policies, now, most_questions)
    decision = oracle.now_as_it_is()
    if decision is None:
        return _settled(snapshot, key)
    there = standing_of(snapshot, key)
    ground = Ground(snapshot, policies.memo)
    question = question_of(snapshot, there, ground.trial) if there is not None else None
    rooms = domains(ground, there.group, question) if there is not None and question is not None else ()
    if isinstance(decision, Admit):
        passed = gates(None, there, ground, question)
        waiting = len(there.waiting) if there is not None else 0
        return Explanation(False, _fits(decision, waiting), "", passed, rooms, questions=1)
    failed = gates(decision, there, ground, question)
    found = Explanation(False, decision.message, decision.reason.value, failed, rooms, questions=1)
    if there is None or question is None or decision.reason not in ABOUT_ROOM:
        return replace(found, advice=_advice(decision.reason))
    constraints = constraints_of(ground, there.group, question)
    inquiry = Inquiry(snapshot, there.group, question, ground, oracle, constraints)
    return _looked_into(found, inquiry, decision)


def _looked_into(found: Explanation, inquiry: Inquiry, held: Hold) -> Explanation:
    judge = Judge(inquiry.ground, inquiry.question, inquiry.oracle)
    fits_by_count = judge.fit(())[0] >= inquiry.question.count
    base = Verdict.NOT_FOUND if held.reason in UNDECIDED and fits_by_count else Verdict.WAITS
    blocked = blocking(judge, inquiry.constraints, inquiry.question.count, base=base)
    changes = cheapest_first([each for family in FAMILIES for each in family(inquiry)])
    notes = [*_notes(inquiry.oracle, blocked), *(_ahead(inquiry) if changes else ())]
    return replace(
        found,
        blocking=blocked,
        outsized=outsized(inquiry) if blocked.all_relaxed is Verdict.WAITS else "",
        changes=changes,
        advice=() if changes else _advice(held.reason),
        notes=tuple(notes),
        questions=1 + inquiry.oracle.asked,
    )


def _notes(oracle: Oracle, blocked: Blocking) -> Iterator[str]:
    unknown = [each.constraint.name for each in blocked.relaxations if each.verdict is Verdict.NOT_FOUND]
    if unknown and not oracle.was_bounded:
        yield (
            f"Not found within the search bound, which does not prove that it would not help: without {', '.join(unknown)}."
        )
    if blocked.all_relaxed is Verdict.NOT_FOUND:
        yield "Not found within the search bound: a place with nothing in the way at all."
    if oracle.was_bounded:
        yield f"Not everything was tried: the bound of {oracle.most} decisions for one explanation was reached."


def _ahead(inquiry: Inquiry) -> Iterator[str]:
    """Yield that other gangs have their turn first, where any do: each change was tried as if only this one waited."""
    snapshot, oracle = inquiry.snapshot, inquiry.oracle

    def turn(group: PodGroup) -> tuple[Any, ...]:
        order = oracle.policies.group_order(group, now=oracle.now)
        return (*order, group.created_at, group.key, group.uid)

    under_way = {reservation.group for reservation in snapshot.reservations}
    mine = turn(inquiry.group)
    count = sum(
        turn(group) < mine
        and any(not p.is_bound and p.counts_for_quorum for p in snapshot.members.get(key, ()))
        for key, group in snapshot.groups.items()
        if key not in under_way
    )
    if count:
        who = "1 gang that waits has its" if count == 1 else f"{count} gangs that wait have their"
        yield f"{who} turn before this one, and may take the room that a change makes; `tutti what-if` decides all of them."


def _advice(reason: Reason) -> tuple[str, ...]:
    return (ADVICE[reason],) if reason in ADVICE else ()


def _fits(admit: Admit, waiting: int) -> str:
    where = (
        f"{admit.domain.level} {admit.domain.domain}" if admit.domain is not None else "more than one domain"
    )
    count = len(admit.assignments)
    members = f"all {count} waiting members" if count == waiting else f"{count} of {waiting} waiting members"
    return f"There is room for {members} now, in {where}; the scheduler binds them next."


def _settled(snapshot: Snapshot, key: GroupKey) -> Explanation:
    """Return what to say of a group that the engine has nothing to say of: it is whole, or nobody of it waits."""
    members = snapshot.members.get(key, ())
    if key not in snapshot.groups and not members:
        text = f"There is no PodGroup {key}, and no pod names it."
        return Explanation(False, text, Reason.POD_GROUP_NOT_FOUND.value, ())
    bound = sum(1 for pod in members if pod.is_bound and not pod.phase.is_terminal)
    ended = sum(1 for pod in members if pod.phase.is_terminal)
    tail = f", {ended} have ended" if ended else ""
    passed = tuple(Gate(name, True) for name in GATES)
    have = "1 member has" if bound == 1 else f"{bound} members have"
    return Explanation(bool(bound or ended), f"Nothing waits: {have} a node{tail}.", "", passed)
