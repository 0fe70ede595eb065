"""
`LocalCluster`: a real control plane on 127.0.0.1 as plain child processes. The one name others use.

    with LocalCluster(directory, NodeShape(count=64)) as cluster:
        cluster.kubeconfig("admin")

*Theory of operation.* The state file is written before the first program starts and after each one, so another process
can always end exactly what was started. `up` walks one list: whatever of it is missing is started, made or applied; so
a second `up` finds nothing to do, and an `up` after a crash of one program starts that one again. An `up` that
fails ends what it started. `down` removes keys, data and state, and keeps logs and the audit log for reading.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from scheduler.localcluster import (
    access,
    build,
    components,
    filling,
    manifests,
    nodes,
    ports,
    processes,
    programs,
    state,
)
from scheduler.localcluster.apiserver import ApiServer
from scheduler.localcluster.components import APISERVER, ETCD, Plan
from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.identities import BY_NAME, IDENTITIES, bootstrap
from scheduler.localcluster.layout import Layout
from scheduler.localcluster.nodes import NodeShape
from scheduler.localcluster.options import ClusterOptions
from scheduler.localcluster.processes import Process
from scheduler.localcluster.progress import Progress, Step, silent

READY_WITHIN_S = 60.0
"""Each program on an idle machine needs under five seconds; this is for a machine that builds something beside it."""

GRACE_S: Mapping[str, float] = {APISERVER: 3.0}
"""How long a program may take to end by itself. The data goes anyway, so nothing is gained by waiting longer."""

_PORT_RACES = 3
_PORT_TAKEN = ("address already in use", "bind: permission denied")


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    name: str
    running: bool
    pid: int
    port: int
    log: Path


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What is there now; `running` is True only if every program is."""

    directory: Path
    running: bool
    endpoint: str
    nodes: int
    kubeconfig: Path | None
    audit_log: Path
    programs: tuple[ProgramStatus, ...]


