"""
Pod group APIs: one file per API, all onto the one model of `scheduler.model.podgroups`.

For: saying which group a pod belongs to, what a group asks for, and how the commit record is written into its status.
May not: do I/O, decide, or know another dialect. A spec that cannot be acted upon becomes a group with a `refusal`, never an exception:
the group exists, and its members must hear why they wait.
Next: `scheduler.kube` reads and writes the objects; `scheduler.controller` says the refusal in a condition.

Decisions
- 2026-11: bounds are checked here as well as in the CRD, because an object may be older than the schema it is read with.
- 2026-11: a commit record that cannot be read, or is of a newer version, refuses its group. Rejected: starting over, which could place a
  gang twice.
"""
