"""The reflector as a state machine: what it asks for, what it passes on, and what it never forgets to delete."""

from collections.abc import Iterable
from random import Random

import msgspec
import pytest

from scheduler.kube import errors
from scheduler.kube.reflector import Change, List, Put, Reflector, Wait, Watch
from scheduler.kube.transport import Page


def machine() -> Reflector:
    return Reflector(page_size=2, rng=Random(7))


def thing(name: str, uid: str, version: int | str) -> dict[str, object]:
    return {"metadata": {"namespace": "a", "name": name, "uid": uid, "resourceVersion": str(version)}}


def page(version: int | str, *items: dict[str, object], more: str = "") -> Page:
    body = {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}
    return msgspec.json.decode(msgspec.json.encode(body), type=Page)


def line(kind: str, obj: dict[str, object]) -> bytes:
    return msgspec.json.encode({"type": kind, "object": obj})


def names(changes: Iterable[Change]) -> list[tuple[str, str, str]]:
    return [("put" if isinstance(c, Put) else "gone", c.key[1], c.uid) for c in changes]


def listed(version: int, *items: dict[str, object]) -> Reflector:
    reflector = machine()
    reflector.page(page(version, *items))
    return reflector


def test_a_list_is_asked_for_page_by_page_and_then_watched_from_its_version() -> None:
    reflector = machine()
    assert reflector.next_request() == List(2, "")
    assert names(reflector.page(page(10, thing("x", "1", 3), more="token"))) == [("put", "x", "1")]
    assert reflector.next_request() == List(2, "token")
    assert not reflector.is_synced
    reflector.page(page(10, thing("y", "2", 4)))
    assert reflector.is_synced
    request = reflector.next_request()
    assert isinstance(request, Watch)
    assert request.resource_version == "10"
    assert 300 <= request.timeout_s <= 600


def test_events_move_the_version_and_a_bookmark_moves_nothing_else() -> None:
    reflector = listed(10)
    heard = reflector.events([line("ADDED", thing("x", "1", 11)), line("BOOKMARK", thing("", "", 19))])
    assert names(heard.changes) == [("put", "x", "1")]
    assert heard.problem is None
    assert reflector.resource_version == "19"


def test_what_vanished_while_nobody_looked_is_deleted_by_the_next_list() -> None:
    reflector = listed(10, thing("stays", "1", 5), thing("vanishes", "2", 6))
    reflector.failed(errors.Gone("expired", 410))
    assert reflector.next_request() == List(2, "")
    first = reflector.page(page(30, thing("stays", "1", 5), more="t"))
    assert names(first) == [("put", "stays", "1")]
    assert names(reflector.page(page(30, thing("new", "3", 29)))) == [
        ("put", "new", "3"),
        ("gone", "vanishes", "2"),
    ]


def test_same_key_with_another_uid_is_a_deletion_and_an_addition() -> None:
    reflector = listed(10, thing("x", "old", 5))
    reflector.failed(errors.Gone("expired", 410))
    assert names(reflector.page(page(30, thing("x", "new", 20)))) == [
        ("gone", "x", "old"),
        ("put", "x", "new"),
    ]


def test_a_deletion_names_the_uid_that_is_gone() -> None:
    reflector = listed(10, thing("x", "1", 5))
    assert names(reflector.events([line("DELETED", thing("x", "1", 12))]).changes) == [("gone", "x", "1")]
    assert len(reflector) == 0


def test_a_late_deletion_of_a_predecessor_does_not_touch_its_successor() -> None:
    reflector = listed(10, thing("x", "new", 9))
    assert reflector.events([line("DELETED", thing("x", "old", 12))]).changes == []
    assert len(reflector) == 1


def test_an_event_older_than_what_is_known_is_dropped() -> None:
    reflector = listed(10, thing("x", "1", 9))
    assert reflector.events([line("MODIFIED", thing("x", "1", 8))]).changes == []
    assert names(reflector.events([line("MODIFIED", thing("x", "1", 11))]).changes) == [("put", "x", "1")]


def test_versions_that_are_no_numbers_are_not_compared() -> None:
    reflector = listed(10, thing("x", "1", "zz"))
    assert names(reflector.events([line("MODIFIED", thing("x", "1", "aa"))]).changes) == [("put", "x", "1")]


