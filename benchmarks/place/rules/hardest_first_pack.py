"""
Pod by pod, packed, hardest first: as `pod_by_pod_pack`, with the pods that ask for the largest part of a host in front.

No scheduler here does this with a gang of its own accord; a user can, by the order in which pods are made. The bound of what the order
gains. Source: first fit decreasing, D. S. Johnson, 1973.
"""

from benchmarks.place.questions import Question, Shares
from benchmarks.place.rules.by_value import best_value
from benchmarks.place.rules.rule import Rule, fullest, hardest_first


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    return best_value(question, hardest_first(question), fullest)


RULE = Rule("hardest-first-pack", "pods made in the best order, MostAllocated", "first fit decreasing", place)
