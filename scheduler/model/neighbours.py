"""
What pods ask of the pods around them, and what is known of a pod for whoever asks.

A topology key is any label of nodes: nodes with the same value are one domain of it, and a node without the label is in none. It need not
be a level of the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduler.model.nodes import no_labels
from scheduler.model.once import HashedOnce
from scheduler.model.requirements import Requirement

Selector = tuple[Requirement, ...] | None
"""Requirements that must all hold; none at all match everything, and no selector (None) matches nothing, as in Kubernetes."""


@dataclass(frozen=True, slots=True)
class PodTerm(HashedOnce):
    """
    Pods that `selector` matches, in one domain of `topology_key`.

    They are in the namespaces named or in those whose labels `namespace_selector` matches; with neither, in that of the pod whose term
    this is.
    """

    topology_key: str
    selector: Selector
    namespaces: tuple[str, ...] = ()
    namespace_selector: Selector = None

    __hash__ = HashedOnce.__hash__


@dataclass(frozen=True, slots=True)
class WeightedPodTerm:
    """A domain with matching pods is better by `weight` for each of them; worse where the weight is negative (-100..100, never 0)."""

    weight: int
    term: PodTerm


@dataclass(frozen=True, slots=True)
class PodRules(HashedOnce):
    """
    Inter-pod affinity and anti-affinity of one pod. All terms must hold.

    `affinity`: one and the same pod must match all of them. `anti_affinity`: no pod may match any; this also keeps others away from a pod
    that stands already. `preferred`: wishes, of both kinds.
    """

    affinity: tuple[PodTerm, ...] = ()
    anti_affinity: tuple[PodTerm, ...] = ()
    preferred: tuple[WeightedPodTerm, ...] = ()

    __hash__ = HashedOnce.__hash__


@dataclass(frozen=True, slots=True)
class Spread(HashedOnce):
    """
    How evenly pods that match `selector` in the pod's namespace shall be spread over the domains of a topology key.

    `is_required`: a node on which the skew would exceed `max_skew` is out of the question, else it is less liked. Fewer than `min_domains`
    domains: the least is taken to be none. `honours_affinity`, `honours_taints`: nodes that the pod's node selector and affinity, or
    its tolerations, rule out count for nothing.
    """

    topology_key: str
    max_skew: int
    is_required: bool
    selector: Selector
    min_domains: int = 1
    honours_affinity: bool = True
    honours_taints: bool = False

    __hash__ = HashedOnce.__hash__


@dataclass(frozen=True, slots=True)
class Resident(HashedOnce):
    """
    A pod on a node, as far as other pods' rules may depend on it.

    `is_leaving`: it is being deleted. It still repels and attracts, but is not counted where pods are to be spread evenly.
    """

    namespace: str
    labels: Mapping[str, str] = field(default_factory=no_labels)
    rules: PodRules | None = None
    is_leaving: bool = False

    __hash__ = HashedOnce.__hash__
