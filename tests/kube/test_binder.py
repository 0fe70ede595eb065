"""A binding ends with a known outcome, whatever happens to answers on the way."""

from typing import Any

import pytest

from scheduler.config import ApiSettings
from scheduler.engine.messages import Bind, BindDone, BindFailed, Evict, Evicted, EvictionRefused
from scheduler.kube.binder import Binder
from scheduler.kube.transport import Transport
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.plan import Assignment
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import Reason

PATH = "/api/v1/namespaces/a/pods/x"
GANG = GroupKey("a", "g")


def pod(uid: str = "u", **more: Any) -> dict[str, Any]:
    spec = {"schedulerName": "tutti", "containers": [{"name": "c", "image": "i"}], **more.pop("spec", {})}
    meta = {
        "name": "x",
        "namespace": "a",
        "uid": uid,
        "labels": {"scheduling.tutti.dev/pod-group": "g"},
        **more,
    }
    return {"metadata": meta, "spec": spec, "status": {"phase": "Pending"}}


def order(version: str, uid: str = "u", node: str = "n1") -> Bind:
    return Bind(
        GANG, AttemptId("t"), 7, Assignment(PodKey("a", "x"), PodUid(uid), NodeName(node), 3), version
    )


@pytest.fixture
def binder(transport: Transport) -> Binder:
    return Binder(transport, ApiSettings())


async def test_a_binding_carries_uid_version_and_the_record_in_annotations(api_server, binder) -> None:
    version = api_server.put(PATH, pod())["metadata"]["resourceVersion"]
    assert await binder.bind(order(version)) == BindDone(GANG, PodUid("u"))
    sent = api_server.bodies[0]
    assert sent["target"]["name"] == "n1"
    assert (sent["metadata"]["uid"], sent["metadata"]["resourceVersion"]) == ("u", version)
    assert sent["metadata"]["annotations"] == {
        "scheduling.tutti.dev/attempt": "t",
        "scheduling.tutti.dev/epoch": "7",
        "scheduling.tutti.dev/rank": "3",
    }
    assert api_server.asked == [f"POST {PATH}/binding"]


async def test_a_lost_answer_is_read_back_and_nothing_is_bound_twice(api_server, binder) -> None:
    version = api_server.put(PATH, pod())["metadata"]["resourceVersion"]
    api_server.fault = lambda request, number: "lose" if number == 1 else ""
    assert await binder.bind(order(version)) == BindDone(GANG, PodUid("u"))
    assert api_server.asked == [f"POST {PATH}/binding", f"GET {PATH}"]


@pytest.mark.parametrize("status", ["500", "502", "503", "504"])
async def test_a_server_error_is_no_failure_and_the_same_write_is_repeated(
    api_server, binder, status: str
) -> None:
    version = api_server.put(PATH, pod())["metadata"]["resourceVersion"]
    api_server.fault = lambda request, number: status if number == 1 else ""
    assert await binder.bind(order(version)) == BindDone(GANG, PodUid("u"))
    posts = [body for body in api_server.bodies if body]
    assert len(posts) == 2
    assert posts[0] == posts[1], "same version: a late copy of the first can only be refused"


async def test_while_the_outcome_is_unknown_a_refusal_for_another_reason_does_not_settle_it(
    api_server, binder
) -> None:
    version = api_server.put(PATH, pod())["metadata"]["resourceVersion"]
    faults = {1: "503", 3: "403"}
    api_server.fault = lambda request, number: faults.get(number, "")
    assert await binder.bind(order(version)) == BindDone(GANG, PodUid("u"))


async def test_a_refusal_that_is_certain_fails_with_the_servers_words(api_server, binder) -> None:
    version = api_server.put(PATH, pod())["metadata"]["resourceVersion"]
    api_server.fault = lambda request, number: "403"
    outcome = await binder.bind(order(version))
    assert isinstance(outcome, BindFailed)
    assert outcome.reason is Reason.BIND_FAILED
    assert "as the test wants it" in outcome.message


async def test_throttling_is_obeyed_and_tried_again(api_server, binder) -> None:
    version = api_server.put(PATH, pod())["metadata"]["resourceVersion"]
    api_server.fault = lambda request, number: "429" if number <= 3 else ""
    assert await binder.bind(order(version)) == BindDone(GANG, PodUid("u"))
    assert len(api_server.asked) == 4


