"""Asking for less: fewer members at the start, or a smaller request of one resource. Both as large as still fits."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from scheduler.engine.sentences import in_words
from scheduler.explain.changes import Change, Inquiry, change, largest
from scheduler.explain.costs import ChangeKind
from scheduler.explain.edits import Counts, Edit, Request, edited
from scheduler.explain.questions import Kind, Question, question_of, standing_of
from scheduler.model.podgroups import Role
from scheduler.model.resources import EPHEMERAL_STORAGE, MEMORY, PODS

MIB: Final = 2**20
MOST_ROLES: Final = 4
MOST_REQUESTS: Final = 6
STEPS: Final = 16  # a request of unlike members is searched in so many steps: each costs a question


def smaller(inquiry: Inquiry) -> Iterator[Change]:
    """Yield the largest gang that starts now, and for each resource the largest request with which all of it does."""
    yield from _fewer(inquiry)
    yield from _requests(inquiry)


# --- members --------------------------------------------------------------------------------------------------------------


def _fewer(inquiry: Inquiry) -> Iterator[Change]:
    group = inquiry.group
    by_roles = sum(role.min_count for role in group.roles)
    spare = group.min_count - max(by_roles, 1)
    if spare > 0:
        lowered = _largest_start(inquiry, None, max(by_roles, 1), group.min_count - 1)
        if lowered is not None:
            yield lowered
            return
    roles = sorted(group.roles, key=lambda role: (-role.min_count, role.name))
    for role in roles[:MOST_ROLES]:
        lowered = _largest_start(inquiry, role, 1, role.min_count - 1)
        if lowered is not None:
            yield lowered


def _largest_start(inquiry: Inquiry, role: Role | None, low: int, high: int) -> Change | None:
    """Return the change to the largest minimum from `low` to `high` with which the gang starts."""
    size = max((part.size for part in inquiry.group.topology.slices), default=1)
    low, high = -(-low // size), high // size  # the API server takes whole slices only

    def starts(wholes: int) -> bool:
        count, question = size * wholes, inquiry.question
        within = (
            inquiry.ground.enough(question.of_size(count)) if role is None and question.is_of_equals else None
        )
        return inquiry.oracle.ask(*_counts(inquiry, role, count), within=within).starts

    wholes = _most_by_count(inquiry, role, low, high, size)
    if wholes >= low and not starts(wholes):
        exact = inquiry.question.is_counted_exactly
        wholes = low - 1 if exact else largest(low, wholes - 1, starts)
    return _shrunk(inquiry, role, size * wholes) if wholes >= low else None


def _most_by_count(inquiry: Inquiry, role: Role | None, low: int, high: int, size: int) -> int:
    """Return the largest number of `size` members that may start as far as counting tells; below `low`: none does."""
    if role is None and inquiry.question.is_counted_exactly:
        return min(high, inquiry.ground.most(inquiry.question) // size)
    return largest(low, high, lambda wholes: _fits(inquiry, role, size * wholes))


def _shrunk(inquiry: Inquiry, role: Role | None, count: int) -> Change:
    now = role.min_count if role is not None else inquiry.group.min_count
    what = f"minCount of role {role.name}" if role is not None else "minCount"
    if inquiry.group.max_count is not None:
        what += " (the gang is elastic and grows later)"
    field = f"{role.name}.minCount" if role is not None else "minCount"
    return change(
        ChangeKind.SHRINK,
        (now - count) / now,
        f"Lower {what} from {now} to {count}: so many members have room now.",
        f"Lower {what}: fewer members have room now.",
        _counts(inquiry, role, count),
        (f"--set {field}={count}",),
    )


def _fits(inquiry: Inquiry, role: Role | None, count: int) -> bool:
    """Whether the gang would fit with this minimum by count."""
    changed = edited(inquiry.snapshot, _counts(inquiry, role, count))
    there = standing_of(changed, inquiry.group.key)
    question = question_of(changed, there, inquiry.ground.trial) if there is not None else None
    return question is not None and inquiry.ground.most(question) >= question.count


def _counts(inquiry: Inquiry, role: Role | None, count: int) -> tuple[Edit, ...]:
    group = inquiry.group
    if role is None:
        return (Counts(group.key, count),)
    return (Counts(group.key, group.min_count - role.min_count + count, ((role.name, count),)),)


# --- requests -------------------------------------------------------------------------------------------------------------


def _requests(inquiry: Inquiry) -> Iterator[Change]:
    asked = [
        (kind, name, amount)
        for kind in inquiry.question.kinds
        for name, amount in kind.shape.requests.items()
        if amount > 1 and name != PODS
    ]
    for kind, name, amount in asked[:MOST_REQUESTS]:
        role = _role_of(inquiry, kind)
        if role is None and not inquiry.question.is_of_equals:
            continue  # there is no way to name these members
        yield from _request(inquiry, kind, name, amount, role)


def _role_of(inquiry: Inquiry, kind: Kind) -> str | None:
    """Return the role that these members, and no others, play; None where there is none."""
    known = {role.name for role in inquiry.group.roles}
    return kind.name if kind.name in known else None


def _request(inquiry: Inquiry, kind: Kind, name: str, amount: int, role: str | None) -> Iterator[Change]:
    unit = MIB if name in {MEMORY, EPHEMERAL_STORAGE} and amount > MIB else 1

    def edit(units: int) -> Request:
        return Request(inquiry.group.key, name, units * unit, role)

    def with_units(units: int) -> Question:
        kinds = tuple(
            replace(each, shape=edit(units).reshape(each.shape)) if each is kind else each
            for each in inquiry.question.kinds
        )
        return replace(inquiry.question, kinds=kinds)

    def starts(units: int) -> bool:
        return inquiry.oracle.ask(edit(units), within=inquiry.ground.enough(with_units(units))).starts

    needed = inquiry.question.count
    most = largest(1, (amount - 1) // unit, lambda units: inquiry.ground.most(with_units(units)) >= needed)
    if most >= 1 and not inquiry.question.is_counted_exactly and not starts(most):
        step = max(1, most // STEPS)
        most = step * largest(1, (most - 1) // step, lambda n: starts(n * step))
    if most < 1 or not starts(most):
        return
    whose = f"role {role}" if role is not None else "each member"
    before, after = in_words(name, amount), in_words(name, most * unit)
    field = f"{role}.requests.{name}" if role is not None else f"requests.{name}"
    yield change(
        ChangeKind.LOWER_REQUEST,
        1 - most * unit / amount,
        f"Lower the request of {whose} from {before} to {after} at most: then the whole gang has room now.",
        f"Lower the request of {whose} for {name}.",
        (edit(most),),
        (f"--set {field}={_quantity(name, most * unit)}",),
    )


def _quantity(name: str, amount: int) -> str:
    """Return an amount as Kubernetes writes it."""
    if name == "cpu":
        return f"{amount}m"
    return f"{amount // MIB}Mi" if amount % MIB == 0 and name in {MEMORY, EPHEMERAL_STORAGE} else str(amount)
