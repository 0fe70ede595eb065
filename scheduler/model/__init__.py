"""
The words of the domain, as frozen values.

For: saying what nodes, pods, pod groups, queues, snapshots, plans and reasons are, so that every other room speaks of the same thing.
May not: import another room of ours, do I/O, read a clock, draw chance, log.
Next: `scheduler.topology` arranges nodes into domains; `scheduler.engine` decides over a `Snapshot`; translators (`scheduler.objects`,
`scheduler.dialects`, `scheduler.sources`) make these values from Kubernetes objects.

Decisions
- 2026-11: the limit on pods per node is the resource ``pods``, of which every pod requests one. Rejected: a separate counter, which every
  capacity formula would have to remember.
- 2026-11: a pod without a group is a `PodGroup` of one in the dialect ``pod``. Rejected: a second path through engine and commit.
- 2026-11: CPU is counted in thousandths, everything else in whole units (bytes, devices), rounded up for requests as Kubernetes does.
"""
