"""What is installed from a wheel, without a checkout beside it, finds everything it applies or builds from."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import json
from benchmarks.live.run import options
from scheduler.cli import manifests
from scheduler.config import Mode
from scheduler.localcluster.recipes import RECIPES

found = {
    "root": str(manifests.root()),
    "installs": [str(path) for path in manifests.everything(frozenset(Mode))],
    "bench": [str(path) for path in options(manifests.definitions_and_roles()).manifests],
    "builds": [str(recipe.files() / name) for recipe in RECIPES for name in ("go.mod", "go.sum")],
}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip would fill it."""
    made, unpacked = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(made)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


@pytest.fixture(scope="module")
def found(site: Path) -> dict[str, Any]:
    """Where the installed copy looks."""
    shown = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return dict(json.loads(shown.stdout))


def names(paths: list[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def test_everything_comes_from_the_installed_copy(found: dict[str, Any], site: Path):
    everything = [found["root"], *found["installs"], *found["bench"], *found["builds"]]
    assert all(Path(path).is_relative_to(site) for path in everything)
    assert all(Path(path).exists() for path in everything)


def test_install_has_every_manifest_of_the_checkout(found: dict[str, Any]):
    shipped = [*(ROOT / "crds").glob("*.yaml"), *(ROOT / "deploy").glob("*.yaml")]
    assert names(found["installs"]) == sorted({path.name for path in shipped} - {"rbac-users.yaml"})


def test_the_benchmark_has_definitions_and_roles(found: dict[str, Any]):
    definitions = [path.name for path in (ROOT / "crds").glob("*.yaml")]
    assert names(found["bench"]) == sorted([*definitions, "rbac.yaml"])


def test_the_examples_that_the_demo_points_to_are_there(found: dict[str, Any]):
    examples = {path.name for path in (ROOT / "deploy" / "examples").glob("*.yaml")}
    assert {path.name for path in (Path(found["root"]) / "deploy" / "examples").iterdir()} == examples
