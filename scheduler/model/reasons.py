"""
Every reason we can give, in one closed list.

The value is the CamelCase word that stands in conditions, events and metrics; `MEANING` is the sentence documentation and
`tutti explain` show. Texts with numbers are made in `scheduler.explain`, never parsed back.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """Why a group or a pod is where it is."""

    # accepted or not
    ACCEPTED = "Accepted"
    INVALID_SPEC = "InvalidSpec"
    QUEUE_NOT_FOUND = "QueueNotFound"
    PRIORITY_CLASS_NOT_FOUND = "PriorityClassNotFound"
    TOPOLOGY_LEVEL_NOT_FOUND = "TopologyLevelNotFound"
    NOT_ACTED_UPON = "AcceptedNotActedUpon"
    # waiting for members
    POD_GROUP_NOT_FOUND = "PodGroupNotFound"
    GANG_INCOMPLETE = "GangIncomplete"
    SCHEDULING_GATED = "SchedulingGated"
    ABOVE_MAX_COUNT = "AboveMaxCount"
    # not placed
    UNEVALUATED_CONSTRAINT = "UnevaluatedConstraint"
    VOLUME_NOT_READY = "VolumeNotReady"
    VOLUME_WAITS_FOR_POD = "VolumeWaitsForPod"
    VOLUME_BEING_MADE = "VolumeBeingMade"
    NO_ELIGIBLE_NODE = "NoEligibleNode"
    POD_CONSTRAINTS_NOT_MET = "PodConstraintsNotMet"
    INSUFFICIENT_RESOURCES = "InsufficientResources"
    NO_DOMAIN_FITS = "NoDomainFits"
    NODE_REFUSED = "NodeRefused"
    NOT_FOUND_WITHIN_BOUND = "NotFoundWithinBound"
    NOT_ATTEMPTED = "NotAttemptedThisCycle"
    TIMEOUT = "Timeout"
    # on the way
    PLACED = "Placed"
    VOTES_MISSING = "VotesMissing"
    RECORD_FAILED = "RecordFailed"
    BIND_FAILED = "BindFailed"
    MEMBER_CHANGED = "MemberChanged"
    NODE_CHANGED = "NodeChanged"
    REPAIRING = "Repairing"
    # there
    SCHEDULED = "Scheduled"
    BELOW_MIN_COUNT = "BelowMinCount"
    READY = "Ready"
    COMPLETED = "Completed"
    FAILED = "Failed"
    # ours
    NOT_LEADER = "NotLeader"
    INTERNAL_ERROR = "InternalError"


MEANING: Final = MappingProxyType(
    {
        Reason.ACCEPTED: "The spec is valid and acted upon.",
        Reason.INVALID_SPEC: "The spec contradicts itself or cannot be read; it is not acted upon.",
        Reason.QUEUE_NOT_FOUND: "The named Queue does not exist.",
        Reason.PRIORITY_CLASS_NOT_FOUND: "The named PriorityClass does not exist.",
        Reason.TOPOLOGY_LEVEL_NOT_FOUND: "No node carries the named topology level.",
        Reason.NOT_ACTED_UPON: "The field is valid and kept, but this version does not act upon it yet.",
        Reason.POD_GROUP_NOT_FOUND: "The pod names a PodGroup that does not exist in its namespace.",
        Reason.GANG_INCOMPLETE: "Fewer members exist than the gang needs.",
        Reason.SCHEDULING_GATED: "Members carry scheduling gates and do not count until these are removed.",
        Reason.ABOVE_MAX_COUNT: "The group already has maxCount members; this one stays unscheduled.",
        Reason.UNEVALUATED_CONSTRAINT: "A member uses a constraint that this mode does not evaluate yet.",
        Reason.VOLUME_NOT_READY: "A volume claim of a member is missing, not bound, being deleted, or another pod's alone.",
        Reason.VOLUME_WAITS_FOR_POD: "A claim is bound only once its pod has a node, in a way that this mode does not evaluate yet.",
        Reason.VOLUME_BEING_MADE: "Volumes are being made on the planned nodes; the gang is bound when they are there.",
        Reason.NO_ELIGIBLE_NODE: "No node passes the members' selectors, affinity, tolerations and volumes.",
        Reason.POD_CONSTRAINTS_NOT_MET: "Affinity, anti-affinity or spread with regard to other pods leaves too few places.",
        Reason.INSUFFICIENT_RESOURCES: "The nodes that could serve the gang have too little free.",
        Reason.NO_DOMAIN_FITS: "No single domain of the required topology level holds the whole gang.",
        Reason.NODE_REFUSED: "kube-scheduler did not offer the planned node; another plan is being sought.",
        Reason.NOT_FOUND_WITHIN_BOUND: "No placement was found within the search bound; this does not prove that none exists.",
        Reason.NOT_ATTEMPTED: "The cycle ended before this gang's turn; it is tried in the next one.",
        Reason.TIMEOUT: "The gang was not placed within scheduleTimeoutSeconds.",
        Reason.PLACED: "Every member has a node; the gang is being bound.",
        Reason.VOTES_MISSING: "Not every member reached binding in time; nobody was bound.",
        Reason.RECORD_FAILED: "The commit record could not be written; nobody was bound.",
        Reason.BIND_FAILED: "A binding was refused.",
        Reason.MEMBER_CHANGED: "A member was deleted, replaced or changed after it was planned.",
        Reason.NODE_CHANGED: "A planned node changed before the bindings went out.",
        Reason.REPAIRING: "Some members are bound and the others are being placed again.",
        Reason.SCHEDULED: "Every member that the gang needs is bound.",
        Reason.BELOW_MIN_COUNT: "Fewer members are alive than the gang needs.",
        Reason.READY: "Every member that the gang needs is running.",
        Reason.COMPLETED: "The members have finished.",
        Reason.FAILED: "Members have failed and the gang cannot complete.",
        Reason.NOT_LEADER: "This replica does not lead; ask the leader.",
        Reason.INTERNAL_ERROR: "A fault of the scheduler itself; the log names it.",
    }
)
