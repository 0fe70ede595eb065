"""
The same instances for everybody: the solver, the engine, and every rule that knows what the instance asks for.

Each placement is checked before it is counted; one that breaks the question voids the run. Rules know nothing of slices, so instances with
slices are for solver and engine alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from benchmarks.place import exact, production
from benchmarks.place.answers import Answer, Verdict
from benchmarks.place.generate import instances
from benchmarks.place.measure import domains_used, faults, hosts_used
from benchmarks.place.questions import Instance, Question, question
from benchmarks.place.rules import RULES

EVERY = 100  # instances between two lines of progress
Tell = Callable[[str], None]


class VoidRunError(RuntimeError):
    """Somebody gave an answer that is none; one sentence that names it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contender said. `domains` per level and `hosts` where it is placed; `again_s`: the same decision once more."""

    verdict: Verdict
    seconds: float
    domains: tuple[int, ...] = ()
    hosts: int = 0
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One instance and what everybody said. `outcomes` by name of the contender; the solver's is apart."""

    name: str
    family: str
    levels: tuple[str, ...]
    is_mixed: bool
    has_slices: bool
    optimum: Outcome
    outcomes: dict[str, Outcome]


def compare(seed: int, count: int, tell: Tell, effort: float = exact.EFFORT) -> list[Record]:
    """Ask everybody about every instance. Raises: NoSolverError; VoidRunError."""
    exact.solver_version()
    records = []
    for number, instance in enumerate(instances(seed, count), start=1):
        records.append(record(instance, effort))
        if number % EVERY == 0 or number == count:
            tell(f"instances: {number:,} of {count:,}")
    return records


def record(instance: Instance, effort: float = exact.EFFORT) -> Record:
    """Ask everybody about one instance. Raises: VoidRunError."""
    asked = question(instance)
    outcomes = {production.NAME: _of_engine(instance, asked)}
    if not instance.slices:
        for rule in RULES:
            began = perf_counter()
            shares = rule.place(asked)
            answer = Answer(
                Verdict.REFUSED if shares is None else Verdict.PLACED, perf_counter() - began, shares
            )
            outcomes[rule.name] = measured(instance, asked, rule.name, answer)
    began = perf_counter()
    optimum = exact.solve(asked, effort)
    seconds = perf_counter() - began
    return Record(
        instance.name,
        instance.family,
        instance.levels,
        instance.is_mixed,
        bool(instance.slices),
        Outcome(optimum.verdict, seconds, optimum.domains, optimum.hosts),
        outcomes,
    )


def measured(
    instance: Instance, asked: Question, who: str, answer: Answer, again_s: float | None = None
) -> Outcome:
    """Return what an answer costs. Raises: VoidRunError when it is no placement for this question."""
    if answer.shares is None:
        return Outcome(answer.verdict, answer.seconds, again_s=again_s)
    wrong = faults(asked, answer.shares)
    if wrong:
        raise VoidRunError(f"{who} answers {instance.name} wrongly: {'; '.join(wrong)}.")
    return Outcome(
        answer.verdict,
        answer.seconds,
        domains_used(asked, answer.shares),
        hosts_used(answer.shares),
        again_s,
    )


def _of_engine(instance: Instance, asked: Question) -> Outcome:
    try:
        answer, again_s = production.ask(instance)
    except production.UnexpectedAnswer as problem:
        raise VoidRunError(
            f"{production.NAME} answers {instance.name} with something else: {problem}."
        ) from problem
    return measured(instance, asked, production.NAME, answer, again_s)
