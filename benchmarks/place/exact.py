"""
The exact answer: an integer programme solved to proven optimality, level by level.

    x[r, n]   pods of role r on host n           u[d]   whether domain d holds a pod
    sum over n of x[r, n] = count of r           sum over r of x[r, n] * asked[r] <= free[n]
    pods of role r in d <= what d could hold of r * u[d]
    slices: pods in d = size * a whole number

The fewest domains of the outermost level are found first, then held fixed while those of the next one are counted. Stops are counted in the
solver's own deterministic time, so what is left unproven does not depend on the machine.

Source: the objective of the design notes on placement, section 2; CP-SAT of OR-tools. No hint is given and no symmetry of ours is used.
"""

from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any, Final

import numpy as np

from benchmarks.place.answers import Verdict
from benchmarks.place.measure import domains, domains_used, faults, hosts_used
from benchmarks.place.questions import Numbers, Question, Shares, copies

EFFORT: Final = 20.0
"""Deterministic seconds per level; default 20, about as many seconds on one core. Raising it leaves fewer instances unproven."""


class NoSolverError(ImportError):
    """The solver is not installed; one sentence that says how to get it."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """`verdict` gave up: not proven within the effort. `domains`: per level, where it is placed."""

    verdict: Verdict
    domains: tuple[int, ...] = ()
    hosts: int = 0


def solver_version() -> str:
    """Return the version of the solver. Raises: NoSolverError."""
    try:
        import_module("ortools.sat.python.cp_model")
    except ImportError as problem:
        raise NoSolverError(
            "The exact solver is not installed; install it with pip install 'tutti-scheduler[exact]'."
        ) from problem
    return metadata.version("ortools")


def solve(question: Question, effort: float = EFFORT) -> Optimum:
    """Return the optimum of a question. Raises: NoSolverError."""
    solver_version()
    model = _Model(question, effort)
    for level in range(len(question.homes)):
        verdict = model.settle(level)
        if verdict is not Verdict.PLACED:
            return Optimum(verdict)
    found = model.shares()
    wrong = faults(question, found)
    if wrong or domains_used(question, found) != tuple(model.fewest):
        raise AssertionError(f"the solver's placement is not what it says: {wrong}, {model.fewest}")
    return Optimum(Verdict.PLACED, tuple(model.fewest), hosts_used(found))


def exists(question: Question, effort: float = EFFORT) -> Verdict:
    """Return whether any placement exists at all."""
    solver_version()
    return _Model(question, effort).run()


class _Model:
    """One integer programme, whose levels are settled one after the other."""

    def __init__(self, question: Question, effort: float) -> None:
        from ortools.sat.python import cp_model  # noqa: PLC0415  optional: extra `exact`

        self._api, self._question = cp_model, question
        self._model, self._solver = cp_model.CpModel(), cp_model.CpSolver()
        self._solver.parameters.num_workers = 1
        self._solver.parameters.random_seed = 0
        self._solver.parameters.max_deterministic_time = effort
        self.fewest: list[int] = []
        self._room = copies(question, question.free)
        self._pods = [
            [self._model.new_int_var(0, int(most), "") if most else 0 for most in row] for row in self._room
        ]
        self._used = [self._of_level(level) for level in range(len(question.homes))]
        self._nest()
        self._capacity()
        self._slices()
        if question.required is not None:
            self._model.add(sum(self._used[question.required]) <= 1)

    def settle(self, level: int) -> Verdict:
        """Find the fewest domains of one level, given those of the levels before, and keep to them."""
        used = sum(self._used[level])
        self._model.minimize(used)
        verdict = self.run()
        if verdict is Verdict.PLACED:
            self.fewest.append(round(self._solver.objective_value))
            self._model.add(used == self.fewest[-1])
        return verdict

    def run(self) -> Verdict:
        """Solve as it stands."""
        status = self._solver.solve(self._model)
        if status == self._api.OPTIMAL:
            return Verdict.PLACED
        return Verdict.REFUSED if status == self._api.INFEASIBLE else Verdict.GAVE_UP

    def shares(self) -> Shares:
        """Return the placement found last."""
        return np.array([[int(self._solver.value(pods)) for pods in row] for row in self._pods])

    def _of_level(self, level: int) -> list[Any]:
        """Return whether each domain of a level is used, tied to the pods in it."""
        used = []
        of = self._question.homes[level]
        for domain in range(int(of.max(initial=-1)) + 1):
            flag = self._model.new_bool_var("")
            hosts = np.flatnonzero(of == domain)
            for role, count in enumerate(self._question.counts):
                most = min(count, int(self._room[role, hosts].sum()))
                if most:
                    self._model.add(sum(self._pods[role][host] for host in hosts) <= most * flag)
            self._add_up(hosts, flag)
            used.append(flag)
        return used

    def _nest(self) -> None:
        """Say that a domain inside another one is used only if that one is, where domains are nested."""
        homes = self._question.homes
        for level in range(1, len(homes)):
            around: dict[int, set[int]] = {}
            for outer, inner in zip(homes[level - 1].tolist(), homes[level].tolist(), strict=True):
                around.setdefault(inner, set()).add(outer)
            for inner, outers in sorted(around.items()):
                if len(outers) == 1:
                    self._model.add_implication(self._used[level][inner], self._used[level - 1][min(outers)])

    def _add_up(self, hosts: Numbers, flag: Any) -> None:
        """Say of a domain as a whole what follows from its hosts, for a tighter relaxation."""
        question = self._question
        free = np.maximum(question.free[hosts], 0).sum(axis=0)
        for resource, amount in enumerate(free.tolist()):
            terms = [
                int(question.asked[role, resource]) * pods[host]
                for role, pods in enumerate(self._pods)
                if question.asked[role, resource]
                for host in hosts
                if self._room[role, host]
            ]
            if terms and len(question.counts) > 1:
                self._model.add(sum(terms) <= amount * flag)

    def _capacity(self) -> None:
        question = self._question
        for role, count in enumerate(question.counts):
            self._model.add(sum(self._pods[role]) == count)
        for host, free in enumerate(question.free):
            for resource, amount in enumerate(free.tolist()):
                terms = [
                    int(question.asked[role, resource]) * row[host]
                    for role, row in enumerate(self._pods)
                    if self._room[role, host] and question.asked[role, resource]
                ]
                if len(terms) > 1:  # one role alone is within its own bound
                    self._model.add(sum(terms) <= amount)

    def _slices(self) -> None:
        for level, size in self._question.slices:
            of = domains(self._question, level)
            for domain in range(int(of.max(initial=-1)) + 1):
                hosts = np.flatnonzero(of == domain)
                most = int(self._room[:, hosts].sum())
                whole = self._model.new_int_var(0, most // size, "")
                here = sum(self._pods[role][host] for role in range(len(self._pods)) for host in hosts)
                self._model.add(here == size * whole)
