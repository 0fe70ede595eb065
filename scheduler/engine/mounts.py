"""
From the claims of pods to what these ask of nodes, and to why a pod cannot run anywhere yet.

In the way of kube-scheduler 1.37: VolumeBinding (a claim must exist, be whole, and its volume must be in reach), VolumeZone (zone labels of
volumes) and the part of VolumeRestrictions that is about ReadWriteOncePod. What nodes can attach is counted by `attachments`.

Members with a volume each are equal as long as their volumes are in reach of the same nodes: a volume that nobody else uses is counted, not
named. So a gang of a thousand with a claim each is one kind of member, and not a thousand.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from scheduler.engine.attachments import Attachments
from scheduler.engine.columns import NAME_FIELD
from scheduler.engine.feasibility import matches
from scheduler.model.ids import GroupKey, NodeName, PodUid
from scheduler.model.nodes import Node
from scheduler.model.plan import Provision
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.requirements import NodeSelectorTerm, Operator, Requirement
from scheduler.model.reservations import HeldSlot
from scheduler.model.snapshot import Snapshot
from scheduler.model.volumes import Claim, ClaimKey, ClaimUse, Handle, Mounts, Storage, StorageClass, Volume

TODAY = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
"""Zone labels of old, and what they are called today; a node may carry either."""

ZONE_LABELS = (*TODAY, *TODAY.values())
AT_ONCE = StorageClass()
NO_PROVISIONER = "kubernetes.io/no-provisioner"
NO_ZONE = NodeSelectorTerm(tuple(Requirement(label, Operator.DOES_NOT_EXIST) for label in ZONE_LABELS))
"""A node without any zone label is in reach of every zone, as in a cluster of one zone."""


def with_mounts(snapshot: Snapshot, key: GroupKey, *, late_binding: bool) -> Snapshot:
    """Return the snapshot with the waiting members of one group in the shapes that their volumes give them."""
    pods = snapshot.members.get(key, ())
    if not any(pod.claims for pod in pods):
        return snapshot
    table = MountTable(snapshot, Attachments(snapshot.storage, tuple(snapshot.nodes.values())), late_binding)
    waiting = [pod for pod in pods if not pod.is_bound and pod.counts_for_quorum]
    mounted = {pod.uid: pod for pod in table.mounted(waiting)}
    return replace(
        snapshot, members={**snapshot.members, key: tuple(mounted.get(pod.uid, pod) for pod in pods)}
    )


def out_of_reach(storage: Storage, pod: Pod) -> Iterator[tuple[ClaimKey, str, Mounts]]:
    """Yield the claims of a pod whose volumes not every node reaches, with these volumes' names and what they ask of nodes."""
    for use in pod.claims:
        key = ClaimKey(pod.key.namespace, use.name)
        claim = storage.claims.get(key)
        volume = storage.volumes.get(claim.volume) if claim is not None and claim.is_bound else None
        reach = tuple(reach_of(volume, use)) if volume is not None else ()
        if claim is not None and reach:
            yield key, claim.volume, Mounts(reach)


