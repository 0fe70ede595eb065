"""Which names of images are names: as container runtimes read them."""

import pytest

from scheduler.cli import app
from scheduler.cli.errors import CommandError
from scheduler.cli.images import checked

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "image",
    [
        "tutti",
        "tutti:0.1.0",
        "registry.example/tutti:0.1.0",
        "localhost:5000/a/b_c/d__e/f-g:latest",
        "[::1]:5000/tutti",
        f"registry.example/tutti@{DIGEST}",
        f"registry.example/tutti:0.1.0@{DIGEST}",
    ],
)
def test_a_name_that_a_runtime_reads_is_taken(image: str):
    assert checked(image) == image


@pytest.mark.parametrize(
    "image",
    [
        "not an image",
        "Tutti:1",
        "https://registry.example/tutti",
        "registry.example/tutti:",
        "registry.example/tutti@sha256:12",
        "/tutti",
        "tutti/",
        "-tutti",
        "tutti:" + "x" * 129,
        "tutti:1\n",
    ],
)
def test_a_name_that_none_reads_is_refused_before_anything_is_asked(
    image: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(CommandError):
        checked(image)
    code = app.run(["install", "--dry-run", "--kubeconfig", "/nowhere/kubeconfig", "--image", image])
    said = capsys.readouterr().err
    assert (code, said) == (
        2,
        f"tutti: --image {image!r} is not the name of an image; write it as HOST/NAME:TAG.\n",
    )
