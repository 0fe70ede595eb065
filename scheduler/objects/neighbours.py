"""
Inter-pod affinity and topology spread constraints, from the wire to the model.

What a pod may ask of others is bounded. What is too much or not understood is named, and holds a pod that waits. A
pod that stands has its rules all the same: of its required anti-affinity nothing may be lost, so what cannot be kept is replaced by a rule
that keeps away more; its wishes may be.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scheduler.model.neighbours import PodRules, PodTerm, Selector, Spread, WeightedPodTerm
from scheduler.model.requirements import Operator, Requirement
from scheduler.objects import structs
from scheduler.objects.labels import shared
from scheduler.objects.selectors import OPERATORS

MAX_CONDITIONS: Final = 256  # terms, requirements and namespaces together; each is asked of every pod that stands, and people write a few
MOST_WEIGHT: Final = 100
LARGEST: Final = 2**31 - 1  # int32 of the API; what is larger means no more
OF_NODES: Final = frozenset({Operator.GT, Operator.LT})  # not in label selectors
EVERYBODY: Selector = ()

_WORDS: Final = {"Honor": True, "Ignore": False}


def pod_rules(affinity: structs.Affinity | None, unevaluated: set[str]) -> PodRules | None:
    """Return the pod's rules on other pods; None when it has none. What of required terms is not evaluated is named."""
    if affinity is None:
        return None
    towards = affinity.pod_affinity or structs.PodAffinity()
    away = affinity.pod_anti_affinity or structs.PodAffinity()
    rules = PodRules(
        affinity=_required(towards.required or (), "podAffinity", unevaluated),
        anti_affinity=_repelling(away.required or (), unevaluated),
        preferred=(*_wishes(towards.preferred or (), 1), *_wishes(away.preferred or (), -1)),
    )
    return rules if rules != PodRules() else None


def spreads(wanted: Sequence[structs.TopologySpread] | None, unevaluated: set[str]) -> tuple[Spread, ...]:
    """Return the pod's spread constraints, with matchLabelKeys resolved before (`with_label_keys`). A wish beyond us is left out."""
    if sum(1 + _conditions(spread.label_selector) for spread in wanted or ()) > MAX_CONDITIONS:
        unevaluated.add(f"more than {MAX_CONDITIONS} terms and requirements of topologySpreadConstraints")
        return ()
    kept = []
    for spread in wanted or ():
        beyond: set[str] = set()
        made = _spread(spread, beyond)
        if not beyond:
            kept.append(made)
        elif made.is_required:
            unevaluated |= beyond
    return tuple(kept)


def with_label_keys(
    wanted: Sequence[structs.TopologySpread] | None, labels: Mapping[str, str] | None
) -> list[structs.TopologySpread] | None:
    """
    Return the constraints with the pod's own values of matchLabelKeys in their selectors, as kube-scheduler reads them.

    The API server merges them as well since 1.34, but a pod may be older. A constraint without a selector matches nothing and stays so.
    """
    if wanted is None or not any(spread.match_label_keys for spread in wanted):
        return list(wanted) if wanted is not None else None
    return [_with_label_keys(spread, labels or {}) for spread in wanted]


def _with_label_keys(spread: structs.TopologySpread, labels: Mapping[str, str]) -> structs.TopologySpread:
    selector = spread.label_selector
    own = [
        structs.LabelRequirement(key, "In", [labels[key]])
        for key in spread.match_label_keys or ()
        if key in labels
    ]
    if selector is not None and own:
        selector = structs.LabelSelector(selector.match_labels, [*(selector.match_expressions or ()), *own])
    return structs.TopologySpread(
        max_skew=spread.max_skew,
        topology_key=spread.topology_key,
        when_unsatisfiable=spread.when_unsatisfiable,
        label_selector=selector,
        min_domains=spread.min_domains,
        node_affinity_policy=spread.node_affinity_policy,
        node_taints_policy=spread.node_taints_policy,
    )


