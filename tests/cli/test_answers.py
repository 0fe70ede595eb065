"""What the scheduler wrote wins over what the engine says now, and both are shown with whose word and from when it is."""

from typing import Any

import pytest
from rich.console import Console

from scheduler.cli.answers import GIVEN_UP, combined, from_status, said_of
from scheduler.cli.explain import draw
from scheduler.model.ids import GroupKey

TRAIN = GroupKey("team-a", "train")
NOW = "2026-11-24T12:00:00Z"

WAITS: dict[str, Any] = {
    "placed": False,
    "headline": "8 members need 64 GPUs; 40 are free.",
    "reason": "InsufficientResources",
    "gates": ({"name": "resources", "passed": False},),
    "domains": ({"level": "rack", "name": "r1", "members": 5, "free": 40, "total": 64, "resource": "gpu"},),
    "changes": (
        {"kind": "AddNodes", "cost": 45.0, "text": "Add 3 nodes like n1.", "whatIf": "--add-nodes 3=n1"},
    ),
    "advice": (),
}
FITS = {**WAITS, "headline": "There is room for all 8; the scheduler binds them next.", "reason": ""}
PLACED = {**FITS, "placed": True, "headline": "Nothing waits: 8 members have a node."}


def group(reason: str = "", message: str = "", *, status: str = "False", **more: Any) -> dict[str, Any]:
    """A PodGroup of generation 2 as the API server has it, with what the scheduler wrote, if `reason` says anything."""
    condition = {
        "type": "Scheduled",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-11-24T11:00:00Z",
        "observedGeneration": 2,
    }
    conditions = [{"type": "Ready", "status": "False"}, *([condition] if reason else [])]
    return {
        "metadata": {"generation": 2},
        "spec": {"minCount": 8},
        "status": {"conditions": conditions, **more},
    }


def answer(found: dict[str, Any], engine: dict[str, Any]) -> dict[str, Any]:
    return combined(TRAIN, said_of(found), engine, at=NOW)


def drawn(document: dict[str, Any]) -> str:
    console = Console(width=80, record=True, no_color=True)
    draw(console, document)
    told = console.export_text()
    assert max(len(line.rstrip()) for line in told.splitlines()) <= 80
    return " ".join(told.split())


def test_where_both_say_the_same_the_numbers_are_those_of_this_moment():
    told = answer(group("InsufficientResources", "8 members need 64 GPUs; 32 are free."), WAITS)
    assert (told["source"], told["headline"]) == ("engine", WAITS["headline"])
    assert told["scheduler"]["message"] == "8 members need 64 GPUs; 32 are free."
    assert told["engine"]["at"] == NOW
    shown = drawn(told)
    assert "This is the engine's answer, from this moment." in shown
    assert "The scheduler says the same: InsufficientResources, Scheduled=False for " in shown


@pytest.mark.parametrize(
    "reason", ["VotesMissing", "NodeRefused", "BindFailed", "Timeout", "InsufficientResources"]
)
def test_room_that_only_the_engine_sees_is_no_promise(reason: str):
    told = answer(group(reason, "as the scheduler says"), FITS)
    assert (told["source"], told["placed"], told["reason"]) == ("scheduler", False, reason)
    assert told["headline"] == "as the scheduler says"
    assert "binds them next" not in str(told["engine"])
    shown = drawn(told)
    assert f"So says the scheduler: {reason}, Scheduled=False for " in shown
    assert "The engine, asked at this moment: There is room for every member that waits" in shown


def test_another_reason_of_the_engine_stands_below_with_its_remedies():
    told = answer(group("NodeRefused", "kube-scheduler did not offer n1"), WAITS)
    assert (told["reason"], told["engine"]["reason"]) == ("NodeRefused", "InsufficientResources")
    assert told["changes"] == WAITS["changes"]
    shown = drawn(told)
    assert f"asked at this moment: {WAITS['headline']}" in shown
    assert "45 Add 3 nodes like n1. tutti what-if --group team-a/train --add-nodes 3=n1" in shown
    assert "✗ resources" not in shown, "that is the engine's gate, and not why it waits"


