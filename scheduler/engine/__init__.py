"""
Decides; and carries a gang from plan to binding.

For: `cycle.decide`, a pure function from a snapshot to a plan, and `lifecycle.Lifecycle`, a state machine from events to instructions.
May not: do I/O, read a clock, draw chance, log, or know a policy by name.
Next: `scheduler.policies` fills the extension points; `scheduler.driver` runs both; the simulator will, in virtual time.

Decisions
- 2026-11: equal pods are placed by counting, not by search: the sum of copies over a domain is exact, so the answer is complete and fast.
  Unlike pods are placed first-fit decreasing, sound but not complete; the reason says so.
- 2026-11: a gang that waits reserves nothing, and gangs behind it may go ahead. A large gang can starve behind small ones until
  reservations for the head of the queue arrive with the queueing policies.
- 2026-11: nodes are kept as columns between cycles and brought up to date by identity of the node's state; copies of a shape are counted
  from the columns, once per cycle and then where something was taken. Rejected: a table of copies per shape in the memo. Some hundred
  shapes that wait pushed each other out of it, and each gang paid for every node taken before it.
- 2026-11: equal questions of one cycle get one answer while the same is taken. It changes the cost of a decision, never a word of it.
"""
