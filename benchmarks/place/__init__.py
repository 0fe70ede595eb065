"""
How good placements are: the production engine, an exact solver and the rules of other schedulers, on the same instances.

For: questions (a cluster, a gang, what it asks of the network), answers to them from several sides, and what the answers cost. Everything
is drawn from a seed; two runs of one version give the same answers, only their times differ.
May not: talk to a cluster, or see any room of `scheduler` that does. Rules see arrays of numbers and none of the engine's code.
Next: `run` puts a result document together, `tutti bench place` prints it.

Decisions - 2026-11: rules are named after what they do, and stand for no version of any product. Where a description leaves something
open, the choice
  is the one that is kinder to the rule, and its file says so.
- 2026-11: the solver gets no hint from the engine and shares nothing with it but the question.
"""
