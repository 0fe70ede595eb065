"""
Feeds the lifecycle and carries its instructions out; the same for both ways of running.

For: turning changes of the cache into events, running `decide` in a worker thread on a frozen snapshot, handing instructions to
`scheduler.kube`, and reporting every outcome as the next event.
May not: decide anything about a gang (the engine does), know whether FastAPI or a plain loop stands above it, write to the API server
itself.
Next: `scheduler.standalone` runs it alone; `scheduler.extender` asks `VoteDesk` on behalf of kube-scheduler.

Decisions
- 2026-11: event-driven without a polling period; the pause between two cycles is the larger of a setting and the last cycle's own
  duration, so a slow cycle cannot take more than half of the process. Rejected: a fixed period, which every lone gang would pay for.
- 2026-11: a plan is checked against the present nodes when its cycle ends, node by node, and thrown away per gang. Rejected: locking
  the cache during the cycle, which would hold up the watch.
- 2026-11: an unexpected exception ends the process. State lives in the API server, so a restart is the one path that is always tested.
"""
