"""
Benchmarks of Tutti, with provenance beside every figure: `live` from outside; `engine_cost`, `topology_cost` and `explain_cost` in one process.
"""
