"""
Benchmarks of Tutti, with provenance beside every figure.

`live` looks from outside; `place`, `engine_cost`, `topology_cost` and `explain_cost` measure the pure rooms in one process.
"""
