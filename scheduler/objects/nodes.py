"""
Nodes, from the wire to the model.

A node that is not ready or under pressure carries taints that say so (node lifecycle controller), so conditions are not read.
"""

from typing import Final

from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node, Taint, TaintEffect
from scheduler.objects import structs
from scheduler.objects.amounts import exact, offered
from scheduler.objects.errors import BadObject, shown
from scheduler.objects.labels import kept, required, shared

MAX_TAINTS: Final = 1024

_EFFECTS: Final = {str(effect): effect for effect in TaintEffect}


def node_from(obj: structs.Node) -> Node:
    """Return the node as a value. Raises: BadObject, also on amounts that no machine has."""
    return Node(
        name=NodeName(shared(required(obj.metadata.name, "metadata.name"))),
        allocatable=offered(exact(obj.status.allocatable, "status.allocatable"), "status.allocatable"),
        labels=kept(obj.metadata.labels),
        taints=_taints(obj.spec.taints or []),
        unschedulable=obj.spec.unschedulable,
    )


def _taints(taints: list[structs.Taint]) -> tuple[Taint, ...]:
    if len(taints) > MAX_TAINTS:
        raise BadObject(f"spec.taints has {len(taints)} entries; {MAX_TAINTS} is the limit.")
    return tuple(Taint(shared(taint.key), _effect(taint.effect), shared(taint.value)) for taint in taints)


def _effect(text: str) -> TaintEffect:
    effect = _EFFECTS.get(text)
    if effect is None:
        raise BadObject(f"spec.taints[].effect is {shown(text)}; known are {', '.join(_EFFECTS)}.")
    return effect
