"""
Theory of operation: `decide`, six numbered steps from a snapshot to a plan.

1. Order the candidates. 2. Hold what cannot be decided: no group, bad spec, members missing, constraints not evaluated. 3. Find the
level and the domain that the gang is bound to. 4. Place all members that may start, or the fewest that make the gang, on a trial.
5. Admit with ranks in topology order, or hold with a reason in numbers. 6. The next gang sees what was kept, and nothing of what
was not.

Pure: the same snapshot gives the same plan, byte for byte, in whatever order its mappings were filled.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from scheduler.engine.answers import not_placed, place
from scheduler.engine.extension_points import SILENT, PolicySet, Reporter
from scheduler.engine.gang import NotPlaced, Placed, Where, batches, stuck
from scheduler.engine.mounts import MountTable, Obstacle
from scheduler.engine.quality import Uses, ideal, quality
from scheduler.engine.sentences import given_up, incomplete
from scheduler.engine.standing import Standing, standing
from scheduler.engine.trial import Trial
from scheduler.model.ids import GroupKey, PodUid
from scheduler.model.plan import Admit, Assignment, Decision, DomainRef, Hold, Plan
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot
from scheduler.model.status import Status
from scheduler.topology import CLUSTER, DomainTree, Layer

WHOLE_CLUSTER = 0  # the root: first of the domains and of the layers of every tree


def decide(
    snapshot: Snapshot,
    policies: PolicySet,
    *,
    now: float,
    reporter: Reporter = SILENT,
    only: frozenset[GroupKey] | None = None,
) -> Plan:
    """
    Decide every candidate group; with `only`, just these, in the order in which all would have been considered.

    `now` in seconds since 1970. A group that needs no more members, and of which nobody waits, gets no decision.
    """
    tree = policies.memo.tree(snapshot)
    trial = Trial(tree, snapshot, policies.memo)
    cycle = _Cycle(
        snapshot, policies, trial, MountTable(snapshot, trial.attachments, not policies.holds_unevaluated)
    )
    decisions: list[Decision] = []
    for key in _ordered(snapshot, policies, now, only):
        decision = _guarded(cycle, key)
        if isinstance(decision, Admit):
            reporter.group_planned(decision)
        elif decision is not None:
            reporter.group_held(decision)
        if decision is not None:
            decisions.append(decision)
    return Plan(tuple(decisions))


def _guarded(cycle: "_Cycle", key: GroupKey) -> Decision | None:
    """Decide one group. A fault of ours that one group's spec brings to light must not keep all others from being decided."""
    try:
        return cycle.decide(key)
    except Exception as fault:
        waiting = tuple(pod for pod in cycle.snapshot.members.get(key, ()) if not pod.is_bound)
        text = (
            f"Deciding this group failed ({type(fault).__name__}: {fault}); this is a fault of Tutti, "
            "`tutti snapshot` saves what shows it."
        )
        return _hold(key, waiting, Status.ERROR, Reason.INTERNAL_ERROR, text[:1024])


def _ordered(
    snapshot: Snapshot, policies: PolicySet, now: float, only: frozenset[GroupKey] | None
) -> list[GroupKey]:
    """Step 1. Groups that do not exist but have members come last: they only wait to be told so."""
    wanted = snapshot.groups.keys() | snapshot.members.keys()
    if only is not None:
        wanted = wanted & only
    known = [group for key, group in snapshot.groups.items() if key in wanted]
    known.sort(
        key=lambda group: (*policies.group_order(group, now=now), group.created_at, group.key, group.uid)
    )
    return [group.key for group in known] + sorted(key for key in wanted if key not in snapshot.groups)


