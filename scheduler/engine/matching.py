"""
Of whom a rule speaks: a pod's term on other pods, and another pod's namespace and labels.

Follows kube-scheduler 1.37 (AffinityTerm.Matches, and the selectors of PodTopologySpread).
"""

from collections.abc import Iterable, Mapping

from scheduler.engine.feasibility import holds
from scheduler.model.neighbours import PodTerm, Selector, Spread
from scheduler.model.nodes import NO_LABELS

Labels = Mapping[str, str]
Namespaces = Mapping[str, Labels]
"""The labels of each namespace."""


def selects(selector: Selector, labels: Labels) -> bool:
    """Whether a label selector matches."""
    return selector is not None and all(holds(wanted, labels.get(wanted.key)) for wanted in selector)


def speaks_of(term: PodTerm, owner: str, namespace: str, namespaces: Namespaces) -> bool:
    """Whether a term of a pod in namespace `owner` may concern pods of `namespace`."""
    if namespace in term.namespaces:
        return True
    if term.namespace_selector is None:
        return not term.namespaces and namespace == owner
    return selects(term.namespace_selector, namespaces.get(namespace, NO_LABELS))


def counts_in(spread: Spread, labels: Labels) -> bool:
    """Whether a pod that stands is counted. A selector without requirements matches every pod that comes, and counts none that is there."""
    return bool(spread.selector) and selects(spread.selector, labels)


def keys_of(selectors: Iterable[Selector]) -> frozenset[str]:
    """Return the labels that any of these selectors looks at."""
    return frozenset(wanted.key for selector in selectors for wanted in selector or ())
