"""
What the scheduler says about itself: metrics, logs, probes.

For: operators of the scheduler. Metric names start with ``tutti_``, in base units, with bounded label sets: never a group's or a pod's
name. May not: decide anything, or talk to the API server.
Next: `scheduler.wiring` hands `metrics.Metrics` to the engine as its reporter
and serves it with `health`.
"""
