"""What is shipped as YAML, read without a cluster: definitions are complete, deployments are hardened, and both agree with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from scheduler.config import ExtenderSettings, load
from scheduler.dialects import own
from scheduler.dialects.own import GROUP, OWN, VERSION, parse_queue, parse_topology, unsupported
from scheduler.extender.kube_scheduler import Election, configuration
from scheduler.extender.pki import Pki
from scheduler.model.ids import AttemptId, NodeName, PodUid
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberFailure, Profile, RecordedMember

ROOT = Path(__file__).resolve().parents[1]
Json = dict[str, Any]


def documents(path: Path) -> list[Json]:
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


DEFINITIONS = {
    each["spec"]["names"]["kind"]: each for path in (ROOT / "crds").glob("*.yaml") for each in documents(path)
}
DEPLOYED = [each for path in sorted((ROOT / "deploy").glob("*.yaml")) for each in documents(path)]
EXAMPLES = [
    each for path in sorted((ROOT / "deploy" / "examples").glob("*.yaml")) for each in documents(path)
]

SHOWN = [
    each
    for block in re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)
    for each in yaml.safe_load_all(block)
]


def schema_of(kind: str) -> Json:
    (version,) = DEFINITIONS[kind]["spec"]["versions"]
    schema: Json = version["schema"]["openAPIV3Schema"]
    return schema


def fields(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Every schema inside `schema`, with the path of its field; `metadata` is described by Kubernetes."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        if (path, name) not in {(kind, "metadata") for kind in DEFINITIONS}:
            yield from fields(inner, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from fields(schema[key], f"{path}{mark}")


ALL_FIELDS = [each for kind in sorted(DEFINITIONS) for each in fields(schema_of(kind), kind)]


def at(kind: str, path: str) -> Json:
    return dict(ALL_FIELDS)[f"{kind}.{path}"]


def lacks(schema: Json) -> list[str]:
    """What a field must say of itself and does not."""
    kind = "int-or-string" if schema.get("x-kubernetes-int-or-string") else schema.get("type")
    bounds = {
        "string": ["maxLength"],
        "integer": ["minimum", "maximum", "format"],
        "number": ["minimum", "maximum"],
        "array": ["maxItems", "items", "x-kubernetes-list-type"],
        "int-or-string": ["minimum", "maximum", "maxLength", "pattern"],
        "object": ["maxProperties"] if "additionalProperties" in schema else ["properties"],
        "boolean": [],
    }[kind or ""]
    said = schema.get("description", "")
    return [name for name in bounds if name not in schema] + (
        [] if said[:1].isupper() and said.endswith(".") else ["a description that is a sentence"]
    )


@pytest.mark.parametrize("path, schema", ALL_FIELDS, ids=[path for path, _ in ALL_FIELDS])
def test_every_field_is_bounded_and_described(path: str, schema: Json) -> None:
    assert lacks(schema) == []


def test_the_walk_sees_a_field_without_bounds_or_description() -> None:
    bare = {"properties": {"spec": {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}}
    found = dict(fields(bare, "Bare"))
    assert lacks(found["Bare.spec.a"]) == ["maxLength", "a description that is a sentence"]
    assert lacks(found["Bare.spec.b"]) == ["minimum", "maximum", "format", "a description that is a sentence"]


def test_nothing_escapes_the_schema() -> None:
    for path, schema in ALL_FIELDS:
        assert not schema.get("x-kubernetes-preserve-unknown-fields"), path
        assert not schema.get("nullable"), path


def test_patterns_match_whole_values() -> None:
    for path, schema in ALL_FIELDS:
        if "pattern" in schema:
            assert schema["pattern"].startswith("^"), path
            assert schema["pattern"].endswith("$"), path


def test_every_rule_across_fields_has_a_message() -> None:
    for path, schema in ALL_FIELDS:
        for rule in schema.get("x-kubernetes-validations", ()):
            assert rule.get("message"), path


@pytest.mark.parametrize("kind", ["PodGroup", "Queue", "Topology"])
def test_definitions_are_named_as_the_code_names_them(kind: str) -> None:
    spec = DEFINITIONS[kind]["spec"]
    (version,) = spec["versions"]
    assert (spec["group"], version["name"]) == (GROUP, VERSION)
    assert version["subresources"] == {"status": {}}
    assert spec["scope"] == ("Namespaced" if kind == "PodGroup" else "Cluster")


def test_columns_are_those_of_the_product() -> None:
    (version,) = DEFINITIONS["PodGroup"]["spec"]["versions"]
    columns = [column["name"].upper() for column in version["additionalPrinterColumns"]]
    assert columns == ["MIN", "BOUND", "PHASE", "QUEUE", "REASON", "ETA", "AGE"]
    assert DEFINITIONS["PodGroup"]["spec"]["names"]["shortNames"] == ["tpg"]


def test_the_schema_holds_every_field_of_the_commit_record() -> None:
    member = RecordedMember("p", PodUid("u"), NodeName("n"), 0)
    full = Attempt(AttemptId("a"), 1, 1, 1, AttemptPhase.COMMITTED, (member,), 1, 1.0, 1.0, "why")
    record = OWN.attempt_status(full)
    schema = at("PodGroup", "status.attempt")
    assert set(record) - set(schema["properties"]) == set()
    assert set(schema["required"]) <= set(record)
    lines = record["members"]
    assert isinstance(lines, list)
    assert set(lines[0]) == set(at("PodGroup", "status.attempt.members[]")["properties"])


@pytest.mark.parametrize(
    "path, words",
    [
        ("status.attempt.phase", list(AttemptPhase)),
        ("spec.topology.profile", list(Profile)),
        ("spec.onMemberFailure", list(MemberFailure)),
    ],
)
def test_closed_lists_are_the_same_in_schema_and_code(path: str, words: list[str]) -> None:
    assert sorted(at("PodGroup", path)["enum"]) == sorted(map(str, words))


def test_fields_said_to_be_unsupported_are_fields() -> None:
    for path in own._NOT_ACTED_UPON:
        assert at("PodGroup", f"spec.{path}")


def test_a_group_of_defaults_asks_for_nothing_unsupported() -> None:
    spec = at("PodGroup", "spec")
    defaults = {name: each["default"] for name, each in spec["properties"].items() if "default" in each}
    topology = at("PodGroup", "spec.topology")["properties"]["profile"]["default"]
    assert unsupported({**defaults, "minCount": 1, "topology": {"profile": topology}}) == ()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_examples_are_read_by_our_own_translators(example: Json) -> None:
    raw = msgspec.json.encode({**example, "metadata": {**example["metadata"], "namespace": "n", "uid": "u"}})
    if example["kind"] == "PodGroup":
        assert OWN.parse(raw).refusal == ""
    elif example["kind"] == "Queue":
        assert parse_queue(raw).name == example["metadata"]["name"]
    elif example["kind"] == "Topology":
        assert parse_topology(raw)[1]
    elif example["kind"] == "PriorityClass":
        assert example["metadata"]["name"] in {
            each["spec"].get("priorityClassName") for each in EXAMPLES if each["kind"] == "PodGroup"
        }
    else:
        labels = example["spec"]["template"]["metadata"]["labels"]
        groups = {each["metadata"]["name"] for each in EXAMPLES if each["kind"] == "PodGroup"}
        assert labels[own.POD_GROUP_LABEL] in groups


def containers(deployment: Json) -> Iterator[Json]:
    pod = deployment["spec"]["template"]["spec"]
    yield from (*pod.get("initContainers", ()), *pod["containers"])


DEPLOYMENTS = [each for each in DEPLOYED if each["kind"] == "Deployment"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["metadata"]["name"])
def test_deployments_are_hardened(deployment: Json) -> None:
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(pod.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC"))
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert pod["topologySpreadConstraints"]
    for container in containers(deployment):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in security
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["metadata"]["name"])
def test_every_deployment_has_a_disruption_budget_for_its_own_pods(deployment: Json) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    others = [each["spec"]["selector"]["matchLabels"] for each in DEPLOYMENTS if each is not deployment]
    assert not any(other.items() <= labels.items() for other in others)
    budgets = [each for each in DEPLOYED if each["kind"] == "PodDisruptionBudget"]
    assert [
        each["metadata"]["name"] for each in budgets if each["spec"]["selector"]["matchLabels"] == selector
    ] == [deployment["metadata"]["name"]]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["metadata"]["name"])
def test_settings_of_deployments_are_settings_there_are(deployment: Json) -> None:
    for container in containers(deployment):
        settings = load(None, {each["name"]: each["value"] for each in container.get("env", ())})
        if container["image"].startswith("tutti:"):
            assert settings.probes.host == "0.0.0.0"  # noqa: S104  the kubelet probes it
            (port,) = [each["containerPort"] for each in container["ports"]]
            assert port == settings.probes.port
            assert settings.namespace == deployment["metadata"]["namespace"]


def test_accounts_and_roles_that_are_named_exist() -> None:
    accounts = {each["metadata"]["name"] for each in DEPLOYED if each["kind"] == "ServiceAccount"}
    roles = {each["metadata"]["name"] for each in DEPLOYED if each["kind"] in {"Role", "ClusterRole"}}
    built_in = {
        "system:kube-scheduler",
        "system:volume-scheduler",
        "extension-apiserver-authentication-reader",
    }
    for each in DEPLOYED:
        if each["kind"].endswith("Binding"):
            assert each["roleRef"]["name"] in roles | built_in
            assert {subject["name"] for subject in each["subjects"]} <= accounts
    assert {each["spec"]["template"]["spec"]["serviceAccountName"] for each in DEPLOYMENTS} <= accounts


def test_certificates_get_what_accounts_get_and_nothing_else() -> None:
    def granted(file: str, kind: str) -> set[tuple[str, str, str]]:
        return {
            (each["kind"], each["roleRef"]["name"], subject["name"])
            for each in documents(ROOT / "deploy" / file)
            if each["kind"].endswith("Binding")
            for subject in each["subjects"]
            if subject["kind"] == kind
        }

    assert granted("rbac-users.yaml", "User") == granted("rbac.yaml", "ServiceAccount")
    assert granted("rbac.yaml", "User") == granted("rbac-users.yaml", "ServiceAccount") == set()


def test_no_role_of_ours_holds_a_wildcard() -> None:
    for each in DEPLOYED:
        for rule in each.get("rules", ()) if each["kind"] in {"Role", "ClusterRole"} else ():
            assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}, each["metadata"][
                "name"
            ]


def test_nobody_but_tutti_is_given_a_status_to_write() -> None:
    writes = {"create", "update", "patch", "delete", "deletecollection"}
    bound = {each["roleRef"]["name"] for each in DEPLOYED if each["kind"].endswith("Binding")}
    for each in DEPLOYED:
        if each["kind"] == "ClusterRole" and each["metadata"]["name"] not in bound:
            for rule in each["rules"]:
                assert not (writes & set(rule["verbs"]) and any("/" in name for name in rule["resources"]))


def test_the_shipped_kube_scheduler_configuration_is_the_generated_one() -> None:
    (shipped,) = [each for each in DEPLOYED if each["kind"] == "ConfigMap"]
    (extender,) = [each for each in DEPLOYMENTS if each["metadata"]["name"] == "tutti-extender"]
    state, keys = Path("/run/tutti"), ("ca.crt", "server.crt", "server.key", "client.crt", "client.key")
    generated = configuration(
        ("tutti",),
        ExtenderSettings(),
        Pki(*(state / "extender" / name for name in keys)),
        port=ExtenderSettings().port,
        kubeconfig=Path("/etc/tutti/kubeconfig"),
        election=Election(),
    )
    assert yaml.safe_load(shipped["data"]["config.yaml"]) == yaml.safe_load(generated)
    arguments = [container.get("args", []) for container in containers(extender)]
    assert arguments[0][-2:] == ["--state-dir", str(state)]
    assert "--config=/etc/tutti/config.yaml" in arguments[1]
    kubeconfig = yaml.safe_load(shipped["data"]["kubeconfig"])
    mounts = {mount["mountPath"] for each in containers(extender) for mount in each["volumeMounts"]}
    assert str(Path(kubeconfig["users"][0]["user"]["tokenFile"]).parent) in mounts


def test_every_job_we_show_survives_an_eviction_of_its_pods() -> None:
    jobs = [each for each in (*SHOWN, *EXAMPLES) if each["kind"] == "Job"]
    assert len(jobs) == 3
    for job in jobs:
        (rule,) = job["spec"]["podFailurePolicy"]["rules"]
        assert rule == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never", "a podFailurePolicy needs it"
