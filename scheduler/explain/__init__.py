"""
Why not, and what would help.

For: putting a group's question to the same engine again, gate by gate, domain by domain, and with one constraint relaxed.
May not: decide anything that is carried out, or know more than the snapshot it is given.
Next: `scheduler.cli` draws an `Explanation`; forecasts join when reservations do.
"""

from scheduler.explain.explanation import DomainRoom, Explanation, explain
from scheduler.explain.gates import Gate

__all__ = ["DomainRoom", "Explanation", "Gate", "explain"]
