"""
Why not, and what would help.

For: putting a group's question to the same engine again, gate by gate, domain by domain, and with something changed.
May not: decide anything that is carried out, read a clock, or know more than the snapshot it is given.
Next: `explanation.explain` is the answer; `edits` are what `tutti what-if` makes of a snapshot; `summary` is what stands in a group's
status; `scheduler.cli` draws it all. Forecasts join when reservations do.

Decisions
- 2026-11: counting proves that a gang waits, only the engine says that it starts. Rejected: the engine for everything, which costs a
  decision per pair of constraints; and counting for everything, which is wrong for unlike members.
- 2026-11: a resource stands in the way as far as others use it. Rejected: dropping the request, with which every gang fits; that a pod
  asks for too much is said apart, as the gang being larger than the cluster, and as the largest request that fits.
- 2026-11: answers have three values throughout. What was not found, or not asked because of the bound, never counts as "does not help".
- 2026-11: changes are ranked by one table of costs that is printed, not by a hidden score.
"""

from scheduler.explain.explanation import Explanation, explain
from scheduler.explain.gates import Gate

__all__ = ["Explanation", "Gate", "explain"]
