"""`tutti install` and `uninstall` as an administrator calls them, on a control plane of their own, which has nothing of ours."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from tests.live.api import Api

pytestmark = pytest.mark.live

IMAGE = "registry.example/tutti:1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACE = "/api/v1/namespaces/tutti-system"
DEPLOYMENTS = "/apis/apps/v1/namespaces/tutti-system/deployments"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane that has nothing of ours."""
    options = ClusterOptions(etcd_fsync=False)
    with LocalCluster(tmp_path_factory.mktemp("bare"), NodeShape(count=1), options=options) as running:
        yield running


@pytest_asyncio.fixture
async def root(bare: LocalCluster) -> AsyncIterator[Api]:
    async with Api(bare.kubeconfig("admin")) as api:
        yield api


def tutti(cluster: LocalCluster, *words: str, who: str = "admin", code: int = 0) -> tuple[str, str]:
    shown = subprocess.run(
        [sys.executable, "-m", "scheduler.cli", *words, "--kubeconfig", str(cluster.kubeconfig(who))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == code, shown.stdout + shown.stderr
    return shown.stdout, shown.stderr


def rows(shown: tuple[str, str]) -> dict[tuple[str, str], str]:
    return {(each["kind"], each["name"]): each["result"] for each in json.loads(shown[0])}


async def deployed(root: Api) -> set[str]:
    return {each["metadata"]["name"] for each in await root.list(DEPLOYMENTS)}


async def gone(root: Api) -> None:
    """Wait until an uninstalled namespace is really gone."""
    await root.until(lambda: root.find(NAMESPACE), lambda found: found is None)


async def undefined(root: Api) -> None:
    """Wait until no definition of ours is left."""
    await root.until(
        lambda: root.list(DEFINITIONS),
        lambda found: not any(each["spec"]["group"] == "scheduling.tutti.dev" for each in found),
    )


async def test_installing_one_mode_over_the_other_removes_what_that_one_alone_has(
    bare: LocalCluster, root: Api
) -> None:
    tutti(bare, "install", "--image", IMAGE)
    assert await deployed(root) == {"tutti-operator", "tutti-scheduler"}
    extender = ("install", "--mode", "extender", "--image", IMAGE, "-o", "json")

    told = rows(tutti(bare, *extender, "--dry-run"))
    assert told["Deployment", "tutti-scheduler"] == "would be removed"
    assert told["Deployment", "tutti-extender"] == "would be created"
    assert told["ServiceAccount", "tutti-scheduler"] == "would be updated"
    assert await deployed(root) == {"tutti-operator", "tutti-scheduler"}, "a dry run does nothing"

    told = rows(tutti(bare, *extender))
    assert told["Deployment", "tutti-scheduler"] == "removed"
    assert told["PodDisruptionBudget", "tutti-scheduler"] == "removed"
    await root.until(lambda: deployed(root), lambda found: found == {"tutti-extender", "tutti-operator"})

    told = rows(tutti(bare, *extender))
    assert ("Deployment", "tutti-scheduler") not in told, "nothing is left to remove"
    told = rows(tutti(bare, "install", "--image", IMAGE, "-o", "json"))
    assert told["Secret", "tutti-kube-scheduler-token"] == "removed"
    await root.until(lambda: deployed(root), lambda found: found == {"tutti-operator", "tutti-scheduler"})


async def test_uninstall_removes_all_and_a_namespace_that_is_going_is_named(
    bare: LocalCluster, root: Api
) -> None:
    tutti(bare, "install", "--image", IMAGE)
    _, said = tutti(bare, "uninstall", code=2)
    assert said == (
        "tutti: Every PodGroup, Queue and Topology goes with the definitions; say --yes if that is meant.\n"
    )
    assert await deployed(root)

    kept = {"name": "kept", "finalizers": ["example.com/slow"]}
    await root.create(f"{NAMESPACE}/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": kept})
    told = rows(tutti(bare, "uninstall", "--yes", "-o", "json"))
    assert set(told.values()) <= {"removed", "not there"}
    for words in (("--dry-run",), ()):
        _, said = tutti(bare, "install", "--image", IMAGE, *words, code=2)
        assert said.startswith(
            "tutti: Namespace tutti-system is being removed; wait until it is gone "
            "(`kubectl wait --for=delete namespace/tutti-system`) and run this again"
        )
        assert len(said.splitlines()) == 1

    await root.patch(f"{NAMESPACE}/configmaps/kept", {"metadata": {"finalizers": None}})
    await gone(root)
    told = rows(tutti(bare, "install", "--image", IMAGE, "-o", "json"))
    assert told["Deployment", "tutti-operator"] == "created"


async def test_a_failure_in_the_middle_says_what_is_done_and_running_it_again_goes_on(
    bare: LocalCluster, root: Api
) -> None:
    tutti(bare, "uninstall", "--yes")
    await gone(root)
    await undefined(root)
    # The role `edit` lets the tenant create the ServiceAccounts that follow; what comes then it may not.
    given = await allowed(root, "customresourcedefinitions.apiextensions.k8s.io", "namespaces")
    _, said = tutti(bare, "install", "--image", IMAGE, who="tenant", code=2)
    assert "rbac.yaml: ClusterRole tutti-reader was not applied: " in said
    assert said.endswith("; the 7 objects before it are done, and running it again goes on from there.\n")
    assert (await root.get(NAMESPACE))["metadata"]["name"] == "tutti-system"
    told = rows(tutti(bare, "install", "--image", IMAGE, "-o", "json"))
    assert told["Namespace", "tutti-system"] == "applied"
    assert told["Deployment", "tutti-scheduler"] == "created"
    await root.delete(given)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("get", "groups"), "podgroups"),
        (("topology", "show"), "podgroups, queues, topologies"),
        (("snapshot", "-"), "podgroups, queues, topologies"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_where_nothing_is_installed_that_is_said_at_once(
    bare: LocalCluster, words: tuple[str, ...], kinds: str
) -> None:
    tutti(bare, "uninstall", "--yes", "--crds-only")
    _, said = tutti(bare, *words, code=2)
    assert said == f"tutti: The API server does not know {kinds}; run `tutti install --crds-only`.\n"


def test_installing_without_an_image_warns_and_goes_on(bare: LocalCluster) -> None:
    out, said = tutti(bare, "install", "--dry-run")
    assert "Deployment" in out
    assert said.startswith("tutti: Without --image the Deployments name tutti:0.1.0, which is in no registry")
    assert tutti(bare, "install", "--dry-run", "--crds-only")[1] == ""


async def allowed(root: Api, *resources: str) -> str:
    """Give the tenant these rights for the whole cluster; return the path of what gives them."""
    rules: list[dict[str, Any]] = []
    for each in resources:
        plural, _, group = each.partition(".")
        rules.append({"apiGroups": [group], "resources": [plural], "verbs": ["get", "create", "patch"]})
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "half"}}
    await root.create(f"{RBAC}/clusterroles", {**head, "kind": "ClusterRole", "rules": rules})
    subject = {"kind": "User", "name": "tenant", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "ClusterRole", "name": "half", "apiGroup": "rbac.authorization.k8s.io"}
    await root.create(
        f"{RBAC}/clusterrolebindings",
        {**head, "kind": "ClusterRoleBinding", "subjects": [subject], "roleRef": reference},
    )
    return f"{RBAC}/clusterroles/half"
