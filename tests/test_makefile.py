"""The Makefile names only what there is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_path_given_to_pytest_exists():
    paths = re.findall(r"\btests/[\w/.]+", MAKEFILE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_help_names_targets_that_there_are():
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([\w-]+) {2,}", MAKEFILE))
    assert {"demo", "test", "check", "bench", "faults", "setup", "clean"} <= named <= targets
