"""Builders for volumes: claims, what they are bound to, and what nodes attach."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from scheduler.model.ids import NodeName
from scheduler.model.pods import Pod
from scheduler.model.requirements import NodeSelectorTerm, Operator, Requirement
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.model.volumes import Claim, ClaimKey, ClaimUse, Handle, NodeDrivers, Storage, Volume

DRIVER = "ebs.example.com"


def on(label: str, *values: str) -> tuple[NodeSelectorTerm, ...]:
    """Reach nodes whose label has one of these values."""
    return (NodeSelectorTerm((Requirement(label, Operator.IN, values),)),)


def bound(**volumes: Volume) -> dict[str, tuple[Claim, Volume]]:
    """Return claims of these names, each bound to its volume."""
    return {name: (Claim(f"pv-{name}", is_bound=True), volume) for name, volume in volumes.items()}


def csi(name: str, driver: str = DRIVER, **changes: Any) -> Volume:
    """Return a volume of a CSI driver."""
    return Volume(handle=Handle(driver, name), **changes)


def storage(
    claims: dict[str, tuple[Claim, Volume]] | None = None,
    *,
    unbound: dict[str, Claim] | None = None,
    limits: dict[str, int] | None = None,
    **changes: Any,
) -> Storage:
    """Return claims in namespace team; `limits`: volumes of DRIVER that nodes attach."""
    made = claims or {}
    return Storage(
        claims={
            **{ClaimKey("team", name): claim for name, (claim, _) in made.items()},
            **{ClaimKey("team", name): claim for name, claim in (unbound or {}).items()},
        },
        volumes={claim.volume: volume for claim, volume in made.values()},
        nodes={
            NodeName(node): NodeDrivers((DRIVER,), {DRIVER: limit}) for node, limit in (limits or {}).items()
        },
        **changes,
    )


def claiming(pods: Iterable[Pod], *names: str) -> tuple[Pod, ...]:
    """Return pods that all use these claims."""
    return tuple(replace(pod, claims=tuple(ClaimUse(name) for name in sorted(names))) for pod in pods)


def one_each(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return pods that use a claim each: c0, c1 …"""
    return tuple(replace(pod, claims=(ClaimUse(f"c{number}"),)) for number, pod in enumerate(pods))


def used(state: NodeState, *claims: str) -> NodeState:
    """Return the node with pods on it that use these claims."""
    return replace(state, claims=tuple(ClaimKey("team", name) for name in sorted(claims)))


def with_storage(snapshot: Snapshot, facts: Storage) -> Snapshot:
    """Return the snapshot with these volumes."""
    return replace(snapshot, storage=facts)
