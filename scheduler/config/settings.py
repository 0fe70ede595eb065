"""Every setting of the edge, and the whole composed of the rooms' settings. Times are seconds, sizes bytes."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import StringConstraints, with_config

from scheduler.config.strict import ConfigError
from scheduler.engine.settings import EngineSettings
from scheduler.policies.settings import PolicySettings

MIB = 1024 * 1024

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[0-9A-Za-z.:_-]+$")]


class Mode(StrEnum):
    """How pods get to their nodes."""

    EXTENDER = "extender"
    STANDALONE = "standalone"


class Component(StrEnum):
    """What one invocation of ``tutti run`` starts."""

    SCHEDULER = "scheduler"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Towards the API server."""

    bind_concurrency: Annotated[int, Interval(ge=1, le=1024)] = 64
    """Requests; default 64. How many bindings are under way at once. More only helps until the API server's seats are taken:
    its bind rate is flat from 16 on, measured on a local control plane."""

    request_timeout_s: Annotated[float, Interval(ge=0.1, le=300)] = 10.0
    """Seconds; default 10. How long one request may take before its outcome counts as unknown and is read back."""

    watch_silence_s: Annotated[float, Interval(ge=5, le=3600)] = 70.0
    """Seconds; default 70. A watch that says nothing for so long is dead. Bookmarks come about every minute."""

    page_size: Annotated[int, Interval(ge=10, le=10_000)] = 500
    """Objects; default 500. Per page of a list. Larger pages list faster and need more memory on both sides."""

    max_response_bytes: Annotated[int, Interval(ge=MIB, le=1024 * MIB)] = 64 * MIB
    """Bytes; default 64 MiB. A larger answer is refused. Raise it when a page of very large pods does not fit."""


@dataclass(frozen=True, slots=True)
class LeaderSettings:
    """Leader election. The three times are those of the Kubernetes components: an outage shorter than
    duration_s - renew_deadline_s never gives two leaders."""

    lease_name: Name = "tutti-scheduler"
    """Name; default tutti-scheduler. The Lease of the scheduler, in `namespace`."""

    operator_lease_name: Name = "tutti-operator"
    """Name; default tutti-operator. The Lease of the operator, in `namespace`."""

    duration_s: Annotated[float, Interval(ge=1, le=3600)] = 15.0
    """Seconds; default 15. How long others wait for a silent leader. Raising it slows failover, and bears longer outages."""

    renew_deadline_s: Annotated[float, Interval(ge=0.5, le=3600)] = 10.0
    """Seconds; default 10. A leader that could not renew for so long stops writing. Below duration_s."""

    retry_s: Annotated[float, Interval(ge=0.1, le=600)] = 2.0
    """Seconds; default 2. Pause between two attempts to acquire or renew. Below renew_deadline_s."""


