"""
Simulated twins of the sources: what each provider would put on the nodes of a fabric that is known, and what it cannot tell of it.

A twin turns one host of the fabric into labels, or into the slices of a driver. Identifiers look as the provider's do, so that nothing
rests on equal words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from scheduler.model.ids import NodeName
from scheduler.model.machines import DeviceSlice, ListedDevice
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources


@dataclass(frozen=True, slots=True)
class Host:
    """Where a host is. Every address says all that is outside of it: equal numbers in different blocks are different racks."""

    number: int
    spine: int
    block: int
    rack: int
    nvlink: int
    clique: int

    @property
    def name(self) -> NodeName:
        return NodeName(f"host-{self.number:03d}")

    def place(self, level: str) -> tuple[int, ...]:
        """Return the address of its domain on a level."""
        address = (self.spine, self.block, self.rack, self.nvlink, self.clique)
        return address[: ("spine", "block", "rack", "nvlink", "clique").index(level) + 1]


@dataclass(frozen=True, slots=True)
class Twin:
    """A provider: the `levels` it can tell, and what it puts on a host."""

    levels: tuple[str, ...]
    labels: Callable[[Host], dict[str, str]] = lambda host: {}
    attributes: Callable[[Host], dict[str, str]] | None = None

    def node(self, host: Host) -> Node:
        return Node(host.name, Resources(), self.labels(host))

    def slices(self, host: Host) -> tuple[DeviceSlice, ...]:
        """Return what DRANET lists of a host with two network cards."""
        if self.attributes is None:
            return ()
        said = self.attributes(host)
        cards = tuple(ListedDevice(f"card-{n}", {"dra.net/rdma": True, **said}) for n in range(2))
        return (DeviceSlice(f"{host.name}-dranet", host.name, "dra.net", host.name, devices=cards),)


def ident(prefix: str, *parts: object) -> str:
    """Return an opaque identifier."""
    return f"{prefix}{sha256(repr(parts).encode()).hexdigest()[:17]}"


def place(host: Host, level: str) -> str:
    return ident("", level, host.place(level))


def uuid(host: Host) -> str:
    text = sha256(repr(host.place("nvlink")).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


TWINS = {
    "topograph": Twin(
        ("spine", "block", "rack", "nvlink", "clique"),
        lambda h: {
            "fabric.topograph.run/tier-2": ident("core-", h.place("spine")),
            "fabric.topograph.run/tier-1": ident("spine-", h.place("block")),
            "fabric.topograph.run/tier-0": ident("leaf-", h.place("rack")),
            "accelerator.topograph.run/domain": ident("x", h.place("nvlink")),
            "accelerator.topograph.run/sub-domain": ident("x", h.place("clique")),
        },
    ),
    "topograph-0.5": Twin(
        ("spine", "block", "rack", "nvlink"),
        lambda h: {
            "network.topology.nvidia.com/core": ident("s", h.place("spine")),
            "network.topology.nvidia.com/spine": ident("s", h.place("block")),
            "network.topology.nvidia.com/leaf": ident("s", h.place("rack")),
            "network.topology.nvidia.com/accelerator": uuid(h),
        },
    ),
    "gpu-clique": Twin(
        ("nvlink", "clique"), lambda h: {"nvidia.com/gpu.clique": f"{uuid(h)}.{32766 - h.clique}"}
    ),
    "aws": Twin(
        ("spine", "block", "rack", "nvlink"),
        lambda h: {
            "topology.k8s.aws/network-node-layer-1": ident("nn-", h.place("spine")),
            "topology.k8s.aws/network-node-layer-2": ident("nn-", h.place("block")),
            "topology.k8s.aws/network-node-layer-3": ident("nn-", h.place("rack")),
            "topology.k8s.aws/ultraserver-id": ident("us-", h.place("nvlink")),
            "topology.k8s.aws/capacity-block-id": "cr-0123456789abcdef0",
        },
    ),
    "gcp": Twin(
        ("block", "rack"),
        lambda h: {
            "cloud.google.com/gce-topology-block": place(h, "block"),
            "cloud.google.com/gce-topology-subblock": place(h, "rack"),
            "cloud.google.com/gce-topology-host": ident("", h.number),
        },
    ),
    "gcp-dranet": Twin(
        ("block", "rack"),
        attributes=lambda h: {
            "gce.dra.net/block": place(h, "block"),
            "gce.dra.net/subBlock": place(h, "rack"),
            "gce.dra.net/host": ident("", h.number),
        },
    ),
    "azure-dranet": Twin(
        ("block", "rack"),
        attributes=lambda h: {
            "azure.dra.net/interconnectGroupId": place(h, "block"),
            "azure.dra.net/interconnectSubgroupId": place(h, "rack"),
        },
    ),
    "azure-dranet-older": Twin(
        ("block",), attributes=lambda h: {"azure.dra.net/placementGroupId": place(h, "block")}
    ),
    "oci": Twin(
        ("block", "rack"),
        lambda h: {
            "oci.oraclecloud.com/host.network_block_id": place(h, "block"),
            "oci.oraclecloud.com/host.rack_id": place(h, "rack"),
        },
    ),
    "oci-dranet": Twin(
        ("spine", "block", "rack", "nvlink"),
        attributes=lambda h: {
            "oke.dra.net/hpcIslandId": place(h, "spine"),
            "oke.dra.net/networkBlockId": place(h, "block"),
            "oke.dra.net/localBlockId": place(h, "rack"),
            "oke.dra.net/rackId": ident("", h.number // 2),
            "oke.dra.net/gpuMemoryFabricId": place(h, "nvlink"),
        },
    ),
    "coreweave": Twin(  # numbers count from 1 again in every superpod
        ("spine", "block", "rack"),
        lambda h: {
            "ib.coreweave.cloud/fabric": f"FAB{h.spine}",
            "ib.coreweave.cloud/superpod": str(h.block + 1),
            "ib.coreweave.cloud/leafgroup": str(h.rack + 1),
            "ib.coreweave.cloud/speed": "400G",
            "ib.coreweave.cloud/neighbors.current.ibp0.device": f"S{h.spine}-{h.block}-{h.rack}-0",
            "ib.coreweave.cloud/neighbors.expected.ibp0.device": "another",
            "ib.coreweave.cloud/neighbors.expected.ibp1.device": f"S{h.spine}-{h.block}-{h.rack}-1",
            "node.coreweave.cloud/rack": str(100 + h.number // 2),
        },
    ),
}


def fabric(*sizes: int) -> tuple[Host, ...]:
    """Return the hosts of a fabric with so many spines, blocks in each, racks in each, NVLink domains, cliques, hosts."""
    spines, blocks, racks, domains, cliques, hosts = sizes
    places = [
        (s, b, r, d, c)
        for s in range(spines)
        for b in range(blocks)
        for r in range(racks)
        for d in range(domains)
        for c in range(cliques)
        for _ in range(hosts)
    ]
    return tuple(Host(number, *each) for number, each in enumerate(places))
