"""Who comes before whom, and which level lies outside which: the two orders that everything else follows."""

from typing import Final

from scheduler.model.ids import LevelName
from scheduler.sources import aws, azure, coreweave, gcp, gpu_clique, oci, topograph, well_known
from scheduler.sources.carriers import Carrier

PRECEDENCE: Final[tuple[Carrier, ...]] = (
    *well_known.LABELS,
    *gpu_clique.LABELS,  # of NVLink the devices themselves know best
    *topograph.LABELS,  # has asked the fabric
    *aws.LABELS,
    *gcp.LABELS,
    *oci.LABELS,
    *coreweave.LABELS,
    *gcp.ATTRIBUTES,
    *azure.ATTRIBUTES,
    *oci.ATTRIBUTES,
)
"""Of the carriers that say something of a node's level the first counts. A declared Topology replaces them all."""

ORDER: Final[tuple[LevelName, ...]] = tuple(
    map(
        LevelName,
        (
            "region",
            "zone",
            *(f"tier-{n}" for n in reversed(range(len(topograph.NAMED), topograph.MAX_TIERS))),
            "spine",
            "block",
            "rack",
            "nvlink",
            "clique",
        ),
    )
)
"""Levels that are found, outermost first. Tiers above the named ones come before the spine, highest first."""
