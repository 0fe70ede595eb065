"""
What is built from which Go module, with which flags. Values only.

Beside this file, `modules/` holds a go.mod and go.sum per recipe: every version and hash of the build is pinned there, so
a build takes the same sources everywhere and Go refuses others.

Kubernetes is built as an ordinary dependency: its own go.mod names the staging modules by folder, which only works
inside its repository; each is replaced by the module published from that folder. The version must be linked in, since
clients refuse a server that reports none.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from scheduler.localcluster import programs

GO_AT_LEAST = (1, 26)
"""What the newest of the modules asks for."""

_COMPONENT_BASE = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = programs.KUBERNETES.split(".")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One Go module with the programs built from it; `programs` maps the binary's name to its Go package."""

    name: str
    module: str
    version: str
    programs: tuple[tuple[str, str], ...]
    linked: tuple[tuple[str, str], ...] = ()

    def flags(self) -> list[str]:
        """Smaller binaries, no paths of this machine in them, and the versions they report."""
        return [
            "-trimpath",
            "-ldflags",
            " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.linked)]),
        ]

    def files(self) -> Traversable:
        """The folder with this recipe's go.mod and go.sum."""
        return resources.files("scheduler.localcluster") / "modules" / self.name


RECIPES: tuple[Recipe, ...] = (
    Recipe("etcd", "go.etcd.io/etcd/server/v3", programs.ETCD, (("etcd", "go.etcd.io/etcd/server/v3"),)),
    Recipe(
        "kwok",
        "sigs.k8s.io/kwok",
        programs.KWOK,
        (("kwok", "sigs.k8s.io/kwok/cmd/kwok"),),
        linked=(("sigs.k8s.io/kwok/pkg/consts.Version", f"v{programs.KWOK}"),),
    ),
    Recipe(
        "kubernetes",
        "k8s.io/kubernetes",
        programs.KUBERNETES,
        tuple(
            (name, f"k8s.io/kubernetes/cmd/{name}")
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        ),
        linked=(
            (f"{_COMPONENT_BASE}.gitVersion", f"v{programs.KUBERNETES}"),
            (f"{_COMPONENT_BASE}.gitMajor", _MAJOR),
            (f"{_COMPONENT_BASE}.gitMinor", _MINOR),
            (f"{_COMPONENT_BASE}.gitTreeState", "clean"),
        ),
    ),
)
"""The small ones first: whoever watches sees something finished within the first minute."""
