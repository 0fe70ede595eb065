"""
Topology evidence: one file per source, each saying of each node which domains it is in; `merge` makes one hierarchy of it.

For: turning node labels into `Evidence`. A source yields facts, not edges: nesting is derived, and contradictions are made visible.
May not: build a graph (`scheduler.topology` does), do I/O, or know another source.
Next: `merge.evidence` is the one function others call.

Decisions
- 2026-11: levels have one canonical name each (zone, spine, block, rack, clique, host), whatever a family calls them; the label that
  carries most of a level's facts is kept beside it, because users may name either.
- 2026-11: equal values under different parents are different domains, named with their parent. Rejected: trusting the value, which would
  let two racks called "1" hold one gang.
- 2026-11: a node that lacks a label is in no domain of that level, unless its domain further in is elsewhere known to be in one.
"""
