"""
Topology evidence: one file per source, each saying which node labels and device attributes carry which level; `merge` makes one hierarchy.

For: turning node labels, ResourceSlices and NodeResourceTopologies into `Evidence`. A source yields statements, not edges: nesting is
derived, and contradictions are made visible.
May not: build a graph (`scheduler.topology` does), do I/O, or know another source.
Next: `merge.evidence` settles everything at once; `findings.Findings` is for whoever sees one change after another.

Decisions
- 2026-11: levels have one canonical name each (zone, spine, block, rack, nvlink, clique, host), whatever a family calls them; the label
  that carries most of a level's facts is kept beside it, because users may name either.
- 2026-11: equal values under different parents are different domains, named with their parent. Rejected: trusting the value, which would
  let two racks called "1" hold one gang.
- 2026-11: a node that lacks a label is in no domain of that level, unless its domain further in is elsewhere known to be in one.
- 2026-11: `nvlink` is the rack-scale NVLink domain, `clique` a partition of it. Where devices and topograph speak of both, the devices
  count, whose words tell the two apart.
- 2026-11: sources disagree when they group nodes differently. Rejected: comparing words, which differ between sources of one fabric.
- 2026-11: the whole hierarchy is settled anew after a change, over columns that are kept up to date node by node. Rejected: repairing only
  the domains concerned, which is no faster at 15,000 nodes and can go wrong.
"""
