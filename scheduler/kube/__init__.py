"""
The only room that talks to the Kubernetes API server.

For: seeing the cluster (credentials, transport, reflector, feed, cache), writing to it (binder, status, recorder) and leading (leases).
May not: decide anything. What to bind, hold or evict comes in as an instruction of `scheduler.engine.messages`; outcomes go back as
events.
Next: `feed` fills `cache`; `scheduler.driver` takes its snapshots and hands instructions to `binder` and `status`.

Decisions
- 2026-11: lists, watches and writes use aiohttp and msgspec; the `kubernetes` package only reads kubeconfigs and runs exec plugins.
  Its models drop unknown fields and decode fifty times slower.
- 2026-11: the reflector is a state machine without I/O, so that lost streams, expired versions and missing deletes are tested as values.
- 2026-11: a write whose outcome is unknown is never reported as failed. It is read back until it is known.
"""
