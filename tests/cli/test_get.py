"""`tutti get` against an API server of a few lines: what it shows is what the status says, by the names that the definitions have."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.cli import app

ROOT = Path(__file__).resolve().parents[2]
QUEUES = "/apis/scheduling.tutti.dev/v1alpha1/queues"
STATUS = {
    "usage": [{"name": "nvidia.com/gpu", "used": "6", "borrowed": "2"}],
    "dominantShare": 0.0625,
    "runningGroups": 3,
    "pendingGroups": 1,
    "pendingGPUs": 64,
    "conditions": [
        {
            "type": "Accepted",
            "status": "True",
            "reason": "AcceptedNotActedUpon",
            "message": "Kept: spec.order.",
        }
    ],
}
LISTS: dict[str, list[dict[str, Any]]] = {
    QUEUES: [
        {"metadata": {"name": "team-a"}, "spec": {"parent": "lab", "weight": 2}, "status": STATUS},
        {"metadata": {"name": "lab"}, "spec": {}},
    ]
}


class Lists(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = LISTS.get(self.path.partition("?")[0])
        body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": found or []}).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    path = tmp_path / "kubeconfig"
    address = f"http://127.0.0.1:{server.server_port}"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        f"clusters: [{{name: c, cluster: {{server: '{address}'}}}}]\n"
        "contexts: [{name: here, context: {cluster: c, user: u}}]\n"
        "users: [{name: u, user: {}}]\n"
    )
    yield path
    server.shutdown()
    serving.join()
    server.server_close()


def test_queues_are_shown_with_all_that_their_status_says(
    kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(("get", "queues", "--kubeconfig", str(kubeconfig), "-o", "json")) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert {name: first[name] for name in STATUS if name != "conditions"} == {
        name: value for name, value in STATUS.items() if name != "conditions"
    }
    assert (first["reason"], first["message"]) == ("AcceptedNotActedUpon", "Kept: spec.order.")
    assert (second["name"], second["pendingGPUs"], second["usage"]) == ("lab", None, [])


def test_queues_fit_on_a_terminal_of_80_columns(
    kubeconfig: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert app.run(("get", "queues", "--kubeconfig", str(kubeconfig))) == 0
    heads, first, second = capsys.readouterr().out.splitlines()
    assert heads.split() == ["QUEUE", "PARENT", "WEIGHT", "RUNNING", "PENDING", "GPUS", "SHARE", "AGE"]
    assert first.split() == ["team-a", "lab", "2", "3", "1", "64", "0.0625", "-"]
    assert second.split() == ["lab", "-", "1", "-", "-", "-", "-", "-"]


def test_fields_of_the_status_are_named_as_in_the_definition() -> None:
    definition = yaml.safe_load((ROOT / "crds" / "queue.yaml").read_text(encoding="utf-8"))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert set(STATUS) <= set(schema["properties"]["status"]["properties"])
