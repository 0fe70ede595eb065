"""What was promised, held against what was seen; and the whole of it as one document. Pure."""

from collections.abc import Mapping
from typing import Any

from scheduler.cli.demo.play import Half
from scheduler.cli.demo.story import Load
from scheduler.cli.demo.timeline import PARTIAL_AFTER_S


def broken_promises(load: Load, tutti: Half, plain: Half) -> list[str]:
    """Return a sentence for each thing that did not come out as promised. Empty: all did."""
    broken = []
    for gang in load.gangs:
        seen = tutti.measures.get(gang.name)
        if seen is None or not seen.is_whole:
            broken.append(
                f"Under Tutti {gang.name} has {seen.bound if seen else 0} of {gang.members} members bound, not all."
            )
        elif seen.ended < seen.size:
            broken.append(
                f"Under Tutti {gang.name} did not run to its end: {seen.ended} of {seen.size} members ended."
            )
    if not tutti.waiting:
        broken.append("No gang was seen waiting under Tutti.")
    for name, waiting in sorted(tutti.waiting.items()):
        if waiting.bound:
            broken.append(
                f"{name} had {waiting.bound} members bound while it waited; it should have had none."
            )
        if not waiting.message:
            broken.append(f"{name} waited without saying why.")
    if tutti.partial_gangs:
        broken.append(
            f"The watch saw {tutti.partial_gangs} partial gangs under Tutti; it should have seen none."
        )
    if plain.finished:
        broken.append(
            f"Pod by pod {plain.finished} gangs ran to their end; the load was meant to show a deadlock."
        )
    if plain.partial_gangs != len(load.gangs):
        broken.append(
            f"Pod by pod {plain.partial_gangs} gangs were partial; the load was meant to make all of them so."
        )
    return broken


def document(
    load: Load,
    tutti: Half,
    plain: Half,
    *,
    mode: str,
    versions: Mapping[str, str],
    cluster: Mapping[str, int],
) -> dict[str, Any]:
    """Return everything that was seen as plain values, for `--output json`."""
    broken = broken_promises(load, tutti, plain)
    return {
        "mode": mode,
        "versions": dict(versions),
        "cluster": dict(cluster),
        "partialAfterSeconds": PARTIAL_AFTER_S,
        "tutti": _half(load, tutti),
        "podByPod": _half(load, plain),
        "asPromised": not broken,
        "broken": broken,
    }


def _half(load: Load, half: Half) -> dict[str, Any]:
    return {
        "scheduler": half.scheduler,
        "gangs": [_gang(load, half, gang.name) for gang in load.gangs if gang.name in half.measures],
        "partialGangs": half.partial_gangs,
        "gangsFinished": half.finished,
        "gpusHeldByGangsThatCannotRun": half.gpus_held,
        "seconds": round(half.seconds, 3),
    }


def _gang(load: Load, half: Half, name: str) -> dict[str, Any]:
    seen, waiting = half.measures[name], half.waiting.get(name)
    return {
        "name": name,
        "size": seen.size,
        "gpus": load.gang(name).gpus,
        "bound": seen.bound,
        "ended": seen.ended,
        "secondsFromLastCreateToFirstBind": _rounded(seen.create_to_bind_s),
        "bindSpanSeconds": _rounded(seen.bind_span_s),
        "halfBoundSeconds": _rounded(seen.half_bound_s),
        "isPartial": seen.is_partial,
        "racks": half.racks.get(name),
        "reasonWhileWaiting": waiting.reason if waiting else None,
        "messageWhileWaiting": waiting.message if waiting else None,
        "boundWhileWaiting": waiting.bound if waiting else None,
        "remediesWhileWaiting": list(waiting.remedies) if waiting else None,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