@dataclass(slots=True)
class _Cycle:
    snapshot: Snapshot
    policies: PolicySet
    trial: Trial
    mounts: MountTable
    _ideals: dict[Hashable, Uses] = field(default_factory=dict)

    def decide(self, key: GroupKey) -> Decision | None:
        """Steps 2 to 5 for one group."""
        members = self.snapshot.members.get(key, ())
        group = self.snapshot.groups.get(key)
        if group is None:
            waiting = tuple(pod for pod in members if pod.counts_for_quorum and not pod.is_bound)
            text = f"PodGroup {key} does not exist; create it, or remove the label."
            return _hold(key, waiting, Status.WAIT, Reason.POD_GROUP_NOT_FOUND, text) if waiting else None
        there = standing(group, members, self._hindered(members))
        if not there.waiting and not there.surplus and not there.missing():
            return None
        held = self._cannot_be_decided(there)
        if held is not None:
            return held
        where = self._where(there)
        return where if isinstance(where, Hold) else self._place(there, where)

    def _cannot_be_decided(self, there: Standing) -> Hold | None:
        """Step 2."""
        group, waiting = there.group, there.waiting + there.surplus
        if group.refusal:
            return _hold(group.key, waiting, Status.UNRESOLVABLE, group.refusal_reason, group.refusal)
        if group.has_given_up and not there.bound:
            return _hold(group.key, waiting, Status.UNRESOLVABLE, Reason.TIMEOUT, given_up(group))
        if there.missing():
            return _hold(group.key, waiting, *incomplete(there))
        if not there.waiting:
            text = f"maxCount is {group.max_count} and {len(there.bound)} members are bound; the others stay unscheduled."
            return _hold(group.key, waiting, Status.UNSCHEDULABLE, Reason.ABOVE_MAX_COUNT, text)
        obstacle = self._obstacle(there.smallest_start())
        if obstacle is not None:
            return _hold(group.key, waiting, Status.UNRESOLVABLE, obstacle.reason, obstacle.text)
        return None

    def _hindered(self, members: Sequence[Pod]) -> frozenset[PodUid]:
        """Return the waiting members of which one can tell alone that they run nowhere."""
        waiting = [pod for pod in members if pod.counts_for_quorum and not pod.is_bound]
        found = self.mounts.hindered(waiting)
        if self.policies.holds_unevaluated:
            found |= {pod.uid for pod in waiting if pod.shape.unevaluated}
        return found

    def _obstacle(self, waiting: Sequence[Pod]) -> Obstacle | None:
        """Return what keeps these members from every node, or what nobody here can tell of them."""
        unevaluated = sorted({name for pod in waiting for name in pod.shape.unevaluated})
        if unevaluated and self.policies.holds_unevaluated:
            used = ", ".join(unevaluated)
            text = f"Members use {used}, which this mode does not evaluate yet; extender mode leaves it to kube-scheduler."
            return Obstacle(Reason.UNEVALUATED_CONSTRAINT, text)
        return self.mounts.obstacle(waiting)

    def _where(self, there: Standing) -> Where | Hold:
        """Step 3: what the gang asks of the network, in the terms of the tree. Only a preferred level may be unknown."""
        tree, asked = self.trial.tree, there.group.topology
        layers: dict[str, int] = {}
        for name in (*((asked.required,) if asked.required else ()), *(part.level for part in asked.slices)):
            level = tree.level_of(name)
            if level is None:
                known = ", ".join(tree.levels[1:])
                text = f"No node carries topology level {name!r}; known levels are {known}."
                return _hold(
                    there.group.key, there.waiting, Status.UNRESOLVABLE, Reason.TOPOLOGY_LEVEL_NOT_FOUND, text
                )
            layers[name] = tree.levels.index(level)
        required = layers[asked.required] if asked.required else WHOLE_CLUSTER
        bound = tuple(_nodes_of(tree, there.bound))
        return Where(
            required=required,
            inside=_most_common(tree.layers[required], bound) if required and bound else WHOLE_CLUSTER,
            slices=tuple((layers[part.level], part.size) for part in asked.slices),
            bound=bound,
        )

    def _place(self, there: Standing, where: Where) -> Decision:
        """Step 4, and the choice of step 5: the most members for which there is a place."""
        there = self._without_the_stuck(there, where)
        smallest, able = there.smallest_start(), there.able()
        if any(pod.uid in there.hindered for pod in smallest):
            able = smallest  # it does not start without them, so whoever else could is no help
        size = max((size for _, size in where.slices), default=1)
        whole = len(able) - (len(able) + len(where.bound)) % size
        if whole < len(smallest):
            text = f"{len(able)} members wait and {len(where.bound)} are bound; the next slice of {size} is not complete."
            return _hold(there.group.key, there.waiting, Status.WAIT, Reason.GANG_INCOMPLETE, text)
        waiting = self.mounts.mounted(able)
        if waiting is not able:
            needed = {pod.uid for pod in smallest}
            smallest = tuple(pod for pod in waiting if pod.uid in needed)
        pods = _first(waiting, smallest, whole)
        profile = self.trial.neighbours.profiles(pods)
        while True:
            wanted = batches(pods, self.snapshot.refused, self.trial.columns.largest, profile)
            if where.slices and len(wanted) > 1:
                text = "topology.slices is not acted upon for unlike members by this version; remove it, or make the members equal."
                return _hold(there.group.key, there.waiting, Status.UNRESOLVABLE, Reason.NOT_ACTED_UPON, text)
            found = place(self.trial, wanted, where, self.policies.settings.max_domains_tried)
            if isinstance(found, Placed):
                return self._admit(there, pods, found, where)
            if len(pods) <= len(smallest):
                return _hold(there.group.key, there.waiting, *not_placed(self.trial, found))
            pods = _fewer(pods, smallest, found)

    def _without_the_stuck(self, there: Standing, where: Where) -> Standing:
        """Return the standing with those hindered, too, of whom no node has room for one now, where the gang may do without some."""
        some = there.waiting + there.surplus
        if len(some) <= max(1, there.needed):
            return there
        found = stuck(self.trial, self.mounts.mounted(some), self.snapshot.refused, where.inside)
        if not found:
            return there
        without = standing(there.group, self.snapshot.members[there.group.key], there.hindered | found)
        # Nobody is better off with members that run nowhere at all in the place of those that wait for room.
        return there if any(pod.uid in there.hindered for pod in without.smallest_start()) else without

    def _admit(self, there: Standing, pods: Sequence[Pod], found: Placed, where: Where) -> Admit:
        """Step 5. Ranks are dense over the whole gang, so those of members bound earlier stay free."""
        tree, group = self.trial.tree, there.group
        self.mounts.admit(pods)
        slots = tuple(
            Assignment(pod.key, pod.uid, tree.nodes[found.nodes[pod.uid]], rank)
            for rank, pod in enumerate(there.order)
            if pod.uid in found.nodes
        )
        used = [*found.nodes.values(), *_nodes_of(tree, there.bound)]
        common = tree.domains[tree.innermost_of(used)]
        return Admit(
            group=group.key,
            min_count=group.min_count,
            generation=group.generation,
            assignments=slots,
            domain=DomainRef(common.level, common.name) if common.level != CLUSTER else None,
            quality=quality(self.trial, used, self._ideal((*there.bound, *pods), where)),
            preferred_met=_meets_preference(tree, used, group),
            provisions=self.mounts.provisions(
                (pod, tree.nodes[found.nodes[pod.uid]]) for pod in pods if pod.claims
            ),
        )

    def _ideal(self, members: Sequence[Pod], where: Where) -> Uses:
        """Return what the gang would use on the empty cluster; found out once for all gangs that are alike."""
        columns = self.trial.columns
        members = self.mounts.reaching(members)
        kinds = batches(members, {}, columns.largest, self.trial.nobody().profiles(members))
        alike = (
            tuple((batch.shape, batch.profile, len(batch.pods)) for batch in kinds),
            where.required,
            where.slices,
        )
        if all(batch.profile is None for batch in kinds):
            return columns.once(alike, lambda: ideal(self.trial, kinds, where))
        if alike not in self._ideals:  # where rules on other pods count, the labels of namespaces do too
            self._ideals[alike] = ideal(self.trial, kinds, where)
        return self._ideals[alike]


