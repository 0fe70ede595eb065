"""
How fast links are, where a product's name says so.

NVLink per GPU, all links in both directions together, as NVIDIA states it, in Gbit/s (900 GB/s is 7,200). Source: NVIDIA data sheets of
V100, A100, H100, H200, GH200, B200, GB200 and GB300. PCIe cards of a product have no NVLink, or a bridge between two; they are left out.
"""

from typing import Final

NVLINK_GBPS: Final = (
    ("GB300", 14_400),
    ("GB200", 14_400),
    ("B300", 14_400),
    ("B200", 14_400),
    ("GH200", 7_200),
    ("H200", 7_200),
    ("H800", 3_200),
    ("H100", 7_200),
    ("H20", 7_200),
    ("A800", 3_200),
    ("A100", 4_800),
    ("V100", 2_400),
)
WITHOUT: Final = ("PCIE", "NVL", "PCI-E")


def nvlink_gbps(model: str) -> int | None:
    """
    Return how fast a GPU of this model reaches its neighbours by NVLink; None where it has none or that is not known.

    >>> nvlink_gbps("NVIDIA-H100-80GB-HBM3"), nvlink_gbps("NVIDIA-H100-PCIe"), nvlink_gbps("NVIDIA-L40S")
    (7200, None, None)
    """
    words = model.upper().replace("_", "-").replace(" ", "-").split("-")
    if any(word in WITHOUT for word in words):
        return None
    return next((gbps for name, gbps in NVLINK_GBPS if name in words), None)
