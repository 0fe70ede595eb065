"""
A real control plane as plain child processes on 127.0.0.1: etcd, kube-apiserver, kube-controller-manager, kube-scheduler
and kwok, which simulates nodes and kubelets.

The demo, the tests and the live benchmark run on it. The room imports nothing of ours, so that what it tells about a
cluster can never be Tutti's own opinion. The next step from here is `cluster.py`.
"""

from scheduler.localcluster.cluster import ClusterStatus, LocalCluster, ProgramStatus
from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.nodes import NodeShape
from scheduler.localcluster.options import ClusterOptions
from scheduler.localcluster.progress import Progress, Step

__all__ = [
    "ClusterOptions",
    "ClusterStatus",
    "LocalCluster",
    "LocalClusterError",
    "NodeShape",
    "ProgramStatus",
    "Progress",
    "Step",
]
