"""The five answers a decision can give."""

from enum import StrEnum


class Status(StrEnum):
    """
    SUCCESS: placed. UNSCHEDULABLE: not now, may change. UNRESOLVABLE: waiting or preempting will not help; the spec or the
    cluster must change. WAIT: members are missing. ERROR: our own fault, or an outage.
    """

    SUCCESS = "Success"
    UNSCHEDULABLE = "Unschedulable"
    UNRESOLVABLE = "Unresolvable"
    WAIT = "Wait"
    ERROR = "Error"
