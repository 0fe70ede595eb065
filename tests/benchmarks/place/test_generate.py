"""Instances: the same for everybody, of every family, and asked in the same words of engine, solver and rules."""

from collections import Counter
from itertools import pairwise

import numpy as np

from benchmarks.place.generate import FAMILIES, ROTATION, instance, instances
from benchmarks.place.production import evidence
from benchmarks.place.questions import question
from scheduler.model.ids import NodeName
from scheduler.topology import compile_tree


def test_an_instance_does_not_depend_on_those_before_it() -> None:
    drawn = list(instances(7, 60))
    assert instance(7, 59) == drawn[59]
    assert instance(8, 59) != drawn[59]


def test_half_of_the_instances_are_mixed_and_every_family_comes() -> None:
    drawn = Counter(each.family for each in instances(0, len(ROTATION)))
    assert set(drawn) == set(FAMILIES)
    assert sum(count for family, count in drawn.items() if family.startswith("mixed")) == len(ROTATION) // 2


def test_instances_are_well_formed() -> None:
    for each in instances(1, 240):
        assert each.is_mixed == each.family.startswith("mixed")
        assert [host.name for host in each.hosts] == sorted({host.name for host in each.hosts})
        assert all(len(host.homes) == len(each.levels) for host in each.hosts)
        assert all(role.count >= 1 and max(role.asks.values()) > 0 for role in each.roles)
        assert all(0 <= host.free[name] <= host.total[name] for host in each.hosts for name in host.total)
        for level, size in each.slices:
            assert level in (*each.levels, "host")
            assert sum(role.count for role in each.roles) % size == 0
        sizes = [size for _, size in each.slices]
        assert all(outer % inner == 0 for outer, inner in pairwise(sizes))


def test_domains_are_those_that_the_engine_sees_also_where_evidence_has_gaps() -> None:
    with_gaps = [each for each in instances(2, 400) if any("" in host.homes for host in each.hosts)]
    assert len(with_gaps) > 10
    for each in with_gaps:
        asked = question(each)
        names = [NodeName(host.name) for host in each.hosts]
        tree = compile_tree(evidence(each.levels, each.hosts), names)
        for number, level in enumerate(each.levels):
            if level not in tree.levels:
                continue  # hidden everywhere
            theirs = [
                tree.domain_of(tree.index[name], tree.levels[tree.levels.index(level)]) for name in names
            ]
            assert _partition(asked.homes[number]) == _partition(np.array(theirs))


def _partition(of: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(of == domain).tolist()) for domain in set(of.tolist())}
