"""Everything we ship or show as YAML is taken by the API server: all of `crds/` and `deploy/`, and every example of the README."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.localcluster import LocalCluster
from tests.live.api import Api, ApiError

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[3]
FENCED = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
MISSPELT = """
apiVersion: scheduling.tutti.dev/v1alpha1
kind: PodGroup
metadata: {name: a}
spec: {minCount: 2, minMember: 2}
"""
NOT_FOR_THE_SERVER = {"kubescheduler.config.k8s.io/v1"}  # a file for kube-scheduler


def shown(text: str) -> list[dict[str, Any]]:
    """The objects of all fenced YAML blocks that hold any."""
    documents = [each for block in FENCED.findall(text) for each in yaml.safe_load_all(block)]
    return [each for each in documents if isinstance(each, dict) and "apiVersion" in each]


def shipped() -> list[Path]:
    return sorted([*(ROOT / "crds").rglob("*.yaml"), *(ROOT / "deploy").rglob("*.yaml")])


async def apply(admin: Api, document: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Apply without keeping it: a dry run passes defaulting, validation and admission."""
    version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    found = await admin.get(base)
    resource = next(each for each in found["resources"] if each["kind"] == kind and "/" not in each["name"])
    where = f"/namespaces/{metadata.get('namespace', namespace)}" if resource["namespaced"] else ""
    return await admin.request(
        "PATCH",
        f"{base}{where}/{resource['name']}/{metadata['name']}",
        document,
        content_type="application/apply-patch+yaml",
        params={"fieldManager": "examples", "force": "true", "dryRun": "All", "fieldValidation": "Strict"},
    )


@pytest.mark.parametrize("file", shipped(), ids=lambda path: str(path.relative_to(ROOT)))
async def test_what_is_shipped_is_taken(admin: Api, namespace: str, file: Path) -> None:
    documents = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    assert documents
    for document in documents:
        answer = await apply(admin, document, namespace)
        assert answer["kind"] == document["kind"]


async def test_what_the_readme_shows_is_taken(admin: Api, namespace: str) -> None:
    for document in shown((ROOT / "README.md").read_text(encoding="utf-8")):
        if document["apiVersion"] not in NOT_FOR_THE_SERVER:
            await apply(admin, document, namespace)


async def test_a_misspelt_field_would_not_be_taken(admin: Api, namespace: str) -> None:
    example = shown(f"```yaml\n{MISSPELT}```\n")
    with pytest.raises(ApiError, match=r"spec\.minMember"):
        await apply(admin, example[0], namespace)


@pytest.mark.parametrize("file", ["standalone", "operator", "extender"])
async def test_pods_of_our_deployments_pass_the_restricted_policy(admin: Api, file: str) -> None:
    """The namespace enforces it, on pods and not on Deployments: so each template is tried as a pod."""
    for document in yaml.safe_load_all((ROOT / "deploy" / f"{file}.yaml").read_text(encoding="utf-8")):
        if document["kind"] != "Deployment":
            continue
        template = document["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": f"try-{file}", "namespace": "tutti-system"},
            "spec": template["spec"],
        }
        await apply(admin, pod, "tutti-system")
        privileged = {**pod, "spec": {**pod["spec"], "hostNetwork": True}}
        with pytest.raises(ApiError, match="violates PodSecurity"):
            await apply(admin, privileged, "tutti-system")


async def test_requests_of_our_accounts_get_our_share(admin: Api, cluster: LocalCluster) -> None:
    """Really applied: each answer says by which flow schema the request was classified."""
    documents = list(yaml.safe_load_all((ROOT / "deploy/flow-control.yaml").read_text(encoding="utf-8")))
    plural = {"FlowSchema": "flowschemas", "PriorityLevelConfiguration": "prioritylevelconfigurations"}
    made: dict[str, str] = {}
    paths = [
        f"/apis/{each['apiVersion']}/{plural[each['kind']]}/{each['metadata']['name']}" for each in documents
    ]
    lease = "/apis/coordination.k8s.io/v1/namespaces/tutti-system/leases/tutti-scheduler"
    try:
        for path, document in zip(paths, documents, strict=True):
            applied = await admin.patch(path, document, "apply")
            if document["kind"] == "FlowSchema":
                made[applied["metadata"]["uid"]] = document["metadata"]["name"]
        async with Api(cluster.kubeconfig("tutti-scheduler")) as scheduler:

            async def classified() -> list[str | None]:
                return [await _flow_schema(scheduler, path, made) for path in ("/api/v1/nodes", lease)]

            await admin.until(classified, lambda names: names == ["tutti", "tutti-leader-election"])
        assert await _flow_schema(admin, "/api/v1/nodes", made) is None
    finally:
        for path in paths:
            with contextlib.suppress(ApiError):
                await admin.delete(path)


async def _flow_schema(api: Api, path: str, known: dict[str, str]) -> str | None:
    async with api.session.get(path, params={"limit": "1"}) as answer:
        return known.get(answer.headers["X-Kubernetes-Pf-Flowschema-Uid"])