def _spread(spread: structs.TopologySpread, unevaluated: set[str]) -> Spread:
    field = "topologySpreadConstraints"
    policies = (spread.node_affinity_policy or "Honor", spread.node_taints_policy or "Ignore")
    if any(policy not in _WORDS for policy in policies):
        unevaluated.add(field)
    if spread.when_unsatisfiable not in {"DoNotSchedule", "ScheduleAnyway"}:
        unevaluated.add(field)
    return Spread(
        topology_key=shared(spread.topology_key),
        max_skew=max(1, min(LARGEST, spread.max_skew)),
        is_required=spread.when_unsatisfiable != "ScheduleAnyway",
        selector=_selector(spread.label_selector, field, unevaluated),
        min_domains=max(1, min(LARGEST, spread.min_domains or 1)),
        honours_affinity=_WORDS.get(policies[0], True),
        honours_taints=_WORDS.get(policies[1], False),
    )


def _required(
    terms: Sequence[structs.PodAffinityTerm], field: str, unevaluated: set[str]
) -> tuple[PodTerm, ...]:
    if _size_of_terms(terms) > MAX_CONDITIONS:
        unevaluated.add(f"more than {MAX_CONDITIONS} terms and requirements of {field}")
        return ()
    return tuple(_term(term, field, unevaluated) for term in terms)


def _repelling(terms: Sequence[structs.PodAffinityTerm], unevaluated: set[str]) -> tuple[PodTerm, ...]:
    """Return the terms; those that cannot be kept as they are keep everybody away instead."""
    field = "podAntiAffinity"
    if _size_of_terms(terms) > MAX_CONDITIONS:
        unevaluated.add(f"more than {MAX_CONDITIONS} terms and requirements of {field}")
        keys = sorted({term.topology_key for term in terms})[:MAX_CONDITIONS]
        return tuple(PodTerm(shared(key), EVERYBODY, (), EVERYBODY) for key in keys)
    kept = []
    for term in terms:
        beyond: set[str] = set()
        made = _term(term, field, beyond)
        unevaluated |= beyond
        kept.append(PodTerm(made.topology_key, EVERYBODY, (), EVERYBODY) if beyond else made)
    return tuple(kept)


def _wishes(wanted: Sequence[structs.WeightedPodAffinityTerm], sign: int) -> tuple[WeightedPodTerm, ...]:
    if _size_of_terms([wish.pod_affinity_term for wish in wanted]) > MAX_CONDITIONS:
        return ()
    kept = []
    for wish in wanted:
        beyond: set[str] = set()
        term = _term(wish.pod_affinity_term, "", beyond)
        if not beyond and wish.weight > 0:
            kept.append(WeightedPodTerm(sign * min(MOST_WEIGHT, wish.weight), term))
    return tuple(kept)


def _term(term: structs.PodAffinityTerm, field: str, unevaluated: set[str]) -> PodTerm:
    return PodTerm(
        topology_key=shared(term.topology_key),
        selector=_selector(term.label_selector, field, unevaluated),
        namespaces=tuple(sorted({shared(name) for name in term.namespaces or ()})),
        namespace_selector=_selector(term.namespace_selector, field, unevaluated),
    )


def _selector(selector: structs.LabelSelector | None, field: str, unevaluated: set[str]) -> Selector:
    """Return the requirements; None where there is no selector, which matches nothing."""
    if selector is None:
        return None
    kept = [
        Requirement(shared(key), Operator.IN, (shared(value),))
        for key, value in sorted((selector.match_labels or {}).items())
    ]
    for wanted in selector.match_expressions or ():
        operator = OPERATORS.get(wanted.operator)
        if operator is None or operator in OF_NODES:
            unevaluated.add(field)
            continue
        kept.append(Requirement(shared(wanted.key), operator, tuple(wanted.values or ())))
    return tuple(kept)


def _size_of_terms(terms: Iterable[structs.PodAffinityTerm]) -> int:
    return sum(
        1
        + _conditions(term.label_selector)
        + _conditions(term.namespace_selector)
        + len(term.namespaces or ())
        for term in terms
    )


def _conditions(selector: structs.LabelSelector | None) -> int:
    return (
        len(selector.match_labels or ()) + len(selector.match_expressions or ())
        if selector is not None
        else 0
    )
