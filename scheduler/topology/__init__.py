"""
Nodes arranged into domains: from evidence to flat tables.

For: turning facts ("node n is in rack r3, says source s") into a tree that the engine can walk in constant steps, and into the graph of
everything that is known, down to GPUs and network cards.
May not: know pods or gangs, read labels (`scheduler.sources` does), be asked inside a search: tables are compiled once per evidence.
Next: `scheduler.engine.placements` walks the tree; `scheduler.cli.topology` shows the graph.

Decisions
- 2026-11: networkx holds the model, flat tables decide. A graph query per candidate costs a thousand times a table lookup.
- 2026-11: the tables are compiled from columns of homes and not from the graph, so that one relabelled node of 15,000 costs some
  milliseconds; tests hold tables and graph against one another. The graph is made when somebody looks at it.
- 2026-11: nodes stand in order of their path, so every domain is a slice and its capacity one subtraction of prefix sums.
- 2026-11: where a level is not known, the outermost domain further in stands for it, at last the node itself. Rejected: leaving such
  nodes out, which would idle them; one shared "unknown" domain, which would call strangers neighbours; and always the node itself,
  which would tear a rack apart because nobody named its block.
"""

from scheduler.topology.domains import CLUSTER, HOST, Domain, DomainTree, compile_tree
from scheduler.topology.graph import Link, network
from scheduler.topology.layers import Layer, Numbers

__all__ = ["CLUSTER", "HOST", "Domain", "DomainTree", "Layer", "Link", "Numbers", "compile_tree", "network"]
