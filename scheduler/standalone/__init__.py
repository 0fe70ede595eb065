"""
The secondary scheduler: own predicates, own binder, no kube-scheduler beside it.

For: running one driver from the Lease to a clean stop, with a decision as soon as anything changes.
May not: hold anything that the extender would need too; that lives in `scheduler.driver`.
Next: `scheduler.wiring` makes its parts.
"""
