"""
The four verbs of a scheduler extender.

Every body is bounded before it is read and read before it is believed. Pods that are not ours pass through untouched: extenders
serve every profile of their kube-scheduler.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from fastapi import FastAPI, Request, Response

from scheduler.config import ExtenderSettings
from scheduler.driver.desk import Refusal
from scheduler.extender import wire
from scheduler.extender.desk import Desk
from scheduler.extender.wire import BadRequestError
from scheduler.model.ids import NodeName
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import Reason

BEST, WORST = 10, 0
JSON = "application/json"

Answer = Awaitable[msgspec.Struct | list[wire.HostPriority]]


class TooLargeError(Exception):
    """The body is larger than the limit."""


def make(desk: Desk, settings: ExtenderSettings, scheduler_names: tuple[str, ...]) -> FastAPI:
    """Return the application; it holds no state of its own."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    verbs = Verbs(desk, settings, frozenset(scheduler_names))

    async def answer(request: Request, verb: Callable[[bytes], Answer]) -> Response:
        desk.heard()
        if not desk.is_leading:
            return _plain(503, "not leader")
        try:
            body = await _body(request, settings.max_body_bytes)
            result = await verb(body)
        except TooLargeError:
            return _plain(413, f"The body is larger than {settings.max_body_bytes} bytes.")
        except (BadRequestError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
            return _plain(400, str(problem) or "The body cannot be read.")
        return Response(wire.encode(result), media_type=JSON)

    def route(path: str, verb: Callable[[bytes, Request], Answer]) -> None:
        async def endpoint(request: Request) -> Response:
            return await answer(request, lambda body: verb(body, request))

        # FastAPI's reading of parameters costs as much as the answer, and has nothing to read here.
        app.add_route(path, endpoint, methods=["POST"])

    route("/filter", lambda body, _: verbs.filter(body))
    route("/bind", verbs.bind)
    route("/prioritize", lambda body, _: verbs.prioritize(body))
    route("/preempt", lambda body, _: verbs.preempt(body))
    return app


class Verbs:
    """The verbs over decoded bodies."""

    def __init__(self, desk: Desk, settings: ExtenderSettings, scheduler_names: frozenset[str]) -> None:
        self._desk = desk
        self._settings = settings
        self._scheduler_names = scheduler_names

    async def filter(self, body: bytes) -> wire.ExtenderFilterResult:
        """Answer the planned node alone, the same every time; without a plan no node, and no preemption for one member."""
        args = wire.filter_args.decode(body)
        pod, names = wire.pod_of(args), wire.offered(args)
        if not self._is_ours(pod):
            return wire.chosen(args, frozenset(names))
        planned = await self._desk.planned_node(pod.ref, self._settings.filter_patience_s)
        if isinstance(planned, Refusal):
            return self._nowhere(names, planned)
        if planned not in names:
            self._desk.node_not_offered(pod.ref, frozenset(names))
            return self._nowhere(
                names,
                Refusal(
                    Reason.NODE_REFUSED, f"{planned} was planned and not offered; another plan is being made."
                ),
            )
        return wire.chosen(args, frozenset({planned}))

    async def prioritize(self, body: bytes) -> list[wire.HostPriority]:
        """Answer the highest score for the planned node and the lowest for all others."""
        args = wire.filter_args.decode(body)
        pod, names = wire.pod_of(args), wire.offered(args)
        planned = await self._desk.planned_node(pod.ref, 0.0) if self._is_ours(pod) else None
        return [wire.HostPriority(name, BEST if name == planned else WORST) for name in names]

    async def preempt(self, body: bytes) -> wire.ExtenderPreemptionResult:
        """Offer no victims for a member of a gang: preempting for one helps nobody. Others keep what kube-scheduler chose."""
        args = wire.preemption_args.decode(body)
        if self._is_ours(wire.pod_of(args)):
            return wire.ExtenderPreemptionResult({})
        chosen = dict(args.node_name_to_meta_victims or {})
        for node, victims in (args.node_name_to_victims or {}).items():
            pods = [wire._MetaPod(pod.metadata.uid) for pod in victims.pods or ()]
            chosen.setdefault(node, wire.MetaVictims(pods, victims.num_pdb_violations))
        return wire.ExtenderPreemptionResult(chosen)

    async def bind(self, body: bytes, request: Request) -> wire.ExtenderBindingResult:
        """Vote, and answer when the gang is bound or will not be. A caller that hangs up takes its vote back."""
        args = wire.binding_args.decode(body)
        wire.check_ref(args.ref)
        if not args.node or len(args.node) > wire.MAX_NAME:
            raise BadRequestError(f"Node must have 1 to {wire.MAX_NAME} characters.")
        error = await self._vote(args.ref, NodeName(args.node), request)
        return wire.ExtenderBindingResult(error or "")

    async def _vote(self, ref: MemberRef, node: NodeName, request: Request) -> str | None:
        voting = asyncio.ensure_future(self._desk.vote(ref, node))
        leaving = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({voting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return voting.result() if voting.done() else "the caller has gone"
        finally:
            voting.cancel()
            leaving.cancel()

    def _is_ours(self, pod: wire.Pod) -> bool:
        return pod.spec.scheduler_name in self._scheduler_names or self._desk.knows(pod.ref.uid)

    @staticmethod
    def _nowhere(names: tuple[NodeName, ...], refusal: Refusal) -> wire.ExtenderFilterResult:
        text = f"{refusal.reason}: {refusal.message}"
        return wire.ExtenderFilterResult(
            node_names=[], failed_and_unresolvable_nodes=dict.fromkeys(sorted(names), text)
        )


async def _gone(request: Request) -> None:
    """Return when the caller has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLargeError
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLargeError
        parts.append(part)
    return b"".join(parts)


def _plain(status: int, text: str) -> Response:
    return Response(text[:500] + "\n", status_code=status, media_type="text/plain")