def lost_reach(storage: Storage, slot: HeldSlot, node: Node) -> str:
    """Return which volume of a planned pod a node cannot reach any more, in words; empty when it reaches all that are bound."""
    for use in slot.claims:
        key = ClaimKey(slot.pod.namespace, use.name)
        claim = storage.claims.get(key)
        if claim is None or claim.is_deleting:
            return f"the volume claim {key} is gone or being deleted"
        volume = storage.volumes.get(claim.volume) if claim.is_bound else None
        if volume is not None and not all(any(matches(t, node) for t in ts) for ts in reach_of(volume, use)):
            return f"node {node.name} does not reach the volume {claim.volume} of claim {key} any more"
    return ""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no node can run a pod now, whatever is free: a reason and a sentence that names the claim."""

    reason: Reason
    text: str


@dataclass(slots=True)
class MountTable:
    """
    The claims of one cycle. `attachments`: what nodes have attached, for whether a volume is anybody's own.

    `late_binding`: whether claims that are bound only once their pod has a node are somebody else's work.
    """

    snapshot: Snapshot
    attachments: Attachments
    late_binding: bool
    _used: Counter[ClaimKey] | None = None
    _choice: frozenset[str | ClaimKey] | None = None
    _shapes: dict[tuple[PodShape, Mounts | None], PodShape] = field(default_factory=dict)

    def obstacle(self, pods: Sequence[Pod]) -> Obstacle | None:
        """Return what keeps these members of one gang from running anywhere; None when nothing does."""
        pods = [pod for pod in pods if pod.claims]
        for pod in pods:
            for use in pod.claims:
                found = self._problem(pod, use)
                if found is not None:
                    return found
        return self._shared_by_two(pods)

    def hindered(self, pods: Sequence[Pod]) -> frozenset[PodUid]:
        """Return the members that cannot run anywhere; of those that share what only one may use, all but the first. Cost: O(claims)."""
        found: set[PodUid] = set()
        exclusive: set[ClaimKey] = set()
        for pod in pods:
            if not pod.claims:
                continue
            own = {key for key in pod.claim_keys if self._is_exclusive(key)}
            if own & exclusive or any(self._problem(pod, use) is not None for use in pod.claims):
                found.add(pod.uid)
            else:
                exclusive |= own
        return frozenset(found)

    def mounted(self, pods: Sequence[Pod]) -> tuple[Pod, ...]:
        """Return the pods with the shapes that their volumes give them; equal shapes are one object. Cost: O(claims)."""
        if not any(pod.claims for pod in pods):
            return tuple(pods)
        users = Counter(handle for pod in pods for handle in self._counted(pod))
        return tuple(self._with(pod, self._reach(pod), *self._attached(pod, users)) for pod in pods)

    def reaching(self, pods: Sequence[Pod]) -> tuple[Pod, ...]:
        """Return the pods likewise, as they would be if nodes attached any number of volumes."""
        if not any(pod.claims for pod in pods):
            return tuple(pods)
        return tuple(self._with(pod, self._reach(pod)) for pod in pods)

    def admit(self, pods: Iterable[Pod]) -> None:
        """From now on these have a node: claims that only one pod may use are theirs."""
        if self._used is not None:
            self._used.update(key for pod in pods for key in pod.claim_keys)

    def provisions(self, placed: Iterable[tuple[Pod, NodeName]]) -> tuple[Provision, ...]:
        """Return the volumes that must be made before these are bound to their nodes: of a claim that several use, for the first."""
        found: dict[ClaimKey, Provision] = {}
        if not self.late_binding:
            for pod, node in placed:
                for key in pod.claim_keys:
                    if not self.snapshot.storage.claims[key].is_bound:
                        found.setdefault(key, Provision(key, node))
        return tuple(found.values())

    def _with(
        self,
        pod: Pod,
        reach: tuple[tuple[NodeSelectorTerm, ...], ...],
        attached: tuple[Handle, ...] = (),
        own: tuple[tuple[str, int], ...] = (),
    ) -> Pod:
        mounts = Mounts(reach, attached, own) if reach or attached or own else None
        if mounts is None and pod.shape.mounts is None:
            return pod
        key = (pod.shape, mounts)
        if key not in self._shapes:
            self._shapes[key] = replace(pod.shape, mounts=mounts)
        return replace(pod, shape=self._shapes[key])

    def _reach(self, pod: Pod) -> tuple[tuple[NodeSelectorTerm, ...], ...]:
        found: dict[tuple[NodeSelectorTerm, ...], None] = {}
        for use in pod.claims:
            volume = self._volume(pod, use)
            if volume is not None:
                found.update(dict.fromkeys(reach_of(volume, use)))
            else:
                found.update(dict.fromkeys(self._makes(pod, use)))
        return tuple(found)

    def _makes(self, pod: Pod, use: ClaimUse) -> Iterator[tuple[NodeSelectorTerm, ...]]:
        """Yield what a node must fulfil for the volume of an unbound claim to be made there."""
        claim = self.snapshot.storage.claims.get(ClaimKey(pod.key.namespace, use.name))
        if claim is None or claim.is_bound or self.late_binding:
            return
        if claim.selected_node is not None:
            yield (NodeSelectorTerm(fields=(Requirement(NAME_FIELD, Operator.IN, (claim.selected_node,)),)),)
        of_class = self.snapshot.storage.classes.get(claim.storage_class)
        if of_class is not None and of_class.reach is not None:
            yield of_class.reach

    def _attached(
        self, pod: Pod, users: Counter[Handle]
    ) -> tuple[tuple[Handle, ...], tuple[tuple[str, int], ...]]:
        """Return the volumes of a pod that others may use as well, and how many are its own, by driver."""
        own: Counter[str] = Counter()
        shared = []
        for handle in sorted(self._counted(pod)):
            if users[handle] == 1 and not self.attachments.holds(handle):
                own[handle.driver] += 1
            else:
                shared.append(handle)
        return tuple(shared), tuple(sorted(own.items()))

    def _counted(self, pod: Pod) -> set[Handle]:
        """Return the volumes of a pod that count where it stands, those of drivers that some node limits or lacks."""
        storage = self.snapshot.storage
        handles = (storage.handle_of(key) for key in pod.claim_keys)
        return {handle for handle in handles if handle is not None and self.attachments.counts(handle.driver)}

    def _volume(self, pod: Pod, use: ClaimUse) -> Volume | None:
        claim = self.snapshot.storage.claims.get(ClaimKey(pod.key.namespace, use.name))
        return (
            self.snapshot.storage.volumes.get(claim.volume) if claim is not None and claim.is_bound else None
        )

    def _problem(self, pod: Pod, use: ClaimUse) -> Obstacle | None:
        key = ClaimKey(pod.key.namespace, use.name)
        storage = self.snapshot.storage
        claim = storage.claims.get(key)
        if claim is None:
            made = "; it is made for the pod and comes by itself" if use.is_ephemeral else "; create it"
            return _not_ready(f"The volume claim {key} does not exist{made}.")
        text = _unusable(key, claim, storage, pod.uid if use.is_ephemeral else None)
        if text:
            return _not_ready(text)
        if claim.is_exclusive and self._in_use()[key]:
            return _not_ready(
                f"The volume claim {key} is ReadWriteOncePod and in use by another pod; it is free when that pod is gone."
            )
        if not claim.is_bound:
            return None if self.late_binding else self._cannot_be_made(key, claim)
        volume = storage.volumes[claim.volume]
        if volume.unevaluated and not self.late_binding:
            return Obstacle(
                Reason.UNEVALUATED_CONSTRAINT,
                f"The volume claim {key} is bound to {claim.volume}, which uses {volume.unevaluated}; this mode does not evaluate that, "
                "extender mode leaves it to kube-scheduler.",
            )
        return None

    def _cannot_be_made(self, key: ClaimKey, claim: Claim) -> Obstacle | None:
        """Return what keeps us from having the volume of an unbound claim made on a node of our choice; None when nothing does."""
        storage = self.snapshot.storage
        of_class = storage.classes[claim.storage_class]
        if of_class.provisioner in {"", NO_PROVISIONER}:
            why = "whose volumes are made by hand: one of them has to be chosen for it"
        elif self._to_choose_from() & {claim.storage_class, key}:
            why = "of which there are volumes already: one of them may have to be chosen for it"
        elif of_class.provisioner in storage.measured:
            why = (
                f"whose driver {of_class.provisioner} tells for each part of the cluster how much room it has"
            )
        else:
            return None
        return Obstacle(
            Reason.VOLUME_WAITS_FOR_POD,
            f"The volume claim {key} is bound only once its pod has a node (WaitForFirstConsumer), and is of StorageClass "
            f"{claim.storage_class}, {why}, which this mode does not do yet; bind it beforehand, or run Tutti in extender mode.",
        )

    def _to_choose_from(self) -> frozenset[str | ClaimKey]:
        """Return the classes of volumes that nobody claims, and the claims for which there is a volume already."""
        if self._choice is None:
            volumes = self.snapshot.storage.volumes.values()
            self._choice = frozenset(each.claimed_by or each.storage_class for each in volumes)
        return self._choice

    def _shared_by_two(self, pods: Sequence[Pod]) -> Obstacle | None:
        users = Counter(key for pod in pods for key in pod.claim_keys)
        for key, count in sorted(users.items()):
            if count > 1 and self._is_exclusive(key):
                return _not_ready(
                    f"{count} members use the volume claim {key}, which is ReadWriteOncePod: only one pod may use it at a time, so they "
                    "can never run together."
                )
        return None

    def _is_exclusive(self, key: ClaimKey) -> bool:
        claim = self.snapshot.storage.claims.get(key)
        return claim is not None and claim.is_exclusive

    def _in_use(self) -> Counter[ClaimKey]:
        if self._used is None:
            self._used = Counter(key for state in self.snapshot.nodes.values() for key in state.claims)
            for reservation in self.snapshot.reservations:
                for slot in reservation.slots:
                    self._used.update(slot.claim_keys)
        return self._used


def reach_of(volume: Volume, use: ClaimUse) -> Iterator[tuple[NodeSelectorTerm, ...]]:
    """Yield what a node must fulfil to reach a volume: of each a list of terms of which one must match."""
    if volume.reach is not None:
        yield volume.reach
    if use.is_ephemeral:
        return  # kube-scheduler's VolumeZone looks at claims that a pod names itself
    for label, values in volume.zones:
        terms = [NO_ZONE, NodeSelectorTerm((Requirement(label, Operator.IN, values),))]
        if label in TODAY:
            lacks = Requirement(label, Operator.DOES_NOT_EXIST)
            terms.append(NodeSelectorTerm((lacks, Requirement(TODAY[label], Operator.IN, values))))
        yield tuple(terms)


def _unusable(key: ClaimKey, claim: Claim, storage: Storage, owner: PodUid | None) -> str:
    """Return why a claim cannot be used now, in words; empty when it can, or may be bound yet."""
    if claim.is_lost or (claim.is_bound and claim.volume not in storage.volumes):
        return f"The volume claim {key} is bound to volume {claim.volume}, which does not exist."
    if claim.is_deleting:
        return f"The volume claim {key} is being deleted."
    if owner is not None and claim.owner != owner:
        return f"The volume claim {key} was not made for the pod that needs it; delete it, or rename the pod."
    if claim.volume and not claim.is_bound:
        return f"The volume claim {key} names volume {claim.volume} and is not bound to it yet."
    if not claim.is_bound and not storage.classes.get(claim.storage_class, AT_ONCE).waits:
        of_class = (
            f"; its StorageClass is {claim.storage_class}"
            if claim.storage_class
            else "; it names no StorageClass"
        )
        return f"The volume claim {key} is not bound to a volume yet{of_class}."
    return ""


def _not_ready(text: str) -> Obstacle:
    return Obstacle(Reason.VOLUME_NOT_READY, text)