async def test_a_pod_that_changed_but_is_still_a_member_is_bound_at_its_new_version(
    api_server, binder
) -> None:
    api_server.put(PATH, pod())
    assert await binder.bind(order("1")) == BindDone(GANG, PodUid("u"))
    assert api_server.asked == [f"POST {PATH}/binding", f"GET {PATH}", f"POST {PATH}/binding"]


async def test_a_pod_that_somebody_keeps_changing_is_given_up_after_five_conflicts(
    api_server, binder
) -> None:
    api_server.put(PATH, pod())

    def flap(request: Any, number: int) -> None:
        if request.method == "GET":
            api_server.put(PATH, api_server.objects[PATH])

    api_server.after = flap
    outcome = await binder.bind(order("1"))
    assert isinstance(outcome, BindFailed)
    assert outcome.reason is Reason.MEMBER_CHANGED
    assert sum(asked.startswith("POST") for asked in api_server.asked) == 6


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (None, "deleted or replaced"),
        (pod(uid="other"), "deleted or replaced"),
        (pod(spec={"nodeName": "n2"}), "bound to node n2 by somebody else"),
        (pod(deletionTimestamp="2026-11-24T00:00:00Z"), "is being deleted"),
        (pod(spec={"schedulingGates": [{"name": "wait"}]}), "has scheduling gates"),
        (pod(spec={"schedulerName": "other"}), "belongs to scheduler other"),
        (pod(labels={"scheduling.tutti.dev/pod-group": "h"}), "belongs to group a/h now"),
        (pod(labels={}), "belongs to group a/x now"),
    ],
    ids=["gone", "recreated", "elsewhere", "deleting", "gated", "rescheduled", "regrouped", "ungrouped"],
)
async def test_what_is_no_member_any_more_is_not_bound(
    api_server, binder, present: dict[str, Any] | None, says: str
) -> None:
    if present is not None:
        api_server.put(PATH, present)
    outcome = await binder.bind(order("1"))
    assert isinstance(outcome, BindFailed)
    assert outcome.reason is Reason.MEMBER_CHANGED
    assert says in outcome.message
    assert sum(asked.startswith("POST") for asked in api_server.asked) == 1


async def test_a_conflict_on_a_pod_that_is_where_it_should_be_is_success(api_server, binder) -> None:
    api_server.put(PATH, pod(spec={"nodeName": "n1"}))
    assert await binder.bind(order("1")) == BindDone(GANG, PodUid("u"))


async def test_reads_are_repeated_until_there_is_an_answer(api_server, binder) -> None:
    api_server.put(PATH, pod(spec={"nodeName": "n1"}))
    faults = {2: "500", 3: "429", 4: "lose"}
    api_server.fault = lambda request, number: faults.get(number, "")
    assert await binder.bind(order("1")) == BindDone(GANG, PodUid("u"))


async def test_an_eviction_names_the_uid_and_a_pod_that_is_gone_counts_as_evicted(api_server, binder) -> None:
    api_server.put(PATH, pod())
    member = Evict(GANG, MemberRef(PodKey("a", "x"), PodUid("u")))
    assert await binder.evict(member) == Evicted(GANG, PodUid("u"))
    assert api_server.bodies[0]["deleteOptions"]["preconditions"] == {"uid": "u"}
    assert await binder.evict(member) == Evicted(GANG, PodUid("u"))


async def test_a_recreated_pod_is_not_evicted_in_place_of_its_predecessor(api_server, binder) -> None:
    api_server.put(PATH, pod(uid="successor"))
    assert await binder.evict(Evict(GANG, MemberRef(PodKey("a", "x"), PodUid("u")))) == Evicted(
        GANG, PodUid("u")
    )
    assert PATH in api_server.objects


async def test_a_disruption_budget_refuses_an_eviction(api_server, binder) -> None:
    api_server.put(PATH, pod())
    api_server.fault = lambda request, number: "429"
    outcome = await binder.evict(Evict(GANG, MemberRef(PodKey("a", "x"), PodUid("u"))))
    assert isinstance(outcome, EvictionRefused)


async def test_a_lost_answer_to_an_eviction_is_read_back(api_server, binder) -> None:
    api_server.put(PATH, pod())
    api_server.fault = lambda request, number: "lose" if number == 1 else ""
    assert await binder.evict(Evict(GANG, MemberRef(PodKey("a", "x"), PodUid("u")))) == Evicted(
        GANG, PodUid("u")
    )
