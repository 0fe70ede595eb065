"""
What a gang asks for right now, in numbers: kinds of equal members, one required level, slices, and where members are bound already.

The same as the engine asks (`scheduler.engine.cycle`), so that an explanation counts what a decision counts. A question can be relaxed:
it is a value, and what is relaxed gives another one.
Next: `scheduler.explain.ground` counts how many members of it fit.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from scheduler.engine.gang import Batch, batches, stuck
from scheduler.engine.sentences import PLAIN, amount_of, in_words
from scheduler.engine.standing import Standing, plays, standing
from scheduler.engine.trial import Trial
from scheduler.model.ids import GroupKey, NodeName, PodUid
from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import Snapshot
from scheduler.topology import DomainTree

WHOLE_CLUSTER = 0
FEW = 4  # members of a kind whose claims are named
HOLDING = frozenset({AttemptPhase.PREPARED, AttemptPhase.PREEMPTING, AttemptPhase.COMMITTING})


@dataclass(frozen=True, slots=True)
class Kind:
    """
    `count` equal members: one shape, and the same nodes refused by kube-scheduler.

    `name` is for people, and so is `claims`: volume claims of a few of them.
    """

    name: str
    shape: PodShape
    refused: frozenset[NodeName]
    count: int
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """
    A start: the fewest members that make the gang, the most demanding kind first.

    `required`: the layer of which one domain must hold all of them, 0 the cluster; None: a level that no node carries. `slices`: (layer,
    size), the layer None likewise. `bound`: node numbers of members that are bound. `inside`: the domain (position in the tree, 0 the
    cluster) that the gang is tied to by them.
    """

    kinds: tuple[Kind, ...]
    required: int | None = WHOLE_CLUSTER
    slices: tuple[tuple[int | None, int], ...] = ()
    bound: tuple[int, ...] = ()
    inside: int = WHOLE_CLUSTER

    @property
    def count(self) -> int:
        """How many members have to be placed."""
        return sum(kind.count for kind in self.kinds)

    @property
    def asked(self) -> tuple[str, ...]:
        """The resources that any member asks for, in order."""
        return tuple(
            sorted({n for kind in self.kinds for n, amount in kind.shape.requests.items() if amount > 0})
        )

    @property
    def resource(self) -> str:
        """The resource that people count the gang in: devices, where any member asks for some."""
        found = [amount_of(kind.shape)[0] for kind in self.kinds]
        return next((name for name in found if name not in PLAIN), found[0])

    @property
    def is_of_equals(self) -> bool:
        """Whether all members are equal: then counting alone tells whether they fit."""
        return len(self.kinds) == 1

    @property
    def is_counted_exactly(self) -> bool:
        """Whether counting alone tells how many fit: for equal members, none of them bound, that ask for nothing but what is counted."""
        return self.is_of_equals and not self.bound and all(is_counted(kind.shape) for kind in self.kinds)

    def of_size(self, count: int) -> "Question":
        """Return the question for so many equal members."""
        return replace(self, kinds=(replace(self.kinds[0], count=count),))

    def reshaped(self, reshape: Callable[[PodShape], PodShape]) -> "Question":
        """Return the question for members of other shapes. Kinds that have become equal are one kind."""
        return self._merged(replace(kind, shape=reshape(kind.shape)) for kind in self.kinds)

    def offered(self) -> "Question":
        """Return the question without refusals of kube-scheduler."""
        return self._merged(replace(kind, refused=frozenset[NodeName]()) for kind in self.kinds)

    def anywhere(self) -> "Question":
        """Return the question without a required level."""
        return replace(self, required=WHOLE_CLUSTER, inside=WHOLE_CLUSTER)

    def unsliced(self) -> "Question":
        """Return the question without slices."""
        return replace(self, slices=())

    def _merged(self, kinds: Iterable[Kind]) -> "Question":
        made: dict[tuple[PodShape, frozenset[NodeName]], Kind] = {}
        for kind in kinds:
            same = made.get((kind.shape, kind.refused))
            both = kind if same is None else replace(same, count=same.count + kind.count)
            made[kind.shape, kind.refused] = both
        return replace(self, kinds=tuple(made.values()))


def is_counted(shape: PodShape) -> bool:
    """Whether a pod asks for nothing beyond its node itself and what is free there; whatever else a shape may hold is not counted."""
    return shape == PodShape(
        shape.requests,
        node_selector=shape.node_selector,
        required_terms=shape.required_terms,
        preferred_terms=shape.preferred_terms,
        tolerations=shape.tolerations,
        host_ports=shape.host_ports,
    )


def standing_of(snapshot: Snapshot, key: GroupKey) -> Standing | None:
    """Return who stands for the group; None where it does not exist."""
    group = snapshot.groups.get(key)
    return standing(group, snapshot.members.get(key, ())) if group is not None else None


def question_of(snapshot: Snapshot, there: Standing, trial: Trial) -> Question | None:
    """Return what the group asks for; None where nobody of it waits."""
    if not there.waiting:
        return None
    group, tree, asked = there.group, trial.tree, there.group.topology
    bound = tuple(
        tree.index[pod.node] for pod in there.bound if pod.node is not None and pod.node in tree.index
    )
    required = _layer(tree, asked.required) if asked.required is not None else WHOLE_CLUSTER
    inside = _tied(tree, required, bound) if required else WHOLE_CLUSTER
    some = there.waiting + there.surplus
    if len(some) > max(1, there.needed):  # the engine leaves those out whom no node holds
        hindered = stuck(trial, some, snapshot.refused, inside)
        there = standing(group, snapshot.members[group.key], hindered)
    pods = there.smallest_start()
    return Question(
        kinds=_kinds(group, pods, snapshot.refused, trial),
        required=required,
        slices=tuple((_layer(tree, part.level), part.size) for part in asked.slices),
        bound=bound,
        inside=inside,
    )


def counted(snapshot: Snapshot, key: GroupKey | None = None) -> Snapshot:
    """
    Return the snapshot with what open attempts hold reserved, but not what the attempt of this group holds: its question is put anew.

    The scheduler's snapshots say what is held; others know it from the commit records only.
    """
    known = {reservation.group for reservation in snapshot.reservations} | {key}
    found = [reservation for reservation in snapshot.reservations if reservation.group != key]
    holding = [
        group
        for group in snapshot.groups.values()
        if group.attempt is not None and group.key not in known and group.attempt.phase in HOLDING
    ]
    for group in sorted(holding, key=lambda group: group.key):
        held = _held(group, group.attempt, snapshot.members.get(group.key, ())) if group.attempt else None
        if held is not None:
            found.append(held)
    return replace(snapshot, reservations=tuple(found))


def _held(group: PodGroup, attempt: Attempt, members: Iterable[Pod]) -> Reservation | None:
    waiting = {pod.uid: pod for pod in members if not pod.is_bound and not pod.phase.is_terminal}
    slots = tuple(
        HeldSlot(pod.key, pod.uid, line.node, pod.shape, pod.labels, pod.claims)
        for line in attempt.members
        if (pod := waiting.get(line.uid)) is not None
    )
    return Reservation(group.key, attempt.id, slots) if slots else None


def _layer(tree: DomainTree, name: str) -> int | None:
    level = tree.level_of(name)
    return tree.levels.index(level) if level is not None else None


def _tied(tree: DomainTree, required: int, bound: tuple[int, ...]) -> int:
    """Return the domain that holds most of the bound members; the first of equals, as the engine takes it."""
    if not bound:
        return WHOLE_CLUSTER
    layer = tree.layers[required]
    held = Counter(int(layer.of[node]) for node in bound)
    return int(layer.positions[min(held, key=lambda domain: (-held[domain], domain))])


def _kinds(
    group: PodGroup, pods: tuple[Pod, ...], refused: Mapping[PodUid, frozenset[NodeName]], trial: Trial
) -> tuple[Kind, ...]:
    made = batches(pods, refused, trial.columns.largest)
    names = [_name(group, batch) for batch in made]
    return tuple(
        Kind(
            name if names.count(name) == 1 else f"{name} ({number})",
            batch.shape,
            batch.refused,
            len(batch.pods),
            tuple(dict.fromkeys(use.name for pod in batch.pods[:FEW] for use in pod.claims)),
        )
        for number, (name, batch) in enumerate(zip(names, made, strict=True), 1)
    )


def _name(group: PodGroup, batch: Batch) -> str:
    """Return the role that all of them play, else what one of them asks for."""
    for role in group.roles:
        if all(plays(pod, role) for pod in batch.pods):
            return role.name
    roles = {pod.role for pod in batch.pods}
    named = next(iter(roles)) if len(roles) == 1 else None
    return named or in_words(*amount_of(batch.shape))
