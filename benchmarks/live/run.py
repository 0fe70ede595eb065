"""One run of the live suite: warm-up, ceiling, then every scheduler on every case in turn, repeated; all on one control plane."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.live import audit
from benchmarks.live.cases import CASES, RACK_LABEL, Case
from benchmarks.live.ceiling import measure
from benchmarks.live.client import Client
from benchmarks.live.rivals import NATIVE, TUTTI, Rival, RunningTutti, running_tutti
from benchmarks.live.submit import make_namespace, remove, settle, submit, wait_bound
from benchmarks.measures import (
    PodRecord,
    after_last_create_s,
    bind_rate,
    bind_span_s,
    create_rate,
    decision_gap_s,
    end_to_end_s,
    summary,
    widest_gang_window_s,
)
from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape


def options(manifests: tuple[Path, ...], cases: Sequence[Case] = ()) -> ClusterOptions:
    """
    Return one control plane for all: native gang scheduling on, Tutti's definitions and rights applied, writes made durable.

    Native topology constraints are an alpha feature, and on only where a case asks for a rack.
    """
    gates = {"GenericWorkload": True}
    if any(case.in_one_rack for case in cases):
        gates["TopologyAwareWorkloadScheduling"] = True
    return ClusterOptions(
        manifests=manifests,
        feature_gates=gates,
        runtime_config={"scheduling.k8s.io/v1beta1": True},
        etcd_fsync=True,
    )


WARM_UP = Case("warm-up", 2, 50)
IDLE_S = 20.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `mode` is Tutti's; `native` adds the rival."""

    cases: tuple[str, ...]
    repeats: int
    mode: str
    nodes: int = 1000
    native: bool = True


@dataclass(frozen=True, slots=True)
class Repeat:
    """One scheduler on one case, once. Times in seconds, rates per second."""

    scheduler: str
    case: str
    repeat: int
    pods: int
    figures: dict[str, float]


@dataclass(slots=True)
class Findings:
    """Everything measured in one run."""

    repeats: list[Repeat] = field(default_factory=list)
    footprint: dict[str, float] = field(default_factory=dict)

    def values(self, scheduler: str, case: str, figure: str) -> list[float]:
        """Return one figure over the repeats."""
        return [r.figures[figure] for r in self.repeats if r.scheduler == scheduler and r.case == case]


