"""What `tutti install` would apply."""

import pytest

from scheduler.cli import manifests
from scheduler.cli.images import PLACEHOLDER, with_image
from scheduler.config import Mode


def kinds(modes: frozenset[Mode]) -> list[tuple[str, str]]:
    return [
        (each["kind"], each["metadata"]["name"])
        for _, each in manifests.documents(manifests.everything(modes))
    ]


def test_definitions_come_first_then_the_namespace():
    found = [kind for kind, _ in kinds(frozenset({Mode.STANDALONE}))]
    assert found[:4] == ["CustomResourceDefinition"] * 3 + ["Namespace"]


def test_only_the_chosen_mode_is_installed():
    standalone, extender = (set(kinds(frozenset({mode}))) for mode in (Mode.STANDALONE, Mode.EXTENDER))
    assert ("ConfigMap", "tutti-kube-scheduler") in extender - standalone
    assert ("Secret", "tutti-kube-scheduler-token") in extender - standalone
    assert ("Deployment", "tutti-operator") in standalone & extender


def test_uninstall_knows_what_either_mode_installs():
    both = set(kinds(frozenset(Mode)))
    for mode in Mode:
        assert set(kinds(frozenset({mode}))) <= both


def test_what_the_other_mode_alone_has_is_known_and_nothing_that_both_share():
    found = {
        mode: [(each["kind"], each["metadata"]["name"]) for each in manifests.of_other_modes(mode)]
        for mode in Mode
    }
    assert found == {
        Mode.EXTENDER: [("PodDisruptionBudget", "tutti-scheduler"), ("Deployment", "tutti-scheduler")],
        Mode.STANDALONE: [
            ("ConfigMap", "tutti-kube-scheduler"),
            ("PodDisruptionBudget", "tutti-extender"),
            ("Deployment", "tutti-extender"),
            ("Secret", "tutti-kube-scheduler-token"),
        ],
    }


@pytest.mark.parametrize("mode", list(Mode))
def test_rights_for_bare_certificate_names_are_given_to_nobody_unasked(mode: Mode):
    users = [
        subject
        for _, each in manifests.documents(manifests.everything(frozenset({mode})))
        for subject in each.get("subjects") or ()
        if subject["kind"] != "ServiceAccount"
    ]
    assert users == []


@pytest.mark.parametrize("mode", list(Mode))
def test_the_given_image_replaces_the_placeholder_and_nothing_else(mode: Mode):
    files = manifests.documents(manifests.everything(frozenset({mode})))
    before = [image for _, each in files for image in images_of(each)]
    after = [image for _, each in files for image in images_of(with_image(each, "here/tutti:1"))]
    assert before.count(PLACEHOLDER) == 2, "the operator and the scheduler"
    assert after == ["here/tutti:1" if image == PLACEHOLDER else image for image in before]


def images_of(document: manifests.Manifest) -> list[str]:
    pod = (
        document.get("spec", {}).get("template", {}).get("spec", {})
        if document["kind"] == "Deployment"
        else {}
    )
    return [each["image"] for each in [*pod.get("initContainers", ()), *pod.get("containers", ())]]
