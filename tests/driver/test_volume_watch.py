"""When volumes count as made, and when as not to come."""

from scheduler.driver.volume_watch import VolumeWatch
from scheduler.engine.messages import Prepare, Prepared, PrepareFailed
from scheduler.model.ids import AttemptId, GroupKey, NodeName
from scheduler.model.plan import Provision
from scheduler.model.volumes import Claim, ClaimKey, Storage

KEY, ATTEMPT = GroupKey("team", "g"), AttemptId("e1-1")
A, B = ClaimKey("team", "a"), ClaimKey("team", "b")
MADE = (Provision(A, NodeName("n0")), Provision(B, NodeName("n1")))
ORDER = Prepare(KEY, ATTEMPT, MADE)


def claims(a: Claim | None, b: Claim | None) -> Storage:
    return Storage({key: claim for key, claim in ((A, a), (B, b)) if claim is not None})


def done(volume: str = "pv") -> Claim:
    return Claim(volume, is_bound=True)


def watching() -> VolumeWatch:
    watch = VolumeWatch()
    watch.expect(ORDER)
    return watch


def test_volumes_are_made_once_every_claim_is_bound_and_that_is_told_once() -> None:
    watch = watching()
    assert list(watch.ended(claims(done(), Claim()))) == []
    assert list(watch.ended(claims(done(), done("other")))) == [Prepared(KEY, ATTEMPT, MADE)]
    assert list(watch.ended(claims(done(), done("other")))) == []


def test_a_node_that_is_taken_back_means_that_no_volume_comes() -> None:
    watch = watching()
    assert list(watch.ended(claims(Claim(), Claim()))) == []  # not written, or not seen yet
    assert list(watch.ended(claims(Claim(selected_node=NodeName("n0")), Claim()))) == []
    (failed,) = watch.ended(claims(Claim(), Claim()))
    assert isinstance(failed, PrepareFailed)
    assert failed.message == "no volume could be made for claim team/a on node n0"


def test_a_claim_that_goes_ends_the_wait() -> None:
    for gone in (None, Claim(is_deleting=True), Claim("pv", is_lost=True)):
        (failed,) = watching().ended(claims(done(), gone))
        assert isinstance(failed, PrepareFailed)
        assert "claim team/b is gone" in failed.message


def test_a_newer_order_takes_the_place_of_an_older_one() -> None:
    watch = watching()
    newer = Prepare(KEY, ATTEMPT, MADE[:1])
    watch.expect(newer)
    assert list(watch.ended(claims(done(), None))) == [Prepared(KEY, ATTEMPT, MADE[:1])]