def _fewer(pods: tuple[Pod, ...], smallest: tuple[Pod, ...], failed: NotPlaced) -> tuple[Pod, ...]:
    """Return whom to try next: as many as the roomiest domain holds, where that is known, but never fewer than make the gang."""
    if (
        failed.rules is not None
    ):  # room does not tell: go half of the way, the others may follow in the next cycle
        return _first(pods, smallest, (len(pods) + len(smallest)) // 2)
    fit = int(failed.rooms[0][failed.where.required].max(initial=0)) if len(failed.batches) == 1 else 0
    if not len(smallest) < fit < len(pods):
        return smallest
    return _first(pods, smallest, fit)


def _first(pods: tuple[Pod, ...], smallest: tuple[Pod, ...], count: int) -> tuple[Pod, ...]:
    """Return so many of these pods, in their order: those that make the gang, and the foremost of the others."""
    needed = {pod.uid for pod in smallest}
    more = {pod.uid for pod in [pod for pod in pods if pod.uid not in needed][: count - len(smallest)]}
    return tuple(pod for pod in pods if pod.uid in needed or pod.uid in more)


def _most_common(layer: Layer, nodes: Sequence[int]) -> int:
    """Return the domain, as position in the tree, that holds most of these nodes; the first of equals."""
    held = Counter(int(layer.of[node]) for node in nodes)
    return int(layer.positions[min(held, key=lambda domain: (-held[domain], domain))])


def _hold(key: GroupKey, waiting: Sequence[Pod], status: Status, reason: Reason, message: str) -> Hold:
    return Hold(key, status, reason, message, tuple(pod.uid for pod in waiting))


def _nodes_of(tree: DomainTree, bound: Sequence[Pod]) -> list[int]:
    """Return the numbers of the nodes that hold these pods, as far as they still exist."""
    return [tree.index[pod.node] for pod in bound if pod.node is not None and pod.node in tree.index]


def _meets_preference(tree: DomainTree, used: Sequence[int], group: PodGroup) -> bool:
    preferred = group.topology.preferred
    level = tree.level_of(preferred) if preferred is not None else None
    if level is None:
        return preferred is None
    return len({tree.domain_of(node, level) for node in used}) == 1
