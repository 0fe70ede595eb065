"""Random nodes and pods for properties of the engine: small vocabularies, so that things often meet."""

from dataclasses import replace

from hypothesis import strategies as st

from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.pods import (
    HostPort,
    NodeSelectorTerm,
    Operator,
    PodShape,
    PreferredTerm,
    Requirement,
    Toleration,
)
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState
from tests.build import GPU, node, shape

KEYS = st.sampled_from(["kind", "size", "nowhere"])
VALUES = st.sampled_from(
    ["fast", "slow", "4", "04", "-7", "-+5", "", str(2**63 - 1), str(-(2**63)), str(2**63)]
)
NAMES = st.sampled_from(["n0", "n1", "n2", "n7"])
TAINTS = st.builds(
    Taint, st.sampled_from(["team", "old"]), st.sampled_from(TaintEffect), st.sampled_from(["", "red"])
)
PORTS = st.builds(
    HostPort,
    st.sampled_from(["TCP", "UDP"]),
    st.sampled_from([8080, 9090]),
    st.sampled_from(["0.0.0.0", "10.0.0.1"]),  # noqa: S104  what pods ask for
)


def few(of: st.SearchStrategy, most: int = 2) -> st.SearchStrategy:  # type: ignore[type-arg]
    """Draw a short tuple."""
    return st.lists(of, max_size=most).map(tuple)


REQUIREMENTS = st.builds(Requirement, KEYS, st.sampled_from(Operator), few(VALUES))
FIELDS = st.builds(
    Requirement,
    st.sampled_from(["metadata.name", "metadata.name", "kind"]),
    st.sampled_from(Operator),
    few(NAMES),
)
TERMS = st.builds(NodeSelectorTerm, few(REQUIREMENTS), few(FIELDS, 1))
TOLERATIONS = st.builds(
    Toleration,
    st.sampled_from(["", "team", "old", "node.kubernetes.io/unschedulable"]),
    st.booleans(),
    st.sampled_from(["", "red"]),
    st.none() | st.sampled_from(TaintEffect),
)


@st.composite
def states(draw: st.DrawFn, name: str) -> NodeState:
    """Draw a node, sometimes tainted, cordoned, overcommitted, or with ports in use."""
    state = node(
        name,
        gpus=draw(st.integers(0, 8)),
        pods=draw(st.integers(0, 9)),
        labels=draw(st.dictionaries(st.sampled_from(["kind", "size"]), VALUES)),
        taints=draw(few(TAINTS)),
        unschedulable=draw(st.integers(0, 5)) == 0,
    )
    requested = Resources({GPU: draw(st.integers(0, 9)), "pods": draw(st.integers(0, 3))})
    return replace(state, requested=requested, host_ports=draw(few(PORTS, 1)))


@st.composite
def shapes(draw: st.DrawFn) -> PodShape:
    """Draw a pod: mostly plain, sometimes particular about nodes, with ports, or asking for nothing or for what nobody has."""
    plain = shape(gpus=draw(st.integers(0, 4)), cpu=draw(st.integers(0, 9)))
    if draw(st.integers(0, 5)) == 0:
        other = st.sampled_from([{}, {"nobody/has": 1, "pods": 1}, {GPU: 2**53}])
        plain = replace(plain, requests=Resources(draw(other)))
    if draw(st.booleans()):
        return plain
    return replace(
        plain,
        node_selector=draw(few(st.tuples(KEYS, VALUES), 1)),
        required_terms=draw(st.none() | few(TERMS)),
        preferred_terms=draw(few(st.builds(PreferredTerm, st.integers(1, 100), TERMS))),
        tolerations=draw(few(TOLERATIONS)),
        host_ports=draw(few(PORTS)),
    )
