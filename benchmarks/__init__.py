"""Benchmarks of Tutti, with provenance beside every figure: `live` from outside, `engine_cost` the engine alone, in one process."""
