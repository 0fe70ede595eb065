"""
What the simulated kubelets do, as kwok Stages: pods run, end and go; nodes are ready unless told to fail.

Annotations on a pod steer it: `simulation.tutti.dev/duration` (Running for so long, then it ends; without it the pod
runs on), `/exit-code` (not 0: it ends as Failed) and `/termination` (how long it takes to go after a delete). A deleted
pod of a Job first ends as Failed, as with any kubelet: the Job makes no other one before. On a
node, `simulation.tutti.dev/ready: "false"` makes its kubelet report NotReady; removing it brings the node back.
"""

from __future__ import annotations

from typing import Any

PREFIX = "simulation.tutti.dev/"
PARALLELISM = 32
"""Writes in flight towards the API server; one Go routine each, so generous costs nothing."""

GOES_AFTER_MS = 100
"""A pod that is deleted without grace goes by itself; whoever waits a moment sees that, and spares the API server a useless delete."""


def configuration(*, pod_start_delay_s: float) -> list[dict[str, Any]]:
    """The documents of kwok's configuration file."""
    delay_ms = max(0, round(pod_start_delay_s * 1000))
    options = {
        "manageAllNodes": True,
        "podPlayStageParallelism": PARALLELISM,
        "nodePlayStageParallelism": PARALLELISM,
        "podsOnNodeSyncParallelism": 4,
        # No leases and no heartbeats: they would cost a write per node every few seconds for no fact. The node
        # lifecycle controller is given an unlimited grace period instead.
        "nodeLeaseDurationSeconds": 0,
        "enableDebuggingHandlers": False,
        "enableProfilingHandler": False,
    }
    return [
        {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokConfiguration",
            "metadata": {"name": "kwok"},
            "options": options,
        },
        _stage(
            "node-ready",
            "Node",
            [_differs(_FAILED, "false"), _differs(_READY, "True")],
            _status(_node_ready("True")),
        ),
        _stage(
            "node-failed",
            "Node",
            [_is(_FAILED, "false"), _differs(_READY, "False")],
            _status(_node_ready("False")),
        ),
        _stage(
            "pod-run",
            "Pod",
            [_STAYS, _is(_PHASE, "Pending")],
            _status(_RUNNING),
            delay={"durationMilliseconds": delay_ms},
        ),
        _stage(
            "pod-succeed",
            "Pod",
            [_STAYS, _is(_PHASE, "Running"), _has(_DURATION), _not_failing()],
            _status(_ended("Succeeded", "0")),
            delay=_after(_DURATION),
        ),
        _stage(
            "pod-fail",
            "Pod",
            [_STAYS, _is(_PHASE, "Running"), _has(_DURATION), _has(_EXIT_CODE), _differs(_EXIT_CODE, "0")],
            _status(_ended("Failed", f'{{{{ index $root.metadata.annotations "{PREFIX}exit-code" }}}}')),
            delay=_after(_DURATION),
        ),
        _stage(
            "pod-stop",
            "Pod",
            [_DELETED, _has(_KEPT)],
            _status(_ended("Failed", "137")),
            delay=_after(_TERMINATION),
        ),
        _stage(
            "pod-go",
            "Pod",
            [_DELETED, _missing(_KEPT)],
            {"delete": True},
            delay=_after(_TERMINATION, otherwise_ms=GOES_AFTER_MS),
        ),
    ]


_FAILED = f'.metadata.annotations["{PREFIX}ready"]'
_DURATION = f'.metadata.annotations["{PREFIX}duration"]'
_EXIT_CODE = f'.metadata.annotations["{PREFIX}exit-code"]'
_TERMINATION = f'.metadata.annotations["{PREFIX}termination"]'
_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status'
_PHASE = ".status.phase"
# A finalizer, such as that of the Job controller, keeps the object until somebody has read how the pod ended.
_KEPT = (
    '. | select( .metadata.finalizers != null and ( .status.phase == "Running" or .status.phase == "Pending" ) )'
    " | .metadata.name"
)


def _has(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "Exists"}


def _missing(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "DoesNotExist"}


def _is(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}


def _differs(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "NotIn", "values": [value]}


def _not_failing() -> dict[str, Any]:
    # NotIn holds for a missing key as well, so this is "no exit code, or one that is not a failure".
    return {
        "key": f'.metadata.annotations["{PREFIX}exit-code"] | select( . != null and . != "0" )',
        "operator": "DoesNotExist",
    }


_STAYS = _missing(".metadata.deletionTimestamp")
_DELETED = _has(".metadata.deletionTimestamp")


def _after(annotation: str, *, otherwise_ms: int = 0) -> dict[str, Any]:
    return {"durationMilliseconds": otherwise_ms, "durationFrom": {"expressionFrom": annotation}}


def _status(template: str) -> dict[str, Any]:
    return {"statusTemplate": template}


def _stage(
    name: str,
    kind: str,
    selector: list[dict[str, Any]],
    following: dict[str, Any],
    delay: dict[str, Any] | None = None,
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": selector},
        "next": following,
    }
    if delay:
        spec["delay"] = delay
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _node_ready(status: str) -> str:
    reason = "KubeletReady" if status == "True" else "KubeletStopped"
    return f"""
phase: Running
conditions:
- type: Ready
  status: "{status}"
  reason: {reason}
  message: simulated node
  lastHeartbeatTime: {{{{ Now | Quote }}}}
  lastTransitionTime: {{{{ Now | Quote }}}}
"""


_RUNNING = """
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
{{ if .spec.initContainers }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
{{ if eq (or .restartPolicy "") "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
{{ end }}
{{ end }}
{{ end }}
"""


def _ended(phase: str, exit_code: str) -> str:
    reason = "Completed" if phase == "Succeeded" else "Error"
    return f"""
{{{{ $now := Now }}}}
{{{{ $root := . }}}}
phase: {phase}
conditions:
- {{type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{{{ $now | Quote }}}}}}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: {exit_code}
      reason: {reason}
      startedAt: {{{{ or $root.status.startTime $now | Quote }}}}
      finishedAt: {{{{ $now | Quote }}}}
{{{{ end }}}}
"""
