"""
Beside a dedicated kube-scheduler: answers its questions about nodes, and holds its bindings until the gang is whole.

For: `POST /filter /prioritize /preempt /bind` over mutual TLS on the loopback, and the child kube-scheduler with a generated
configuration.
May not: plan, or remember anything about a gang; `Desk` answers, the driver stands behind it.
Next: `app` speaks the protocol, `server` listens, `shell` puts the mode together.

Decisions
- 2026-11: bodies are decoded with msgspec into just the fields we read; FastAPI routes and nothing more. Rejected: pydantic models,
  three
  times slower at 5,000 node names, and the Pod model of the client library, which refuses what Go sends.
- 2026-11: demand is never inferred from /filter: kube-scheduler does not call when its own filters left no node, and may repeat a
  call.
- 2026-11: the dedicated kube-scheduler does not elect a leader of its own when Tutti starts it: it lives exactly as long as the term.
"""
