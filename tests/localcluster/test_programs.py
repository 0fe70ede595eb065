"""The programs are found in order, and what is broken is named with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.localcluster import LocalClusterError, programs
from scheduler.localcluster.programs import VERSIONS
from tests.localcluster.fakes import write_executable, write_programs


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), **more}


def test_a_given_folder_comes_first_then_the_environment_then_the_cache(tmp_path: Path):
    assert programs.find(None, environ(tmp_path)) is None, "to be built"
    cached = write_programs(programs.cache_directory(environ(tmp_path)))
    assets, given = write_programs(tmp_path / "assets"), write_programs(tmp_path / "given")
    both = environ(tmp_path, KUBEBUILDER_ASSETS=str(assets))
    found = [programs.find(given, both), programs.find(None, both), programs.find(None, environ(tmp_path))]
    assert [(each.origin, each.paths["etcd"]) for each in found if each] == [
        ("given", given / "etcd"),
        ("environment", assets / "etcd"),
        ("cache", cached / "etcd"),
    ]


def test_incomplete_assets_were_meant_for_somebody_else(tmp_path: Path):
    cached = write_programs(programs.cache_directory(environ(tmp_path)))
    assets = write_programs(tmp_path / "assets")
    (assets / "kwok").unlink()
    found = programs.find(None, environ(tmp_path, KUBEBUILDER_ASSETS=str(assets)))
    assert found is not None
    assert found.paths["etcd"] == cached / "etcd"


def test_a_given_folder_without_a_program_is_refused(binaries: Path):
    (binaries / "kwok").unlink()
    with pytest.raises(LocalClusterError, match="has no kwok; give a folder with etcd, kube-apiserver"):
        programs.find(binaries)


def test_a_given_program_that_may_not_be_executed_is_named(binaries: Path):
    (binaries / "kwok").chmod(0o644)
    with pytest.raises(
        LocalClusterError, match=r"bin/kwok may not be executed; allow it with `chmod \+x .*bin/kwok`"
    ):
        programs.find(binaries)


def test_programs_of_the_cache_that_lost_their_rights_are_built_again(tmp_path: Path):
    cached = write_programs(programs.cache_directory(environ(tmp_path)))
    (cached / "kwok").chmod(0o644)
    assert programs.find(None, environ(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("\x7fELF and then nothing", r"kwok does not run \(Exec format error\)", id="damaged"),
        pytest.param("", r"kwok (does not run|--version ends)", id="empty"),
        pytest.param(
            "#!/nowhere/sh\n", r"kwok does not run \(No such file or directory\)", id="no-interpreter"
        ),
        pytest.param("#!/bin/sh\nkill -SEGV $$\n", "kwok --version ends with code -11", id="crashes"),
        pytest.param(
            "#!/bin/sh\nprintf '\\377\\376'\n",
            "--version ends with code 0 and names no version",
            id="binary-noise",
        ),
        pytest.param(
            "#!/bin/sh\ncat\n", "--version ends with code 0 and names no version", id="reads-the-terminal"
        ),
    ],
)
def test_a_broken_program_is_named_with_what_to_do(binaries: Path, text: str, sentence: str):
    write_executable(binaries / "kwok", text)
    found = programs.find(binaries)
    assert found is not None
    with pytest.raises(LocalClusterError, match=sentence) as refused:
        programs.check(found)
    assert "build it again with `tutti cluster build --force` or give another with --bin-dir" in str(
        refused.value
    )


def test_an_etcd_that_is_too_old_is_refused(binaries: Path):
    write_executable(binaries / "etcd", "#!/bin/sh\necho etcd Version: 3.5.12\n")
    found = programs.find(binaries)
    assert found is not None
    with pytest.raises(
        LocalClusterError, match=r"is version 3\.5\.12; this API server needs 3\.5\.13 or newer"
    ):
        programs.check(found)


def test_every_program_reports_the_version_it_was_built_from(binaries: Path):
    found = programs.find(binaries)
    assert found is not None
    assert programs.check(found) == dict(VERSIONS)
