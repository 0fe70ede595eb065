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
- 2026-11: rules on other pods are answered in kube-scheduler's terms, one pod after the other, but for whole gangs: what can be told as
  masks, limits and regions goes into the exact search, and every placement is confirmed in an order that kube-scheduler could take.
  Rejected: a search of its own for gangs with rules, which would have to learn levels, slices and elasticity again. Members of a kind get
  their nodes in that order, at the price of a ring that crosses domains more often where pods are spread: in extender mode kube-scheduler
  asks in it.
- 2026-11: a wish of members for each other (preferred affinity among them) is not acted upon, the topology has settled how near they are;
  wishes towards pods that stand already decide between nodes that serve equally well.
- 2026-11: equal questions of one cycle get one answer while the same is taken. It changes the cost of a decision, never a word of it.
"""
