"""
`LocalCluster`: a real control plane on 127.0.0.1 as plain child processes. The one name others use.

    with LocalCluster(directory, NodeShape(count=64)) as cluster:
        cluster.kubeconfig("admin")

*Theory of operation.* The state file is written before the first program starts and after each one, so another process
can always end exactly what was started; a program started in the instant before it could be written down is found by its
token. `up` walks one list: whatever of it is missing is started, made or applied; so a second `up` finds nothing to do,
and an `up` after a crash, of one program or of an earlier `up`, goes on from there. An `up` that fails ends what it
started. `down` removes keys, data and state, and keeps logs and the audit log for reading.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from scheduler.localcluster import (
    access,
    build,
    components,
    failures,
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
from scheduler.localcluster.failures import PortLostError
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

_ANSWERS_WITHIN_S = 5.0
"""One question for readiness; another program on the port may never answer, while ours has ended."""

_PORT_RACES = 3


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
        self._said_before: dict[str, int] = {}  # bytes of a program's log that are of an earlier start

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
        self._check_directory()
        with self._alone():
            for race in range(1, _PORT_RACES + 1):
                try:
                    self._bring_up(found.paths, wanted, applied, progress)
                    break
                except PortLostError:
                    # Where something ran before, the ports are chosen for good; otherwise there are others to choose.
                    if race == _PORT_RACES or self.layout.state.exists():
                        raise
        progress(Step("control plane", time.monotonic() - began, done=True))
        return self.status()

    def down(self) -> bool:
        """End exactly the processes of this cluster; True if there were any. Safe to repeat, also after a crash."""
        if not self.layout.lock.exists():
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

    def _bring_up(
        self,
        binaries: Mapping[str, Path],
        wanted: list[nodes.Manifest],
        applied: list[tuple[Path, dict[str, Any]]],
        progress: Progress,
    ) -> None:
        """Start, make and apply whatever is missing; whatever this has started is ended if it fails, Ctrl-C included."""
        choices = self._choices(wanted)
        living = self._living()
        if living and self._known().choices != choices:
            raise LocalClusterError(
                f"The cluster in {self.layout.root} runs with other nodes or options; take it down first or choose another directory."
            )
        if not living:
            self._end()
        try:
            if not living:
                self._lay_out(binaries, choices)
            self._start(progress)
            self._fill(wanted, applied, progress)
        except BaseException:
            if living:
                processes.stop(self._living() - living, grace_s=5.0)
            else:
                self._end()
            raise

    def _start(self, progress: Progress) -> None:
        plan = self._plan()
        for name in plan.programs():
            if not self._runs(plan, name):
                progress(Step(f"starting {name}"))
                self._spawn(plan, name)
            if name in {ETCD, APISERVER}:  # the others wait for the API server by themselves
                self._wait(plan, name)
            if name == APISERVER:  # before anybody who needs these rights asks and has to try again
                server = self._server()
                manifests.apply(server, [("the local cluster's own roles", each) for each in bootstrap()])
                server.close()

    def _fill(
        self,
        wanted: list[nodes.Manifest],
        applied: list[tuple[Path, dict[str, Any]]],
        progress: Progress,
    ) -> None:
        progress(Step(f"{len(wanted)} nodes"))
        server = self._server()
        filling.create_nodes(server, wanted)
        plan = self._plan()
        for name in plan.programs()[2:]:
            self._wait(plan, name)
        names = {each["metadata"]["name"] for each in wanted}
        filling.wait_settled(server, names, give_up_after_s=READY_WITHIN_S)
        manifests.apply(server, applied)
        server.close()
        self._save(replace(self._known(), nodes=len(wanted), ready=True))

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

    def _runs(self, plan: Plan, name: str) -> bool:
        """Does the program run? One that an `up` started in the instant before it crashed is written down here."""
        known = self._known()
        process = known.processes.get(name)
        if process is not None and processes.is_alive(process):
            return True
        stray = processes.running(components.command(plan, name), token=known.token)
        if stray is not None:
            self._save(known.with_process(name, stray))
        return stray is not None

    def _spawn(self, plan: Plan, name: str) -> None:
        known, log = self._known(), self.layout.log(name)
        self._said_before[name] = log.stat().st_size if log.exists() else 0
        process = processes.spawn(
            components.command(plan, name), log=log, token=known.token, cwd=self.layout.root
        )
        self._save(known.with_process(name, process))

    def _wait(self, plan: Plan, name: str) -> None:
        """Until the program says it is ready; LocalClusterError with its last words if it ends or stays silent."""
        process, log = self._known().processes[name], self.layout.log(name)
        give_up_at = time.monotonic() + READY_WITHIN_S
        if name == components.KWOK:
            server = ApiServer(
                f"http://127.0.0.1:{plan.ports[name]}", plan.access, timeout_s=_ANSWERS_WITHIN_S
            )
        else:
            server = ApiServer(
                plan.address(name), plan.access, "kube-apiserver-client", timeout_s=_ANSWERS_WITHIN_S
            )
        path = components.READY_PATH[name]
        ready = server.wait_ready(path=path, give_up_at=give_up_at, alive=lambda: processes.is_alive(process))
        server.close()
        if ready:
            return
        if processes.is_alive(process):
            raise LocalClusterError(f"{name} was not ready within {READY_WITHIN_S:.0f} s; its log is {log}.")
        words = failures.last_words(log, since=self._said_before.get(name, 0))
        raise failures.ended_early(name, log, words, code=processes.exit_code(process), port=plan.ports[name])

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

    def _living(self) -> set[Process]:
        """The programs of this cluster that run now, as far as they are written down."""
        known = state.load(self.layout.state)
        return {each for each in known.processes.values() if processes.is_alive(each)} if known else set()

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

    def _check_directory(self) -> None:
        """`up` and `down` remove folders by their names, which in a folder of somebody else would be somebody else's."""
        root = self.layout.root
        with failures.of_files(root):
            if root.exists() and not self.layout.lock.exists() and any(root.iterdir()):
                raise LocalClusterError(
                    f"{root} holds something other than a local cluster; give a new or empty directory."
                )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One command at a time; what the system refuses to do with the files is told in a sentence."""
        busy = f"Another command works on the cluster in {self.layout.root}"
        with failures.of_files(self.layout.root), state.alone(self.layout.lock, what=busy):
            yield
