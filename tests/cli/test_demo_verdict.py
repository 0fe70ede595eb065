"""The demo may only say "as promised" when it was; every way to fail has its sentence."""

from dataclasses import replace

from scheduler.cli.demo.play import Half, Waiting
from scheduler.cli.demo.story import POD_BY_POD, TUTTI, load_for
from scheduler.cli.demo.timeline import Measures
from scheduler.cli.demo.verdict import broken_promises, document

LOAD = load_for(64, 8)  # two gangs of 40


def gang(
    name: str, *, bound: int = 40, ended: int = 40, running: int = 0, half_bound_s: float = 0.2
) -> Measures:
    nodes = tuple(f"node-{n:04d}" for n in range(bound))
    return Measures(
        name,
        40,
        40,
        bound,
        running,
        ended,
        0.1 if bound else None,
        half_bound_s if bound else None,
        half_bound_s,
        nodes,
    )


def good_tutti() -> Half:
    why = Waiting("InsufficientResources", "40 members need 320 nvidia.com/gpu.", 0)
    return Half(
        TUTTI,
        {"alpha": gang("alpha"), "beta": gang("beta")},
        {"beta": why},
        {"alpha": 5, "beta": 5},
        ["alpha", "beta"],
        14.0,
    )


def deadlock() -> Half:
    stuck = {name: gang(name, bound=32, ended=0, running=32, half_bound_s=8.0) for name in ("alpha", "beta")}
    return Half(POD_BY_POD, stuck, seconds=9.0, gpus_held=512)


def test_nothing_is_broken_when_all_came_out():
    assert broken_promises(LOAD, good_tutti(), deadlock()) == []


def test_a_gang_that_is_not_whole_breaks_the_promise():
    half = good_tutti()
    half.measures["beta"] = gang("beta", bound=0, ended=0)
    assert broken_promises(LOAD, half, deadlock()) == ["Under Tutti beta has 0 of 40 members bound, not all."]


def test_a_member_bound_while_the_gang_waits_breaks_the_promise():
    half = good_tutti()
    half.waiting["beta"] = replace(half.waiting["beta"], bound=3)
    assert broken_promises(LOAD, half, deadlock()) == [
        "beta had 3 members bound while it waited; it should have had none."
    ]


def test_waiting_without_a_reason_breaks_the_promise():
    half = good_tutti()
    half.waiting["beta"] = Waiting("", "", 0)
    assert broken_promises(LOAD, half, deadlock()) == ["beta waited without saying why."]


def test_nobody_waiting_breaks_the_promise():
    half = good_tutti()
    half.waiting.clear()
    assert broken_promises(LOAD, half, deadlock()) == ["No gang was seen waiting under Tutti."]


def test_a_partial_gang_under_tutti_breaks_the_promise_even_if_it_ends_whole():
    half = good_tutti()
    half.measures["alpha"] = gang("alpha", half_bound_s=9.0)
    assert broken_promises(LOAD, half, deadlock()) == [
        "The watch saw 1 partial gangs under Tutti; it should have seen none."
    ]


def test_a_gang_that_never_ends_breaks_the_promise():
    half = good_tutti()
    half.measures["alpha"] = gang("alpha", ended=39)
    assert broken_promises(LOAD, half, deadlock()) == [
        "Under Tutti alpha did not run to its end: 39 of 40 members ended."
    ]


def test_a_plain_scheduler_that_does_not_deadlock_is_told_too():
    plain = deadlock()
    plain.measures["alpha"] = gang("alpha")
    assert broken_promises(LOAD, good_tutti(), plain) == [
        "Pod by pod 1 gangs ran to their end; the load was meant to show a deadlock.",
        "Pod by pod 1 gangs were partial; the load was meant to make all of them so.",
    ]


def test_the_document_says_the_same_as_the_halves():
    told = document(
        LOAD, good_tutti(), deadlock(), mode="standalone", versions={"tutti": "0"}, cluster={"nodes": 64}
    )
    assert told["asPromised"] is True
    beta = told["tutti"]["gangs"][1]
    assert (beta["name"], beta["size"], beta["gpus"], beta["bound"]) == ("beta", 40, 320, 40)
    assert beta["reasonWhileWaiting"] == "InsufficientResources"
    assert beta["secondsFromLastCreateToFirstBind"] == 0.1
    assert told["tutti"]["partialGangs"] == 0
    assert told["podByPod"]["partialGangs"] == 2
    assert told["podByPod"]["gpusHeldByGangsThatCannotRun"] == 512
