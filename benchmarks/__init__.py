"""Benchmarks of Tutti: measured from outside, with provenance beside every figure."""
