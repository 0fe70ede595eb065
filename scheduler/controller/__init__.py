"""
The operator: accepts specs, counts members, reports queues, and makes groups for Jobs that ask for one.

For: kopf handlers that take note of PodGroups, Queues, Topologies and Jobs, and one loop that writes what their status should say.
May not: bind, evict, hold capacity, or touch ``status.attempt`` and the condition ``Scheduled``: those are the scheduler's.
Next: `group_views`, `queue_views` and `topology_views` say what a status should be, as pure functions; `board` compares and writes;
`explainer` finds out why groups wait; `job_groups` makes groups; `handlers` is all that kopf sees; `process` runs it all.

Decisions
- 2026-11: own process, never in the scheduler's event loop: kopf owns its loop's tasks and its client is not made for pods.
- 2026-11: only event handlers, which persist nothing: no finalizer, annotation or progress of kopf is left on a user's object, so
  deletion ends with all of Tutti down.
- 2026-11: members are counted from our own reflector. kopf's watch loses deletions after a 410, and no number may rest on it.
- 2026-11: server-side apply with a field manager of our own: the scheduler's fields and conditions stay its own. Rejected: merge
  patches, which replace the list of conditions whole.
- 2026-11: kopf gets an HTTP session of ours, not credentials: its own logins know neither exec plugins nor token files. Rejected: its
  ConnectionInfo, which takes no TLS name, and breaks every watch when a token is renewed.
- 2026-11: the operator answers probes itself, unless a scheduler runs beside it: then the scheduler has the address, and `tutti run`
  starts the operator again when it ends.
- 2026-11: a Queue's numbers cover the queues below it; its share is of what it uses over its guarantee, divided by its weight.
- 2026-11: why a group waits is explained here, not in the scheduler: it may take longer than a decision, and nothing waits for it. What
  stands in the status has no number that changes by itself, so a busy cluster does not make it be written again and again.
"""
