"""
ResourceSlices (``resource.k8s.io/v1``): what drivers list of the devices of one node.

Only names and attributes are read here; capacity, counters and taints belong to whoever allocates devices. A slice that is not of one node
says nothing of the inside of any.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct, field

from scheduler.model.machines import DeviceSlice, ListedDevice
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import MAX_NAME, required, shared
from scheduler.objects.structs import Int, ObjectMeta

PATH: Final = "/apis/resource.k8s.io/v1/resourceslices"
MAX_DEVICES: Final = 128  # kubernetes/api resource/v1 types.go
MAX_ATTRIBUTES: Final = 64  # 32 today, twice that is accepted
MAX_TEXT: Final = 512  # of an attribute's value; 64 today


class Attribute(Struct, omit_defaults=True):
    """The value of one attribute; lists are not read."""

    text: Annotated[str, Meta(max_length=MAX_TEXT)] | None = field(name="string", default=None)
    number: Int | None = field(name="int", default=None)
    flag: bool | None = field(name="bool", default=None)
    version: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None

    def value(self) -> str | Int | bool | None:
        """Return the one that is set."""
        return next((v for v in (self.text, self.number, self.flag, self.version) if v is not None), None)


class Device(Struct, omit_defaults=True):
    """One device."""

    name: str = ""
    attributes: dict[str, Attribute] | None = None


class Pool(Struct, rename="camel", omit_defaults=True):
    """Slices that belong together."""

    name: str = ""
    generation: Int = 0
    resource_slice_count: Int = 1


class SliceSpec(Struct, rename="camel", omit_defaults=True):
    """What a driver lists."""

    driver: str = ""
    pool: Pool = field(default_factory=Pool)
    node_name: str = ""
    devices: list[Device] | None = None


class ResourceSlice(Struct):
    """A ResourceSlice."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: SliceSpec = field(default_factory=SliceSpec)


def slice_from(obj: ResourceSlice) -> DeviceSlice | None:
    """Return the slice as a value; None if it is not of one node. Raises: BadObject."""
    spec = obj.spec
    name = required(obj.metadata.name, "metadata.name")
    if not spec.node_name:
        return None
    devices = spec.devices or []
    if len(devices) > MAX_DEVICES:
        raise BadObject(f"spec.devices has {len(devices)} entries; {MAX_DEVICES} is the limit.")
    driver = required(spec.driver, "spec.driver")
    return DeviceSlice(
        name=name,
        node=shared(required(spec.node_name, "spec.nodeName")),
        driver=shared(driver),
        pool=shared(required(spec.pool.name, "spec.pool.name", 2 * MAX_NAME)),
        generation=spec.pool.generation,
        expected=max(1, spec.pool.resource_slice_count),
        devices=tuple(_device(device, driver) for device in devices),
    )


def _device(device: Device, driver: str) -> ListedDevice:
    name = required(device.name, "spec.devices[].name")
    attributes = device.attributes or {}
    if len(attributes) > MAX_ATTRIBUTES:
        raise BadObject(
            f"spec.devices[].attributes has {len(attributes)} entries; {MAX_ATTRIBUTES} is the limit."
        )
    values = {}
    for key, attribute in attributes.items():
        value = attribute.value()
        if value is not None and len(key) <= MAX_NAME:
            values[shared(key if "/" in key else f"{driver}/{key}")] = value
    return ListedDevice(name, values)