def test_an_expired_version_inside_the_stream_leads_to_a_new_list_at_once() -> None:
    reflector = listed(10, thing("x", "1", 5))
    heard = reflector.events(
        [line("DELETED", thing("x", "1", 12)), line("ERROR", {"code": 410, "message": "too old"})]
    )
    assert isinstance(heard.problem, errors.Gone)
    assert names(heard.changes) == [("gone", "x", "1")], "changes before the error are not lost"
    reflector.failed(heard.problem)
    assert reflector.next_request() == List(2, "")


def test_another_error_inside_the_stream_waits_and_lists_again() -> None:
    reflector = listed(10)
    heard = reflector.events([line("ERROR", {"code": 500, "message": "etcd"})])
    assert isinstance(heard.problem, errors.Unavailable)
    reflector.failed(heard.problem)
    assert isinstance(reflector.next_request(), Wait)
    assert reflector.next_request() == List(2, "")


def test_a_broken_stream_is_watched_again_from_where_it_ended() -> None:
    reflector = listed(10)
    reflector.events([line("ADDED", thing("x", "1", 17))])
    reflector.failed(errors.Unavailable("reset"))
    assert isinstance(reflector.next_request(), Wait)
    request = reflector.next_request()
    assert isinstance(request, Watch)
    assert request.resource_version == "17"


def test_pauses_grow_have_jitter_and_end_at_half_a_minute() -> None:
    reflector = listed(10)
    pauses = []
    for _ in range(12):
        reflector.failed(errors.Unavailable("down"))
        wait = reflector.next_request()
        assert isinstance(wait, Wait)
        pauses.append(wait.seconds)
    assert 0.25 <= pauses[0] <= 0.5
    assert pauses[5] > pauses[0]
    assert all(15.0 <= pause <= 30.0 for pause in pauses[8:])
    assert len(set(pauses)) == len(pauses)


def test_the_server_may_ask_for_a_longer_pause() -> None:
    reflector = machine()
    reflector.failed(errors.TooManyRequests("slow down", 9.0))
    assert reflector.next_request() == Wait(9.0)


def test_a_continue_token_that_expired_starts_the_list_over_and_deletes_nothing_wrongly() -> None:
    reflector = listed(10, thing("x", "1", 5), thing("y", "2", 6))
    reflector.failed(errors.Gone("expired", 410))
    reflector.page(page(30, thing("x", "1", 5), more="t"))
    reflector.failed(errors.Gone("token expired", 410))
    while not isinstance(request := reflector.next_request(), List):
        assert isinstance(request, Wait)
    assert request.continue_token == ""
    assert names(reflector.page(page(40, thing("y", "2", 6)))) == [("put", "y", "2"), ("gone", "x", "1")]


def test_a_restored_history_is_believed_although_its_versions_are_lower() -> None:
    reflector = listed(1000, thing("x", "1", 900))
    reflector.failed(errors.Gone("expired", 410))
    assert names(reflector.page(page(50, thing("x", "1", 40)))) == [("put", "x", "1")]
    assert reflector.resource_version == "50"


def test_a_watch_that_is_closed_at_once_is_no_busy_loop() -> None:
    reflector = listed(10)
    reflector.closed(lasted_s=0.01)
    assert isinstance(reflector.next_request(), Wait)
    reflector.closed(lasted_s=300.0)
    assert isinstance(reflector.next_request(), Watch)


@pytest.mark.parametrize("bad", [b"{", b'{"type": 3}', b"[]", b'{"type":"ADDED","object":{"metadata":7}}'])
def test_an_unreadable_event_leads_to_a_new_list(bad: bytes) -> None:
    reflector = listed(10)
    heard = reflector.events([bad])
    assert isinstance(heard.problem, errors.Unavailable)
    reflector.failed(heard.problem)
    reflector.next_request()
    assert reflector.next_request() == List(2, "")


def test_a_kind_that_is_uninstalled_leaves_nothing_behind_and_is_listed_again_after_a_while() -> None:
    reflector = listed(7, thing("a", "u1", 5))
    assert names(reflector.absent()) == [("gone", "a", "u1")]
    assert (len(reflector), reflector.is_synced, reflector.relists) == (0, True, 0)
    wait = reflector.next_request()
    assert isinstance(wait, Wait)
    assert wait.seconds >= 30
    assert reflector.next_request() == List(2, "")
    assert names(reflector.page(page(9, thing("a", "u2", 8)))) == [("put", "a", "u2")]