class LocalCluster:
    """One control plane in one directory. Several live side by side, each in its own."""

    def __init__(
        self,
        directory: Path,
        nodes: NodeShape | Path = NodeShape(),  # noqa: B008 - frozen
        *,
        bin_dir: Path | None = None,
        options: ClusterOptions = ClusterOptions(),  # noqa: B008 - frozen
    ) -> None:
        self.layout = Layout(Path(directory).absolute())
        self._nodes = nodes
        self._bin_dir = bin_dir
        self._options = options

    def __enter__(self) -> LocalCluster:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self, progress: Progress = silent) -> ClusterStatus:
        """Make it run, whatever of it runs already. Raises LocalClusterError with nothing left running that was not before."""
        began = time.monotonic()
        wanted = nodes.manifests(self._nodes)
        applied = manifests.read(self._options.manifests)
        found = programs.find(self._bin_dir) or build.build(progress=progress)
        if found.origin != "cache":  # the cache was checked when it was built
            programs.check(found)
        with self._alone(), _disk_full(self.layout.root):
            for race in range(_PORT_RACES):
                try:
                    self._start(found.paths, self._choices(wanted), progress)
                    break
                except _PortLostError as error:
                    if race + 1 == _PORT_RACES or self._options.port:
                        raise LocalClusterError(str(error)) from error
            with self._undone_on_failure():
                server = self._server()
                progress(Step(f"{len(wanted)} nodes", time.monotonic() - began))
                filling.create_nodes(server, wanted)
                self._wait_for_helpers()
                filling.wait_settled(
                    server, {each["metadata"]["name"] for each in wanted}, give_up_after_s=READY_WITHIN_S
                )
                manifests.apply(server, applied)
                server.close()
                self._save(replace(self._known(), nodes=len(wanted), ready=True))
        progress(Step("control plane", time.monotonic() - began, done=True))
        return self.status()

    def down(self) -> bool:
        """End exactly the processes of this cluster; True if there were any. Safe to repeat, also after a crash."""
        if not self.layout.root.exists():
            return False
        with self._alone():
            return self._end()

    def status(self) -> ClusterStatus:
        """What runs now, from the state file and the process table; asks no server."""
        known = state.load(self.layout.state)
        entries = tuple(
            ProgramStatus(
                name, processes.is_alive(process), process.pid, known.ports[name], self.layout.log(name)
            )
            for name, process in (known.processes if known else {}).items()
            if known
        )
        return ClusterStatus(
            directory=self.layout.root,
            running=bool(known and known.ready and entries) and all(each.running for each in entries),
            endpoint=self.endpoint if known else "",
            nodes=known.nodes if known else 0,
            kubeconfig=self.kubeconfig("admin") if known and known.ready else None,
            audit_log=self.layout.audit_log,
            programs=entries,
        )

    @property
    def endpoint(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self._known().ports[APISERVER]}"

    @property
    def audit_log(self) -> Path:
        return self.layout.audit_log

    @property
    def binaries(self) -> dict[str, Path]:
        """The programs this cluster runs, by name; the dedicated kube-scheduler of extender mode is one of them."""
        return {name: Path(path) for name, path in self._known().binaries.items()}

    def kubeconfig(self, identity: str) -> Path:
        """The kubeconfig of one identity; everything it needs is inside the file."""
        if identity not in BY_NAME:
            raise LocalClusterError(
                f"There is no identity {identity!r}; there are {', '.join(sorted(BY_NAME))}."
            )
        return access.Access(self.layout.access).kubeconfig(identity)

    def log(self, program: str) -> Path:
        """Where the program writes; the file stays after `down`."""
        return self.layout.log(program)

    def stop(self, program: str) -> None:
        """End one program and leave it ended; `restart` or `up` brings it back with its data."""
        with self._alone():
            known = self._known()
            process = known.processes.get(program)
            if process is None:
                raise LocalClusterError(
                    f"No {program} runs in {self.layout.root}; it has {', '.join(known.processes) or 'nothing'}."
                )
            processes.stop([process], grace_s=GRACE_S.get(program, 5.0))

    def restart(self, program: str) -> None:
        """End one program if it runs, start it again on the same port, and wait until it is ready."""
        with contextlib.suppress(LocalClusterError):
            self.stop(program)
        with self._alone():
            plan = self._plan()
            if program not in plan.programs():
                raise LocalClusterError(
                    f"{program} is no part of this cluster; it has {', '.join(plan.programs())}."
                )
            self._spawn(plan, program)
            self._wait(plan, program)

    def _start(self, binaries: Mapping[str, Path], choices: str, progress: Progress) -> None:
        known = state.load(self.layout.state)
        living = (
            [name for name, process in known.processes.items() if processes.is_alive(process)]
            if known
            else []
        )
        if known and living and known.choices != choices:
            raise LocalClusterError(
                f"The cluster in {self.layout.root} runs with other nodes or options; take it down first or choose another directory."
            )
        if not living:
            self._end()
            self._lay_out(binaries, choices)
        plan = self._plan()
        with self._undone_on_failure(keep=bool(living)):
            for name in plan.programs():
                process = self._known().processes.get(name)
                if process is None or not processes.is_alive(process):
                    progress(Step(f"starting {name}"))
                    self._spawn(plan, name)
                if name in {ETCD, APISERVER}:  # the others wait for the API server by themselves
                    self._wait(plan, name)
                if name == APISERVER:  # before anybody who needs these rights asks and has to try again
                    server = self._server()
                    manifests.apply(server, [("the local cluster's own roles", each) for each in bootstrap()])
                    server.close()

    def _lay_out(self, binaries: Mapping[str, Path], choices: str) -> None:
        chosen = ports.choose(components.PORTS, given={APISERVER: self._options.port})
        shutil.rmtree(self.layout.logs, ignore_errors=True)
        self.layout.logs.mkdir(parents=True)
        self.layout.audit_log.unlink(missing_ok=True)
        self._save(
            state.State(
                token=secrets.token_hex(16),
                choices=choices,
                ports=chosen,
                binaries={name: str(path) for name, path in binaries.items()},
            )
        )
        access.make(self.layout.access, IDENTITIES, endpoint=self.endpoint)
        components.write(self._plan())

    def _spawn(self, plan: Plan, name: str) -> None:
        known = self._known()
        process = processes.spawn(
            components.command(plan, name), log=self.layout.log(name), token=known.token, cwd=self.layout.root
        )
        self._save(known.with_process(name, process))

    def _wait_for_helpers(self) -> None:
        plan = self._plan()
        for name in plan.programs()[2:]:
            self._wait(plan, name)

    def _wait(self, plan: Plan, name: str) -> None:
        """Until the program says it is ready; LocalClusterError with its last words if it ends or stays silent."""
        process = self._known().processes[name]
        give_up_at = time.monotonic() + READY_WITHIN_S
        if name == components.KWOK:
            server = ApiServer(f"http://127.0.0.1:{plan.ports[name]}", plan.access)
        else:
            server = ApiServer(plan.address(name), plan.access, "kube-apiserver-client")
        path = components.READY_PATH[name]
        ready = server.wait_ready(path=path, give_up_at=give_up_at, alive=lambda: processes.is_alive(process))
        server.close()
        if not ready:
            self._explain(name, process)

    def _explain(self, name: str, process: Process) -> None:
        log = self.layout.log(name)
        words = _last_words(log)
        if processes.is_alive(process):
            raise LocalClusterError(f"{name} was not ready within {READY_WITHIN_S:.0f} s; its log is {log}.")
        if any(sign in words for sign in _PORT_TAKEN):
            raise _PortLostError(
                f"A port of {name} was taken by another program just now ({words}); run it again."
            )
        if "no space left on device" in words:
            raise LocalClusterError(
                f"The disk of {self.layout.root} is full: {name} cannot write; free some space and run it again."
            )
        raise LocalClusterError(
            f"{name} ended before it was ready: {words or 'it said nothing'}; its log is {log}."
        )

    def _end(self) -> bool:
        known = state.load(self.layout.state)
        if known is None:
            return False
        running = dict(known.processes)
        strays = [each for each in processes.with_token(known.token) if each not in running.values()]
        first = [process for name, process in running.items() if name not in {ETCD, APISERVER}]
        alive = any(processes.is_alive(each) for each in [*running.values(), *strays])
        processes.stop([*first, *strays], grace_s=5.0)
        for name in (APISERVER, ETCD):
            if name in running:
                processes.stop([running[name]], grace_s=GRACE_S.get(name, 5.0))
        for directory in (self.layout.access, self.layout.etcd, self.layout.config):
            shutil.rmtree(directory, ignore_errors=True)
        self.layout.state.unlink(missing_ok=True)
        return alive

    @contextlib.contextmanager
    def _undone_on_failure(self, *, keep: bool = False) -> Iterator[None]:
        """End everything if the block fails, Ctrl-C included; `keep` spares a cluster that ran before."""
        was_ready = keep or self._known().ready
        try:
            yield
        except BaseException:
            if not was_ready:
                self._end()
            raise

    def _plan(self) -> Plan:
        known = self._known()
        binaries = {name: Path(path) for name, path in known.binaries.items()}
        return Plan(binaries, self.layout, access.Access(self.layout.access), known.ports, self._options)

    def _server(self) -> ApiServer:
        return ApiServer(self.endpoint, access.Access(self.layout.access))

    def _choices(self, wanted: list[nodes.Manifest]) -> str:
        return hashlib.sha256(
            (self._options.fingerprint() + json.dumps(wanted, sort_keys=True)).encode()
        ).hexdigest()

    def _known(self) -> state.State:
        known = state.load(self.layout.state)
        if known is None:
            raise LocalClusterError(
                f"No cluster runs in {self.layout.root}; start it with `tutti cluster up`."
            )
        return known

    def _save(self, fresh: state.State) -> None:
        state.save(self.layout.state, fresh)

    def _alone(self) -> contextlib.AbstractContextManager[None]:
        return state.alone(
            self.layout.lock, what=f"Another command works on the cluster in {self.layout.root}"
        )


class _PortLostError(Exception):
    """Between choosing a free port and using it, somebody else took it."""


def _last_words(log: Path) -> str:
    """The last line that says what went wrong, shortened."""
    try:
        lines = [
            line
            for line in log.read_text(encoding="utf-8", errors="replace")[-8000:].splitlines()
            if line.strip()
        ]
    except OSError:
        return ""
    telling = [
        line
        for line in lines
        if any(sign in line.lower() for sign in ("error", "fatal", "no space", "already in use", "fail"))
    ]
    return " ".join((telling or lines or [""])[-1].split())[-300:]


@contextlib.contextmanager
def _disk_full(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LocalClusterError(
                f"The disk of {directory} is full; free some space and run it again."
            ) from error
        raise LocalClusterError(
            f"{error.filename or directory} cannot be used ({error.strerror}); check the directory."
        ) from error
