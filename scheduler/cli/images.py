"""The container image that `tutti install` puts into our Deployments in the place of the one that the manifests name."""

import re
from typing import Final

from scheduler.cli.errors import CommandError
from scheduler.cli.manifests import Manifest

PLACEHOLDER: Final = "tutti:0.1.0"

_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]+)?"
_TAG: Final = r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST: Final = r"@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}"
REFERENCE: Final = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?:{_TAG})?(?:{_DIGEST})?")
"""Source: the grammar in the package reference of github.com/distribution/reference."""


def checked(image: str) -> str:
    """Return the image if a container runtime can read its name. Raises: CommandError."""
    if not REFERENCE.fullmatch(image):
        raise CommandError(f"--image {image!r} is not the name of an image; write it as HOST/NAME:TAG.")
    return image


def with_image(document: Manifest, image: str) -> Manifest:
    """Return a workload with our image put in the place of the placeholder; anything else as it is."""
    pod = (
        document.get("spec", {}).get("template", {}).get("spec") if document["kind"] == "Deployment" else None
    )
    for container in [*pod.get("initContainers", ()), *pod.get("containers", ())] if pod else ():
        if container.get("image") == PLACEHOLDER:
            container["image"] = image
    return document
