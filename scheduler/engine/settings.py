"""Bounds of the search, and what is left to others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """
    `holds_unevaluated`: hold pods that use constraints no predicate here covers (default). Off where kube-scheduler evaluates them
    itself, as in extender mode. `max_domains_tried`: for gangs of unlike pods, how many domains are searched before the answer is
    "not found within the bound" (default 64; raising it finds more and costs time in proportion). Gangs of equal pods need no
    search and no bound.
    """

    holds_unevaluated: bool = True
    max_domains_tried: int = 64
