"""
Stand-ins at the edge: five programs and a Go that behave as far as the local cluster can see, and fail when they are told to.

A file `NAME.says` beside a program makes it print that and end; `NAME.says-once` only the next time; `NAME.holds` keeps it from
becoming ready. For Go, `NAME.fails` makes building that program fail with these words and `NAME.holds` keeps it compiling.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scheduler.localcluster.programs import VERSIONS

PROGRAM = """#!{python} -IS
import sys

me = sys.argv[0]
name = me.rpartition("/")[2]
if "--version" in sys.argv:
    print(name, "version", {versions}[name])
    sys.exit()

import os, socket, ssl, threading

for file in (me + ".says", me + ".says-once"):
    if os.path.exists(file):
        words = open(file).read()
        if file.endswith("-once"):
            os.unlink(file)
        print(words, flush=True)
        if words.startswith("signal "):
            os.kill(os.getpid(), int(words.split()[1]))
        sys.exit(1)

RESOURCES = ", ".join(
    '{{"kind": "%s", "name": "%s", "namespaced": false}}' % each
    for each in (("ClusterRole", "roles"), ("ClusterRoleBinding", "bindings"), ("Namespace", "namespaces"))
)
BODY = '{{"items": [], "resources": [%s]}}' % RESOURCES


def serve(connection):
    try:
        connection = tls.wrap_socket(connection, server_side=True) if tls else connection
        stream = connection.makefile("rb")
        while request := stream.readline():
            length = 0
            while (line := stream.readline().strip().lower()):
                if line.startswith(b"content-length:"):
                    length = int(line.split()[1])
            stream.read(length)
            code = 503 if os.path.exists(me + ".holds") else 201 if request.startswith(b"POST") else 200
            head = "HTTP/1.1 %d x\\r\\nContent-Length: %d\\r\\n\\r\\n" % (code, len(BODY))
            connection.sendall((head + BODY).encode())
    except OSError:
        pass


flags = dict(word.removeprefix("--").partition("=")[::2] for word in sys.argv[1:])
address = flags.get("listen-client-urls") or flags.get("server-address") or flags["secure-port"]
port = int(address.rpartition(":")[2])
try:
    listener = socket.create_server(("127.0.0.1", port))
except OSError as error:
    sys.exit(f"listen tcp 127.0.0.1:{{port}}: bind: {{error.strerror.lower()}}")
tls = None
if name != "kwok":
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if name == "etcd":
        tls.load_cert_chain(flags["cert-file"], flags["key-file"])
    else:
        tls.load_cert_chain(flags["tls-cert-file"], flags["tls-private-key-file"])
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

GO = """#!/bin/sh
here=$(dirname "$0")
case "$1" in
version) echo "go version go$(cat "$here/version") linux/amd64" ;;
env) echo "$here/cache" ;;
list) printf 'a\\nb\\nc\\n' ;;
build)
    for word; do [ "$before" = -o ] && out=$word; before=$word; done
    name=$(basename "$out")
    echo "$name" >> "$here/built"
    if [ -f "$here/$name.fails" ]; then cat "$here/$name.fails" >&2; exit 1; fi
    while [ -f "$here/$name.holds" ]; do echo compiling >&2; sleep 0.05; done
    mkdir -p "$(dirname "$out")" && cp "$here/program" "$out" && chmod +x "$out"
    ;;
esac
"""


def write_programs(directory: Path) -> Path:
    """The five programs in a folder of their own."""
    directory.mkdir(parents=True)
    for name in VERSIONS:
        write_executable(directory / name, program())
    return directory


def program() -> str:
    """The text of each of them: what it does follows from its name."""
    return PROGRAM.format(python=os.path.realpath(sys.executable), versions=dict(VERSIONS))


def write_go(directory: Path, version: str = "1.26.4") -> Path:
    """A folder for PATH with this Go and nothing else that it needs."""
    directory.mkdir(parents=True)
    write_executable(directory / "go", GO)
    (directory / "program").write_text(program())
    (directory / "version").write_text(version)
    for tool in ("sh", "dirname", "basename", "cat", "cp", "mkdir", "chmod", "sleep", "printf"):
        (directory / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return directory


def write_executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def left_over(directory: Path) -> list[str]:
    """The command line of every process but this one that was started from the directory or in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if str(directory).encode() in words and int(entry.name) != os.getpid():
                found.append(words.replace(b"\0", b" ").decode())
    return found


def until(holds: Callable[[], object], *, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
