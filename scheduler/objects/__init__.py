"""
Core Kubernetes objects, as far as a placement depends on them, and their translation into the words of `scheduler.model`.

For: turning what the API server sends (pods, nodes, priority classes) into values. Whatever comes in, the answer is a value or `BadObject`.
May not: do I/O, read a clock, keep anything but bounded memories of pure functions, or decide anything.
Next: `scheduler.dialects` reads pod groups, `scheduler.sources` reads topology, `scheduler.kube` calls all three.

Decisions
- 2026-11: a pod's shape is a function of the bytes that matter for it, remembered per bytes. A gang of a thousand equal pods is translated
  once, and all its pods share one shape. Rejected: comparing decoded objects, which costs a hash over the whole tree.
- 2026-11: the effective request follows kube-scheduler 1.37, resizes in place included: for a bound pod the largest of what the spec asks,
  what the kubelet granted and what it applied.
- 2026-11: inline CSI volumes do not make a pod unevaluated, because kube-scheduler's filters ignore them as well.
- 2026-11: which claims a pod uses is the pod's own and not of its shape, or a gang with a claim for each member would have a thousand
  shapes. The engine gives pods the shapes that their volumes make.
- 2026-11: a pod with more affinity or tolerations than is looked at is held and named, not refused: one that runs already, after a restart
  of ours, must count for what it takes. What it is particular about does not matter any more.
"""
