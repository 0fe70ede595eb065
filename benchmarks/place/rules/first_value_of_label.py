"""
First value of one label: the first domain of the required level in which the pods fit one by one, packed, in spec order.

One label names one level; nothing further in is looked at, and a gang without a required level has no label, so its pods go anywhere.
Source: design notes on placement, section 15, Armada (`gang_scheduler.go`); its nodes are taken fullest first.
"""

from benchmarks.place.questions import Question, Shares
from benchmarks.place.rules.rule import Rule, first_that_fits, fullest, in_spec_order, one_by_one, scopes


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    order = in_spec_order(question)
    return first_that_fits(scopes(question), lambda inside: one_by_one(question, order, inside, fullest))


RULE = Rule("first-value-of-label", "Armada", "Armada gang_scheduler.go", place)
