"""
The policies: what is considered first, and which of two equal nodes is better.

For: choices that reasonable clusters make differently. Each is a function or a small class in a file of its own, and none knows
another.
May not: place anything, read a clock, hold state.
Next: fair shares, quota and backfill join here; `registry` is the one visible list.
"""
