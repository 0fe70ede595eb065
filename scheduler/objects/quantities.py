"""
Quantities: ``500m``, ``16Gi``, ``1e3`` to exact numbers, as the API server reads them.

Grammar: a signed decimal number, then nothing, a decimal suffix (n u m k M G T P E), a binary suffix (Ki Mi Gi Ti Pi Ei) or a decimal
exponent (``e`` or ``E`` and a whole number). Finer than a billionth is rounded away from zero, so that asking for little never becomes
asking for nothing; larger than 2^63-1 is cut to that. (Kubernetes' own parser cuts binary suffixes only and overflows on others.)
Source: k8s.io/apimachinery pkg/api/resource/quantity.go.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

from scheduler.objects.errors import BadObject, shown

MAX_VALUE: Final = 2**63 - 1
MAX_LENGTH: Final = 64  # characters; the API server sends canonical forms of at most about 25
MAX_EXPONENT: Final = 2 * MAX_LENGTH  # beyond, no mantissa of MAX_LENGTH can come back into range

_FORM: Final = re.compile(
    r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]+))?", re.ASCII
)
_SUFFIXES: Final = {
    **{
        suffix: Fraction(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{prefix}i": Fraction(1024**power) for power, prefix in enumerate("KMGTPE", 1)},
}
_NANO: Final = 10**9


def parse(text: str | int | float) -> Fraction:
    """Return the number that a quantity stands for. Raises: BadObject on anything that the grammar does not allow."""
    return _parse(text if isinstance(text, str) else _spelled(text))


def milli(quantity: Fraction) -> int:
    """Return the quantity in thousandths, rounded up."""
    return _capped(-(-quantity.numerator * 1000 // quantity.denominator))


def units(quantity: Fraction) -> int:
    """Return the quantity in whole units, rounded up."""
    return _capped(-(-quantity.numerator // quantity.denominator))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Fraction:
    form = _FORM.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if form is None:
        raise BadObject(
            f"{shown(text)} is not a quantity: write a number with an optional suffix, like 500m, 2 or 16Gi."
        )
    sign, number, suffix, exponent = form.groups()
    whole, _, decimals = number.partition(".")
    scale = -len(decimals) + max(-MAX_EXPONENT, min(MAX_EXPONENT, int(exponent or 0)))
    value = Fraction(int(f"{whole}{decimals}")) * Fraction(10) ** scale * _SUFFIXES.get(suffix, Fraction(1))
    value = min(Fraction(-(-value.numerator * _NANO // value.denominator), _NANO), Fraction(MAX_VALUE))
    return -value if sign == "-" else value


def _spelled(number: int | float) -> str:
    """Return a bare JSON number as text. An integer may be too long for Python to spell; then it is too long for us."""
    if isinstance(number, int) and abs(number) > MAX_VALUE:
        return str(MAX_VALUE if number > 0 else -MAX_VALUE)
    return repr(number) if not isinstance(number, bool) else f"a boolean ({number})"


def _capped(amount: int) -> int:
    return max(-MAX_VALUE, min(MAX_VALUE, amount))
