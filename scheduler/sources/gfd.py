"""
NVIDIA GPU feature discovery: what kind of GPUs a node has, and how many. The labels say nothing of where they are.

Labels are refreshed every minute. With ``mig.strategy`` single, or with time slicing, `count` counts what is offered and not cards; then
`replicas` is above 1 or the product names a profile, and the number is left out.
"""

from collections.abc import Mapping
from typing import Final

from scheduler.model.machines import Machine

PRODUCT, COUNT, MEMORY, REPLICAS = (
    f"nvidia.com/gpu.{name}" for name in ("product", "count", "memory", "replicas")
)
SOURCE: Final = "GPU feature discovery"
MOST: Final = 1024  # GPUs in one node; arbitrary, machines have 16 at most
MOST_MIB: Final = 2**24


def machine(labels: Mapping[str, str]) -> Machine | None:
    """Return what the labels say of the inside of a node; None if they say nothing."""
    product = labels.get(PRODUCT, "")
    if not product:
        return None
    is_shared = labels.get(REPLICAS, "1") not in {"", "0", "1"} or "-MIG-" in product
    return Machine(
        model=product.replace("-SHARED", ""),
        gpus=0 if is_shared else _number(labels.get(COUNT, ""), MOST),
        gpu_memory_mib=_number(labels.get(MEMORY, ""), MOST_MIB),
        sources=(SOURCE,),
    )


def _number(text: str, most: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= most else 0
