"""
Pod by pod, packed: each pod goes to the fullest host that holds it, in the order of the spec, and no choice is taken back.

Source: design notes on placement, section 15; MostAllocated, a documented setting of kube-scheduler, in its pod group cycle.
"""

from benchmarks.place.questions import Question, Shares
from benchmarks.place.rules.by_value import best_value
from benchmarks.place.rules.rule import Rule, fullest, in_spec_order


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    return best_value(question, in_spec_order(question), fullest)


RULE = Rule("pod-by-pod-pack", "kube-scheduler, MostAllocated", "KEP-4671, KEP-5732", place)