@dataclass(frozen=True, slots=True)
class ExtenderSettings:
    """Towards kube-scheduler, in extender mode."""

    host: Host = "127.0.0.1"
    """Address; default 127.0.0.1. Where the extender listens, always with mutual TLS."""

    port: Annotated[int, Interval(ge=0, le=65_535)] = 8443
    """Port; default 8443. 0: any free port."""

    barrier_timeout_s: Annotated[float, Interval(ge=0.5, le=600)] = 30.0
    """Seconds; default 30. How long the first member in /bind waits for the last. Then all are refused, and none is bound."""

    http_timeout_s: Annotated[float, Interval(ge=1, le=900)] = 40.0
    """Seconds; default 40. kube-scheduler's patience with /bind. Above barrier_timeout_s, else it gives up before an answer."""

    filter_timeout_s: Annotated[float, Interval(ge=0.5, le=300)] = 5.0
    """Seconds; default 5. kube-scheduler's patience with /filter and /prioritize."""

    filter_patience_s: Annotated[float, Interval(ge=0, le=60)] = 1.0
    """Seconds; default 1. How long /filter waits for a plan that is being made. kube-scheduler runs one /filter at a time:
    raising it delays other pods, lowering it costs a retry of about a second. Below filter_timeout_s."""

    refused_ttl_s: Annotated[float, Interval(ge=1, le=3600)] = 30.0
    """Seconds; default 30. How long a node that kube-scheduler did not offer for a pod is not planned for it again."""

    max_body_bytes: Annotated[int, Interval(ge=64 * 1024, le=256 * MIB)] = 4 * MIB
    """Bytes; default 4 MiB. A larger request is refused before it is read. 5,000 node names are about 66 KiB, a pod up to 1.5 MiB."""


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Probes and metrics."""

    host: Host = "127.0.0.1"
    """Address; default 127.0.0.1. In a cluster 0.0.0.0, so that the kubelet and Prometheus reach it."""

    port: Annotated[int, Interval(ge=0, le=65_535)] = 8080
    """Port; default 8080. 0: any free port."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to standard error."""

    format: Literal["auto", "console", "json"] = "auto"
    """auto (default): lines for people on a terminal, JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """info (default): a line per decision."""


@dataclass(frozen=True, slots=True)
class CycleSettings:
    """The rhythm of decisions. A cycle starts when something has changed; there is no polling period."""

    min_interval_s: Annotated[float, Interval(ge=0, le=60)] = 0.02
    """Seconds; default 0.02. Least pause between two cycles, so that a burst of changes is decided at once.
    Raising it delays lone gangs by as much."""

    publish_delay_s: Annotated[float, Interval(ge=0, le=3600)] = 1.0
    """Seconds; default 1. How long a reason must hold before it is written. Raising it saves writes for gangs that start soon."""

    backoff_initial_s: Annotated[float, Interval(ge=0.01, le=3600)] = 1.0
    """Seconds; default 1. Pause of a gang after its first failed attempt; doubled after each further one."""

    backoff_max_s: Annotated[float, Interval(ge=0.01, le=86_400)] = 60.0
    """Seconds; default 60. The longest such pause."""


@with_config(strict=True, extra="forbid", allow_inf_nan=False)
@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. Groups are named after the rooms they speak to."""

    scheduler_names: Annotated[tuple[Name, ...], Len(1, 16)] = ("tutti",)
    """Names; default tutti. The values of spec.schedulerName that are ours. KubeRay, for one, insists on a name of its own."""

    namespace: Label = "tutti-system"
    """Name; default tutti-system. Where our Leases are."""

    api: ApiSettings = field(default_factory=ApiSettings)
    leader: LeaderSettings = field(default_factory=LeaderSettings)
    extender: ExtenderSettings = field(default_factory=ExtenderSettings)
    probes: ProbeSettings = field(default_factory=ProbeSettings)
    log: LogSettings = field(default_factory=LogSettings)
    cycle: CycleSettings = field(default_factory=CycleSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    policies: PolicySettings = field(default_factory=PolicySettings)


def check(settings: Settings) -> None:
    """Refuse values that are each fine and together are not. Raises: ConfigError."""
    leader, extender, cycle = settings.leader, settings.extender, settings.cycle
    for lower, low, upper, high in (
        ("leader.renew_deadline_s", leader.renew_deadline_s, "leader.duration_s", leader.duration_s),
        ("leader.retry_s", leader.retry_s, "leader.renew_deadline_s", leader.renew_deadline_s),
        (
            "extender.barrier_timeout_s",
            extender.barrier_timeout_s,
            "extender.http_timeout_s",
            extender.http_timeout_s,
        ),
        (
            "extender.filter_patience_s",
            extender.filter_patience_s,
            "extender.filter_timeout_s",
            extender.filter_timeout_s,
        ),
    ):
        if low >= high:
            raise ConfigError(f"{lower} is {low:g}, but must be below {upper}, which is {high:g}.")
    if cycle.backoff_initial_s > cycle.backoff_max_s:
        raise ConfigError(
            f"cycle.backoff_initial_s is {cycle.backoff_initial_s:g}, above cycle.backoff_max_s, which is {cycle.backoff_max_s:g}."
        )
    if leader.lease_name == leader.operator_lease_name:
        raise ConfigError(
            f"leader.lease_name and leader.operator_lease_name are both {leader.lease_name}; two processes cannot share a Lease."
        )
    if len(set(settings.scheduler_names)) < len(settings.scheduler_names):
        raise ConfigError("scheduler_names has a name twice.")
