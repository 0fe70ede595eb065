"""Bytes become structs, or a sentence that names the field."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.objects import structs
from scheduler.objects.decoding import decoder
from scheduler.objects.errors import BadObject

pod_from_bytes = decoder(structs.Pod, "Pod")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b'{"spec":{"priority":"high"}}', "Pod.spec.priority: expected `int | null`, got `str`."),
        (b'{"spec":{"containers":[{"name":7}]}}', "Pod.spec.containers[0].name: expected `str`, got `int`."),
        (b'{"metadata":{"labels":{"a":1}}}', "Pod.metadata.labels[...]: expected `str`, got `int`."),
        (b'{"metadata":{"creationTimestamp":"yesterday"}}', "Pod.metadata.creationTimestamp: invalid RFC3339 encoded datetime."),
        (b'{"spec":{"overhead":{"cpu":' + b"9" * 30 + b"}}}", "Pod.spec.overhead[...]: expected `int` <= 9223372036854775807."),
        (b"[]", "Pod: expected `object`, got `array`."),
    ],
)  # fmt: skip
def test_wrong_type_is_told_by_field(raw: bytes, sentence: str) -> None:
    with pytest.raises(BadObject) as caught:
        pod_from_bytes(raw)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"a":tru}', b'{"metadata":{"name":"\\ud800"}}', b"nul"]
)
def test_what_is_not_json_is_told(raw: bytes) -> None:
    with pytest.raises(BadObject, match="Pod"):
        pod_from_bytes(raw)


def test_nesting_without_end_is_told_even_in_a_field_nobody_reads() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(BadObject, match="nested too deeply"):
        pod_from_bytes(b'{"status":{"unknown":' + deep + b"}}")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_pod_or_refused(raw: bytes) -> None:
    try:
        pod_from_bytes(raw)
    except BadObject as problem:
        assert str(problem).startswith("Pod")


def test_what_we_do_not_read_is_skipped() -> None:
    pod = pod_from_bytes(
        b'{"kind":"Pod","spec":{"nodeName":"n","dnsPolicy":"x","volumes":[{"name":"v","csi":{}}]}}'
    )
    assert pod.spec.node_name == "n"
    assert pod.spec.volumes == [structs.Volume(name="v")]
    assert msgspec.json.encode(pod.spec.volumes) == b'[{"name":"v"}]'
