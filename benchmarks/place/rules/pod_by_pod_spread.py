"""
Pod by pod, spread: each pod goes to the emptiest host that holds it, in the order of the spec, and no choice is taken back.

Source: design notes on placement, section 15; LeastAllocated, the default score of kube-scheduler, in its pod group cycle.
"""

from benchmarks.place.questions import Question, Shares
from benchmarks.place.rules.by_value import best_value
from benchmarks.place.rules.rule import Rule, emptiest, in_spec_order


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    return best_value(question, in_spec_order(question), emptiest)


RULE = Rule("pod-by-pod-spread", "kube-scheduler, LeastAllocated", "KEP-4671, KEP-5732", place)
