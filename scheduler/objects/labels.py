"""Labels and names: checked for size, and shared, because a thousand pods repeat the same few dozen strings."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from scheduler.model.nodes import NO_LABELS
from scheduler.objects.errors import BadObject, shown

MAX_LABELS: Final = 1024
MAX_KEY: Final = 317  # characters: a prefix of 253, a slash, a name of 63
MAX_VALUE: Final = 63
MAX_NAME: Final = 253
MAX_UID: Final = 128
FEW: Final = (
    64  # labels that are remembered to be shared; bounds the memory, and hardly a pod or node has more
)


@lru_cache(maxsize=16_384)
def shared(text: str) -> str:
    """Return an equal string that others use as well."""
    return text


def kept(labels: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return labels as a value of the model, one for all that are equal. Raises: BadObject."""
    if not labels:
        return NO_LABELS
    if len(labels) > MAX_LABELS:
        raise BadObject(f"metadata.labels has {len(labels)} entries; {MAX_LABELS} is the limit.")
    for key, value in labels.items():
        if not 0 < len(key) <= MAX_KEY or len(value) > MAX_VALUE:
            raise BadObject(
                f"metadata.labels has an entry that is too long or has no key: {shown(key)}={shown(value)}."
            )
    pairs = tuple(sorted(labels.items()))
    return _same(pairs) if len(pairs) <= FEW else _made(pairs)


@lru_cache(maxsize=4096)
def _same(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return _made(pairs)


def _made(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return {shared(key): shared(value) for key, value in pairs}


def required(text: str, field: str, limit: int = MAX_NAME) -> str:
    """Return a name or uid that must be there. Raises: BadObject naming the field."""
    if not text:
        raise BadObject(f"{field} is missing.")
    if len(text) > limit:
        raise BadObject(f"{field} has {len(text)} characters; {limit} is the limit.")
    return text
