"""Benchmarks of Tutti."""