@pytest.mark.parametrize(
    "engine", [FITS, WAITS, {**WAITS, "reason": "Timeout"}], ids=["fits", "waits", "timeout"]
)
def test_a_group_that_has_given_up_is_not_said_to_start(engine: dict[str, Any]):
    found = group("Timeout", "Not placed within 60 s.")
    found["spec"]["onTimeout"] = "Fail"
    told = answer(found, engine)
    assert (told["placed"], told["reason"], told["advice"]) == (False, "Timeout", (GIVEN_UP,))
    assert told["scheduler"]["hasGivenUp"]
    shown = drawn(told)
    assert "binds them next" not in shown
    assert "r1" not in shown, "room is of no use to it"
    assert "Add 3 nodes" not in shown


def test_a_group_that_keeps_its_place_after_its_time_has_not_given_up():
    told = answer(group("Timeout", "Not placed within 60 s: too few GPUs."), WAITS)
    assert not told["scheduler"]["hasGivenUp"]
    assert told["changes"] == WAITS["changes"]


def test_words_about_an_earlier_spec_do_not_win():
    found = group("Timeout", "old")
    found["spec"]["onTimeout"] = "Fail"
    found["metadata"]["generation"] = 3
    told = answer(found, FITS)
    assert (told["source"], told["headline"]) == ("engine", FITS["headline"])
    assert "What the scheduler wrote last is of an earlier spec: old" in drawn(told)


def test_an_attempt_under_way_is_told_instead_of_why_the_group_waited_before():
    attempt = {"phase": "Committing", "members": [{"name": f"p{n}"} for n in range(8)]}
    found = group("InsufficientResources", "too few", attempt=attempt, members={"bound": 3})
    told = answer(found, WAITS)
    assert (told["source"], told["placed"], told["reason"]) == ("scheduler", False, "Placed")
    assert told["headline"] == "8 members have been given nodes and are being bound; 3 are."
    closed = {**found, "status": {**found["status"], "attempt": {**attempt, "phase": "Committed"}}}
    assert answer(closed, WAITS)["reason"] == "InsufficientResources"


def test_a_gang_that_is_there_is_placed_although_more_members_wait():
    told = answer(group("Scheduled", "8 of 8 members are bound.", status="True"), WAITS)
    assert (told["source"], told["placed"]) == ("scheduler", True)
    assert answer(group("Scheduled", "x", status="True"), PLACED)["source"] == "engine"


def test_a_gang_below_its_minimum_is_not_placed_because_nothing_waits():
    assert not answer(group("BelowMinCount", "5 of 8 are bound"), PLACED)["placed"]


def test_silence_of_the_scheduler_is_told():
    told = answer(group(), FITS)
    assert (told["source"], told["scheduler"]) == ("engine", None)
    assert "The scheduler has not written anything of this group yet." in drawn(told)


@pytest.mark.parametrize(
    ("reason", "status", "shows"),
    [
        ("UnevaluatedConstraint", "False", False),
        ("GangIncomplete", "False", False),
        ("Timeout", "False", False),
        ("VotesMissing", "False", True),
        ("NodeRefused", "False", True),
        ("InsufficientResources", "False", True),
        ("Scheduled", "True", True),
    ],
)
def test_extender_mode_shows_in_what_the_scheduler_wrote(reason: str, status: str, shows: bool):
    said = said_of(group(reason, "x", status=status))
    assert said is not None
    assert said.evaluates_everything is shows


def test_who_may_not_list_nodes_is_told_what_is_written():
    told = from_status(TRAIN, group("GangIncomplete", "0 of 8 members exist."))
    assert (told["source"], told["headline"]) == ("status", "0 of 8 members exist.")
    assert drawn(told) == "… team-a/train: 0 of 8 members exist."


