"""
From maps of quantities to resource vectors.

Sums and maxima are taken over exact numbers, and rounded once at the end, as kube-scheduler does: three containers of 0.5m CPU ask for 2m.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from scheduler.model.resources import CPU, PODS, Resources
from scheduler.objects.errors import BadObject, shown
from scheduler.objects.quantities import milli, parse, units

MAX_AMOUNT: Final = (
    2**53
)  # per resource: 8 PiB of memory. No node may offer it, so a request cut to it still fits nowhere
MAX_NAMES: Final = 256  # resources in one map
MAX_NAME: Final = 317  # characters: a prefix of 253, a slash, a name of 63
ZEROS: Final = ("0", 0)  # as the API server spells them; any other spelling is found by parsing

Exact = dict[str, Fraction]


def exact(amounts: Mapping[str, str | int | float] | None, field: str) -> Exact:
    """Return a map of quantities as numbers, zeros left out. Raises: BadObject naming `field` and the resource."""
    if not amounts:
        return {}
    # Who names thousands of resources and asks for nothing of them takes nothing, and must not become unreadable by that.
    asked = {name: text for name, text in amounts.items() if text not in ZEROS}
    if len(asked) > MAX_NAMES:
        raise BadObject(f"{field} names {len(asked)} resources; {MAX_NAMES} is the limit.")
    numbers: Exact = {}
    for name, text in asked.items():
        if not name or len(name) > MAX_NAME:
            raise BadObject(
                f"{field} has a resource name of {len(name)} characters; 1 to {MAX_NAME} are allowed."
            )
        try:
            number = parse(text)
        except BadObject as problem:
            raise BadObject(f"{field}.{name[:63]}: {problem}") from problem
        if number < 0:
            raise BadObject(f"{field}.{name[:63]} is {shown(text)}; an amount cannot be negative.")
        if number:
            numbers[name] = number
    return numbers


def add(total: Exact, more: Exact) -> None:
    """Add `more` to `total`."""
    for name, number in more.items():
        total[name] = total.get(name, Fraction(0)) + number


def raise_to(total: Exact, floor: Exact) -> None:
    """Raise each number of `total` to that of `floor` where it is below."""
    for name, number in floor.items():
        if number > total.get(name, Fraction(-1)):
            total[name] = number


def requested(total: Exact) -> Resources:
    """Return what a pod asks for: `total` in units, and its own place on the node."""
    return Resources({name: min(MAX_AMOUNT, amount) for name, amount in _in_units(total).items()} | {PODS: 1})


def filling(known: Resources) -> Resources:
    """Return what a pod takes of which only this is known: every place of its node as well, so that nothing is planned beside it."""
    return Resources({**known, PODS: MAX_AMOUNT})


def offered(total: Exact, field: str) -> Resources:
    """Return what a node or queue offers. Raises: BadObject on an amount that no machine has."""
    amounts = _in_units(total)
    for name, amount in sorted(amounts.items()):
        if amount >= MAX_AMOUNT:
            raise BadObject(
                f"{field}.{name[:63]} is larger than any machine's ({MAX_AMOUNT - 1} is the limit)."
            )
    return Resources(amounts)


def _in_units(total: Exact) -> dict[str, int]:
    return {name: milli(number) if name == CPU else units(number) for name, number in total.items()}
