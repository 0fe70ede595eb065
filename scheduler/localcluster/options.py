"""What a person may choose about a local control plane, apart from its nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """
    Choices that hold for the life of one cluster; a running cluster is only reused for equal options.

    port: of the API server on 127.0.0.1; 0 = any free port. The other programs always take free ones.
    manifests: YAML files or folders applied at the end of `up`, in order; applying again changes nothing.
    feature_gates, runtime_config: passed to every program that knows them, the way Kubernetes spells them.
    kube_scheduler: False leaves the default scheduler out, so that pods of `default-scheduler` stay pending.
    kube_scheduler_config: a KubeSchedulerConfiguration (file or mapping); kubeconfig and client rates are filled in.
    etcd_fsync: False skips fsync: faster and fine for tests, but no figure measured so may be called durable.
    pod_start_delay_s: how long a bound pod waits before it is Running, like pulling and starting an image.
    """

    port: int = 0
    manifests: tuple[Path, ...] = ()
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    runtime_config: Mapping[str, bool] = field(default_factory=dict)
    kube_scheduler: bool = True
    kube_scheduler_config: Path | Mapping[str, Any] | None = None
    etcd_fsync: bool = True
    pod_start_delay_s: float = 0.5

    def fingerprint(self) -> str:
        """The choices a running cluster cannot change any more, as comparable text."""
        config = self.kube_scheduler_config
        return json.dumps(
            {
                "port": self.port,
                "feature_gates": dict(self.feature_gates),
                "runtime_config": dict(self.runtime_config),
                "kube_scheduler": self.kube_scheduler,
                "kube_scheduler_config": str(config) if isinstance(config, Path) else config,
                "etcd_fsync": self.etcd_fsync,
                "pod_start_delay_s": self.pod_start_delay_s,
            },
            sort_keys=True,
        )