def test_who_may_not_list_nodes_is_told_what_the_operator_found_out():
    written = {
        "gate": "Topology",
        "message": "No rack has room for 8 members at once.",
        "blockingSets": [
            {"constraints": ["cordon"], "message": "Without this alone the gang would start: cordon."}
        ],
        "cheapestChange": {"kind": "Uncordon", "message": "Uncordon nodes."},
    }
    told = from_status(TRAIN, group("NoDomainFits", "No rack holds 8.", explanation=written))
    assert told["explanation"] == written
    assert drawn(told) == (
        "… team-a/train: No rack holds 8. Fails at the gate topology: No rack has room for 8 members at once. Without this alone "
        "the gang would start: cordon. Uncordon nodes."
    )


def test_a_group_refused_by_the_operator_is_explained_by_that():
    found = group("GangIncomplete", "old")
    found["status"]["conditions"].append(
        {
            "type": "Accepted",
            "status": "False",
            "reason": "InvalidSpec",
            "message": "minCount is above maxCount.",
        }
    )
    told = from_status(TRAIN, found)
    assert (told["placed"], told["reason"], told["headline"]) == (
        False,
        "InvalidSpec",
        "minCount is above maxCount.",
    )


def test_a_group_that_has_given_up_is_told_so_to_everybody():
    found = group("Timeout", "Not placed within 60 s.")
    found["spec"]["onTimeout"] = "Fail"
    assert from_status(TRAIN, found)["advice"] == (GIVEN_UP,)


@pytest.mark.parametrize("found", [{}, {"status": {}}, {"status": None}, {"status": {"conditions": None}}])
def test_a_group_nobody_has_looked_at_says_so(found: dict[str, Any]):
    assert "does Tutti run?" in from_status(TRAIN, found)["headline"]


def counting(engine: dict[str, Any], *, bound: int, ended: int = 0) -> dict[str, Any]:
    """The engine's answer with its count of members, of which the gang needs 8."""
    members = {
        "name": "members",
        "passed": True,
        "numbers": {"bound": bound, "ended": ended, "needed": 8},
    }
    return {**engine, "gates": (members, *engine["gates"])}


def test_a_gang_that_has_lost_members_is_not_placed_by_an_earlier_word_of_the_scheduler():
    was_whole = group("Scheduled", "8 members are bound.", status="True")
    told = answer(was_whole, counting(WAITS, bound=5))
    assert (told["source"], told["placed"], told["headline"]) == ("engine", False, WAITS["headline"])
    assert not answer(was_whole, counting(FITS, bound=7))["placed"]
    assert answer(was_whole, counting(WAITS, bound=5, ended=3))["placed"], "the others have ended well"


def test_a_record_of_nothing_but_bound_members_is_no_binding_under_way():
    attempt = {"phase": "Committing", "members": [{"name": f"p{n}"} for n in range(5)]}
    found = group("GangIncomplete", "5 of 8 members exist.", attempt=attempt, members={"bound": 5})
    assert answer(found, WAITS)["reason"] == "GangIncomplete"
    found["status"]["attempt"] = {"phase": "Aborting", "members": [{"name": f"p{n}"} for n in range(8)]}
    assert answer(found, WAITS)["reason"] == "GangIncomplete"


def test_who_may_not_list_nodes_hears_of_a_gang_that_stands_in_part():
    found = group("Scheduled", "8 members are bound.", status="True")
    found["status"]["conditions"].append(
        {"type": "Degraded", "status": "True", "reason": "BelowMinCount", "message": "5 of the 8."}
    )
    told = from_status(TRAIN, found)
    assert (told["placed"], told["reason"], told["headline"]) == (False, "BelowMinCount", "5 of the 8.")
    left = {"phase": "Committing", "members": [{"name": f"p{n}"} for n in range(8)]}
    found["status"] |= {"attempt": left, "conditions": found["status"]["conditions"][-1:]}
    told = from_status(TRAIN, found)
    assert (told["reason"], told["headline"]) == ("BelowMinCount", "5 of the 8."), "nobody binds the rest"