def run(plan: Plan, directory: Path, tell: Tell, *, manifests: tuple[Path, ...]) -> Findings:
    """
    Run `plan` on a control plane of its own below `directory`; `tell` hears one line per step.

    `manifests`: Tutti's definitions and roles, the only part of it that the control plane itself needs.

    Raises: LocalClusterError, RivalError, StuckError, VoidRunError, RefusedError, each with a sentence.
    """
    tell(f"starting a control plane with {plan.nodes:,} nodes of 8 GPUs")
    shape = NodeShape(
        count=plan.nodes, gpus=8, racks=max(1, plan.nodes // 50), blocks=max(1, plan.nodes // 250)
    )
    with LocalCluster(
        directory / "cluster", shape, options=options(manifests, [CASES[name] for name in plan.cases])
    ) as cluster:
        return asyncio.run(_run(plan, cluster, directory, tell))


async def _run(plan: Plan, cluster: LocalCluster, directory: Path, tell: Tell) -> Findings:
    findings = Findings()
    generator, admin = cluster.kubeconfig("generator"), cluster.kubeconfig("admin")
    async with Client(generator) as creator, Client(admin) as cleaner:
        nodes = {
            node["metadata"]["name"]: node["metadata"]["labels"][RACK_LABEL]
            for node in (await cleaner.get("/api/v1/nodes"))["items"]
        }
        with running_tutti(cluster, plan.mode, directory) as tutti:
            bench = _Bench(cluster.audit_log, creator, cleaner, nodes, findings, tell)
            tell("warm-up, not counted")
            await bench.ceiling(WARM_UP, 0, counted=False)
            await bench.scheduler(TUTTI, WARM_UP, 0, counted=False)
            for repeat in range(1, plan.repeats + 1):
                for name in plan.cases:
                    await bench.ceiling(CASES[name], repeat)
                    await bench.scheduler(TUTTI, CASES[name], repeat, tutti=tutti)
                    if plan.native:
                        await bench.scheduler(NATIVE, CASES[name], repeat)
    return findings


@dataclass(slots=True)
class _Bench:
    log: Path
    creator: Client
    cleaner: Client
    nodes: dict[str, str]  # rack by node
    findings: Findings
    tell: Tell

    async def ceiling(self, case: Case, repeat: int, *, counted: bool = True) -> None:
        namespace = _namespace("raw", case, repeat)
        await settle(self.log)
        found = await measure(
            self.cleaner, self.cleaner, audit.mark(self.log), case, namespace, list(self.nodes)
        )
        if counted:
            self._note("ceiling", case, repeat, found.pods, {})

    async def scheduler(
        self,
        rival: Rival,
        case: Case,
        repeat: int,
        *,
        counted: bool = True,
        tutti: RunningTutti | None = None,
    ) -> None:
        namespace = _namespace(rival.name, case, repeat)
        await settle(self.log)
        start = audit.mark(self.log)
        await make_namespace(self.cleaner, namespace)
        await submit(self.creator, rival, case, namespace)
        bound = await wait_bound(self.cleaner, start, namespace, case.pods, timeout_s=180)
        records = audit.pods_since(start, namespace)
        seen = sum(1 for record in records if record.bound_by == rival.user)
        if seen != len(bound):
            raise audit.VoidRunError(
                f"The audit log shows {seen} pods bound by {rival.user} in {namespace}, the API server {len(bound)}."
            )
        racks = [
            {self.nodes[bound[pod]] for of, pod in case.members() if of == gang} for gang in case.gang_names()
        ]
        placed = {"racksOfWidestGang": float(max(map(len, racks)))}
        if tutti is not None and case.pods > self.findings.footprint.get("pods", 0):
            await self._footprint(tutti, case)
        await remove(self.cleaner, rival, case, namespace)
        if counted:
            self._note(rival.name, case, repeat, records, placed)

    async def _footprint(self, tutti: RunningTutti, case: Case) -> None:
        await asyncio.sleep(5)  # kubelets' status updates come to rest
        before = tutti.cpu_s()
        await asyncio.sleep(IDLE_S)
        self.findings.footprint = {
            "pods": case.pods,
            "nodes": len(self.nodes),
            "rssMiB": round(tutti.rss_bytes() / 2**20, 1),
            "idleCpuPercentOfCore": round((tutti.cpu_s() - before) / IDLE_S * 100, 2),
        }

    def _note(
        self, scheduler: str, case: Case, repeat: int, records: Sequence[PodRecord], placed: dict[str, float]
    ) -> None:
        figures = {
            "endToEnd_s": end_to_end_s(records),
            "afterLastCreate_s": after_last_create_s(records),
            "decisionGap_s": decision_gap_s(records),
            "bindSpan_s": bind_span_s(records),
            "bindRate": bind_rate(records),
            "createRate": create_rate(records),
            "widestGangWindow_s": widest_gang_window_s(records),
            **placed,
        }
        rounded = {name: round(value, 3) for name, value in figures.items()}
        self.findings.repeats.append(Repeat(scheduler, case.name, repeat, case.pods, rounded))
        self.tell(
            f"{case.name:>10}  {scheduler:<8} repeat {repeat}: end to end {rounded['endToEnd_s']:.2f} s, "
            f"gap {rounded['decisionGap_s']:+.3f} s, {rounded['bindRate']:.0f} binds/s"
        )


def results(plan: Plan, findings: Findings, origin: dict[str, Any]) -> dict[str, Any]:
    """Return the document that is saved: provenance, every repeat, and medians with ranges."""
    cases = {}
    for name in plan.cases:
        schedulers = [s for s in ("ceiling", "tutti", "native") if findings.values(s, name, "endToEnd_s")]
        rows: dict[str, Any] = {
            scheduler: {
                figure: asdict(summary(findings.values(scheduler, name, figure)))
                for figure in next(
                    r for r in findings.repeats if r.scheduler == scheduler and r.case == name
                ).figures
            }
            for scheduler in schedulers
        }
        share = _ratios(findings, name, "bindRate", "tutti", "ceiling")
        rows["ratios"] = {"bindRateShareOfCeiling": asdict(summary(share))}
        if "native" in schedulers:
            rows["ratios"]["timesFasterThanNative"] = asdict(
                summary(_ratios(findings, name, "endToEnd_s", "native", "tutti"))
            )
        cases[name] = rows
    return {
        "schemaVersion": 1,
        "scenario": "live",
        "plan": asdict(plan),
        "provenance": origin,
        "clientConnections": 64,
        "loadAverageAtEnd": os.getloadavg()[0],
        "cases": cases,
        "footprint": findings.footprint,
        "repeats": [asdict(repeat) for repeat in findings.repeats],
    }


def _ratios(findings: Findings, case: str, figure: str, above: str, below: str) -> list[float]:
    """Return the ratio within each repeat, so that neighbours in time are compared."""
    return [
        a / b
        for a, b in zip(
            findings.values(above, case, figure), findings.values(below, case, figure), strict=True
        )
    ]


def _namespace(who: str, case: Case, repeat: int) -> str:
    return f"bench-{who}-{case.name}-{repeat}"
