"""
The live benchmark: a real control plane, schedulers seen from outside only.

For: submitting the same gangs to Tutti, to native gang scheduling and to a plain client that only creates and binds (the ceiling), on
one control plane in one run, and reading what happened from the API server's audit log.
May not: import the engine or a shell of Tutti, trust a scheduler's own word, or pick among repeats.
Next: `benchmarks.measures` defines every figure; `benchmarks.cli` is the command.

Decisions
- 2026-11: instants come from the audit log (one clock, the server's), and the counts are compared with the API server's pods; a run
  whose two sources differ is void. Rejected: the client's clock, which would add the generator's own delays to a scheduler's figures.
- 2026-11: schedulers take turns within each repeat, and the ceiling is measured in the same run: machines are shared and noisy, so
  only ratios of neighbours mean anything.
"""
