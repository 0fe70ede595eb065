"""Inter-pod affinity and spread constraints: kept as they are, bounded, and what is beyond us named; nothing that repels is ever lost."""

from typing import Any

import msgspec
import pytest

from scheduler.model.neighbours import PodRules, PodTerm, Spread, WeightedPodTerm
from scheduler.model.pods import Operator, PodShape, Requirement
from scheduler.objects import structs
from scheduler.objects.labels import kept
from scheduler.objects.shapes import shape_of

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
APP = (Requirement("app", Operator.IN, ("db",)),)
SELECTOR = {"matchLabels": {"app": "db"}}


def shape(spec: dict[str, Any], *, full: bool = True, **labels: str) -> PodShape:
    raw = msgspec.json.encode({"metadata": {"labels": labels}, "spec": spec})
    return shape_of(msgspec.json.decode(raw, type=structs.Pod), full=full)


def affinity(kind: str, how: str, *terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {kind: {how: list(terms)}}}


def test_terms_are_kept_with_their_namespaces() -> None:
    term = {
        "topologyKey": "zone",
        "labelSelector": {
            "matchLabels": {"app": "db"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["slow"]}],
        },
        "namespaces": ["b", "a"],
        "namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
    }
    made = shape(affinity("podAffinity", REQUIRED, term))
    selector = (*APP, Requirement("tier", Operator.NOT_IN, ("slow",)))
    kept_term = PodTerm("zone", selector, ("a", "b"), (Requirement("team", Operator.EXISTS),))
    assert made.rules == PodRules(affinity=(kept_term,))
    assert made.unevaluated == ()


def test_no_selector_is_told_from_an_empty_one() -> None:
    made = shape(
        affinity("podAntiAffinity", REQUIRED, {"topologyKey": "a"}, {"topologyKey": "b", "labelSelector": {}})
    )
    assert made.rules == PodRules(anti_affinity=(PodTerm("a", None), PodTerm("b", ())))


def test_wishes_of_both_kinds_are_kept_with_their_sign() -> None:
    term = {"topologyKey": "zone", "labelSelector": SELECTOR}
    strange = {
        "topologyKey": "zone",
        "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]},
    }
    spec = {
        "affinity": {
            "podAffinity": {
                PREFERRED: [
                    {"weight": 7, "podAffinityTerm": term},
                    {"weight": 9, "podAffinityTerm": strange},
                ]
            },
            "podAntiAffinity": {PREFERRED: [{"weight": 3, "podAffinityTerm": term}]},
        }
    }
    wish = PodTerm("zone", APP)
    assert shape(spec).rules == PodRules(preferred=(WeightedPodTerm(7, wish), WeightedPodTerm(-3, wish)))
    assert shape(spec).unevaluated == ()


def test_pods_without_rules_have_none() -> None:
    assert shape({"affinity": {"podAffinity": {REQUIRED: []}, "podAntiAffinity": {}}}).rules is None


@pytest.mark.parametrize("operator", ["Gt", "Lt", "Like"])
@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
def test_operator_beyond_label_selectors_holds_the_pod(kind: str, operator: str) -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": operator, "values": ["1"]}]}
    made = shape(affinity(kind, REQUIRED, {"topologyKey": "zone", "labelSelector": selector}))
    assert made.unevaluated == (kind,)


def test_what_repels_and_cannot_be_read_repels_everybody() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "Like"}]}
    spec = affinity("podAntiAffinity", REQUIRED, {"topologyKey": "zone", "labelSelector": selector})
    assert shape(spec, full=False).rules == PodRules(anti_affinity=(PodTerm("zone", (), (), ()),))


def test_too_many_terms_are_named_and_those_that_repel_repel_everybody() -> None:
    many = [{"topologyKey": f"k{n % 2}", "labelSelector": SELECTOR} for n in range(129)]
    attracted = shape(affinity("podAffinity", REQUIRED, *many))
    assert attracted.rules is None
    assert attracted.unevaluated == ("more than 256 terms and requirements of podAffinity",)
    repelled = shape(affinity("podAntiAffinity", REQUIRED, *many))
    assert repelled.unevaluated == ("more than 256 terms and requirements of podAntiAffinity",)
    everybody = PodRules(anti_affinity=(PodTerm("k0", (), (), ()), PodTerm("k1", (), (), ())))
    assert repelled.rules == everybody
    wishes = [{"weight": 1, "podAffinityTerm": term} for term in many]
    assert shape(affinity("podAntiAffinity", PREFERRED, *wishes)) == shape({})
    assert len(shape(affinity("podAffinity", REQUIRED, *many[:128])).rules.affinity) == 128  # type: ignore[union-attr]


def test_spread_is_kept_with_kubernetes_defaults() -> None:
    spec = {
        "topologySpreadConstraints": [
            {
                "topologyKey": "zone",
                "maxSkew": 2,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": SELECTOR,
            },
            {
                "topologyKey": "rack",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "minDomains": 3,
                "nodeAffinityPolicy": "Ignore",
                "nodeTaintsPolicy": "Honor",
            },
        ]
    }
    assert shape(spec).spreads == (
        Spread("zone", 2, True, APP, 1, honours_affinity=True, honours_taints=False),
        Spread("rack", 1, False, None, 3, honours_affinity=False, honours_taints=True),
    )


def test_own_values_of_label_keys_are_part_of_the_selector() -> None:
    spread = {
        "topologyKey": "zone",
        "labelSelector": SELECTOR,
        "matchLabelKeys": ["pod-template-hash", "absent"],
    }
    first, second = (
        shape({"topologySpreadConstraints": [spread]}, **{"app": "db", "pod-template-hash": version})
        for version in ("1", "2")
    )
    assert first.spreads[0].selector == (*APP, Requirement("pod-template-hash", Operator.IN, ("1",)))
    assert first != second


def test_label_keys_without_a_selector_still_match_nothing() -> None:
    spread = {"topologyKey": "zone", "matchLabelKeys": ["app"]}
    assert shape({"topologySpreadConstraints": [spread]}, app="db").spreads[0].selector is None


@pytest.mark.parametrize(
    "strange",
    [
        {"whenUnsatisfiable": "Sometimes"},
        {"nodeAffinityPolicy": "Consider"},
        {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}},
    ],
    ids=["when", "policy", "operator"],
)
def test_spread_beyond_us_holds_the_pod_unless_it_is_a_wish(strange: dict[str, Any]) -> None:
    made = shape({"topologySpreadConstraints": [{"topologyKey": "zone", **strange}]})
    assert (made.spreads, made.unevaluated) == ((), ("topologySpreadConstraints",))
    if "whenUnsatisfiable" not in strange:
        wish = {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", **strange}
        assert shape({"topologySpreadConstraints": [wish]}).unevaluated == ()


def test_too_many_constraints_are_named() -> None:
    spread = {"topologyKey": "zone", "labelSelector": SELECTOR}
    made = shape({"topologySpreadConstraints": [spread] * 129})
    assert made.unevaluated == ("more than 256 terms and requirements of topologySpreadConstraints",)


def test_equal_labels_are_one_object() -> None:
    assert kept({"a": "1", "b": "2"}) is kept({"b": "2", "a": "1"})
