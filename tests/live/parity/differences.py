"""
Where Tutti's predicates and kube-scheduler's are known to differ, each with its reason. Everything else is a fault of one of them.

A difference that is explained must be on the safe side: Tutti may leave out a node that kube-scheduler would take, never take one that
it would not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scheduler.model.pods import PodShape
from scheduler.model.snapshot import NodeState


@dataclass(frozen=True, slots=True)
class Difference:
    """`applies` tells whether it can explain that only kube-scheduler finds the node feasible."""

    name: str
    why: str
    applies: Callable[[PodShape, NodeState], bool]


def _every_ipv6_address(shape: PodShape, state: NodeState) -> bool:
    mine, others = shape.host_ports, state.host_ports
    return any(
        (one.protocol, one.port) == (other.protocol, other.port)
        and "::" in {one.ip, other.ip}
        and one.ip != other.ip
        for one in mine
        for other in others
    )


EXPLAINED: Final = (
    Difference(
        "host port on ::",
        "kube-scheduler knows 0.0.0.0 as every address, and takes :: for one address among others. A listener on :: has every IPv6 address "
        "of the node, and on Linux every IPv4 address too, so the second pod would be placed and then fail to start.",
        _every_ipv6_address,
    ),
)
