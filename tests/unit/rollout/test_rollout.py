"""The decisions of `twinboot apply`, server by server, in virtual time and without a network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twinboot import rollout
from twinboot.rollout import (
    Author,
    Checked,
    ClusterFacts,
    Committed,
    Judged,
    PeerFacts,
    Propose,
    Refused,
    RolloutStatus,
    SiteKept,
    Version,
    Vote,
)
from twinboot.rollout.attempt import LOST_S
from twinboot.rollout.model import Check, Judge, Keep, Note, Phase, Switch
from twinboot.rollout.record import Record, decode_record, status_from_json, status_to_json
from twinboot.rollout.turn import AGAIN_S, ANNOUNCED_S, SWITCH_LIMIT_S

OLD, NEW = Version(4, b"old"), Version(5, b"new")
SITE = Committed(OLD, "old text")
WISH = Propose("new text", b"new", ("server1", "server2"))


def peer(**facts: object) -> PeerFacts:
    one = PeerFacts("server2", alive=True, working=OLD, status=RolloutStatus(SITE))
    return replace(one, **facts)  # type: ignore[arg-type]


class One:
    """One server's part; its disk and its check answer at once."""

    def __init__(self, me: str = "server1", working: Version = OLD, committed: Committed = SITE,
                 servers: tuple[str, ...] = ("server0", "server1", "server2")) -> None:
        """servers: that the committed site names."""
        self.state = rollout.initial(me, committed, working)
        self.now = 100.0
        self.working = working
        self.done: list[object] = []
        self.faults: tuple[str, ...] = ()
        self.in_place = False
        self.servers = servers
        self.disk_fault = ""
        self.lost = False
        """Whether questions to the disk get no answer."""

    def feed(self, event: rollout.Event) -> None:
        self.state, effects = rollout.step(self.state, event, self.now)
        for effect in effects:
            self.done.append(effect)
            match effect:
                case Check(proposal=one):
                    self.feed(Checked(Vote(one.version, one.proposer, self.faults)))
                case Keep(committed=committed, seen=seen):
                    self.feed(SiteKept(committed, seen, self.disk_fault))
                case Judge(committed=committed) if not self.lost:
                    self.feed(Judged(committed.version, self.in_place, self.servers))

    def look(self, *peers: PeerFacts, after: float = 0.2, holds: int = 0, relieved: bool = True,
             settled: bool = True) -> list[object]:
        self.now += after
        self.done = []
        self.feed(ClusterFacts(peers, self.working, holds, settled, relieved))
        return self.done

    def switches(self) -> bool:
        return any(isinstance(one, Switch) for one in self.done)


def accepted(proposal: rollout.Proposal, *faults: str) -> PeerFacts:
    return peer(status=RolloutStatus(SITE, vote=Vote(proposal.version, proposal.proposer, faults)))


def proposing(**facts: object) -> One:
    one = One()
    one.look(peer(**facts))
    one.feed(WISH)
    return one


def the_proposal(one: One) -> rollout.Proposal:
    assert one.state.attempt is not None
    return one.state.attempt.proposal


def test_it_is_committed_when_all_have_accepted_and_the_disk_has_it() -> None:
    one = proposing()
    assert one.state.status.proposal is not None
    assert one.state.status.proposal.version == NEW
    one.look(peer())
    assert one.state.committed == SITE, "server2 has not answered"
    one.look(accepted(the_proposal(one)))
    assert one.state.committed == Committed(NEW, "new text")
    assert one.state.status.committed.version == NEW
    assert one.state.status.proposal is None


def test_one_refusal_changes_nothing() -> None:
    one = proposing()
    done = one.look(accepted(the_proposal(one), "no interface eth9 here"))
    assert one.state.committed == SITE
    assert not any(isinstance(effect, Keep) for effect in done)
    assert one.state.attempt is not None
    assert one.state.attempt.error == "server2 refuses it"
    assert one.state.status.proposal is None


def test_its_own_check_counts_as_every_others() -> None:
    one = One()
    one.faults = ("a tree is missing",)
    one.look(peer())
    one.feed(WISH)
    one.look(accepted(the_proposal(one)))
    assert one.state.committed == SITE
    assert one.state.attempt is not None
    assert "server1 refuses it" in one.state.attempt.error


def test_a_disk_that_cannot_be_written_commits_nothing() -> None:
    one = proposing()
    one.disk_fault = "full"
    one.look(accepted(the_proposal(one)))
    assert one.state.committed == SITE
    assert one.state.attempt is not None
    assert one.state.attempt.phase is Phase.FAILED
    assert "full" in one.state.attempt.error


@pytest.mark.parametrize("lost", [{"alive": False}, {"alive": False, "status": None}])
def test_a_server_that_is_lost_while_it_checks_ends_it(lost: dict[str, object]) -> None:
    one = proposing()
    one.look(peer(**lost))
    assert one.state.attempt is not None
    assert one.state.attempt.open, "a busy machine is silent for a moment"
    one.look(peer(**lost), after=LOST_S)
    assert "server2 was lost" in one.state.attempt.error
    assert one.state.committed == SITE


def test_no_answer_ends_it_at_last() -> None:
    one = proposing()
    one.look(peer(), after=200.0)
    assert one.state.attempt is not None
    assert "no answer from server2" in one.state.attempt.error


@pytest.mark.parametrize(("facts", "wish", "why"), [
    ({"alive": False}, WISH, "server2 is not heard"),
    ({}, replace(WISH, without=("server2",)), "server2 is heard, so it takes part"),
    ({"working": None}, WISH, "older release"),
    ({"status": RolloutStatus(Committed(NEW, "x"))}, WISH, "still being taken into use"),
    ({"status": RolloutStatus(SITE, rollout.Proposal(NEW, "x", "server2", ("server1",)))}, WISH,
     "is applying site 5"),
])
def test_what_cannot_even_begin_is_refused_with_the_reason(
    facts: dict[str, object], wish: Propose, why: str
) -> None:
    one = One()
    one.look(peer(**facts))
    with pytest.raises(Refused, match=why):
        one.feed(wish)
    assert one.state.attempt is None


def test_a_server_that_is_away_and_named_or_was_never_heard_need_not_accept() -> None:
    for wish in (replace(WISH, without=("server2",)), replace(WISH, unknown=("server2",))):
        one = One()
        one.look(peer(alive=False))
        one.feed(wish)
        one.look(peer(alive=False))
        assert one.state.committed.version == NEW


def test_a_proposal_is_checked_and_answered_once() -> None:
    one = One("server2")
    proposal = rollout.Proposal(NEW, "new text", "server1", ("server1", "server2"))
    asks = PeerFacts("server1", alive=True, working=OLD, status=RolloutStatus(SITE, proposal))
    done = one.look(asks)
    assert Check(proposal) in done
    assert one.state.status.vote == Vote(NEW, "server1")
    assert not one.look(asks)
    one.look(replace(asks, status=RolloutStatus(SITE)))
    assert one.state.status.vote is None, "it was withdrawn"


def test_the_number_is_on_the_disk_before_the_vote_is_told() -> None:
    one = One("server2")
    one.disk_fault = "full"
    proposal = rollout.Proposal(NEW, "new text", "server1", ("server1", "server2"))
    one.look(PeerFacts("server1", alive=True, working=OLD, status=RolloutStatus(SITE, proposal)))
    assert one.state.status.vote is None


def test_of_two_open_proposals_the_first_stays_answered_and_the_later_name_gives_up() -> None:
    other = rollout.Proposal(Version(5, b"other"), "x", "server2", ("server1", "server2"))
    first = proposing()
    first.look(peer(status=RolloutStatus(SITE, other)))
    assert first.state.attempt is not None
    assert first.state.attempt.open, "server2 gives up"
    assert first.state.status.vote is None or first.state.status.vote.proposer == "server1"
    second = One("server2")
    second.look(PeerFacts("server1", alive=True, working=OLD, status=RolloutStatus(SITE)))
    second.feed(WISH)
    mine = rollout.Proposal(Version(5, b"other"), "x", "server1", ("server1", "server2"))
    second.look(PeerFacts("server1", alive=True, working=OLD, status=RolloutStatus(SITE, mine)))
    assert second.state.attempt is not None
    assert "server1 is applying site 5" in second.state.attempt.error


def test_a_number_is_never_given_twice() -> None:
    one = proposing()
    one.look(peer(alive=False))
    one.look(peer(alive=False), after=LOST_S)
    one.look(peer())
    one.feed(WISH)
    assert the_proposal(one).version.number == 6


def test_what_any_server_has_committed_reaches_every_other() -> None:
    one = One()
    one.look(peer(status=RolloutStatus(Committed(NEW, "new text"))))
    assert one.state.committed == Committed(NEW, "new text")
    one.look(peer(status=RolloutStatus(SITE)))
    assert one.state.committed.version == NEW, "nothing goes back to an older one"


def test_files_that_nobody_applied_are_not_taken_from_each_other() -> None:
    mine = Committed(Version(0, b"a"), "a")
    one = One(committed=mine, working=mine.version)
    one.look(peer(status=RolloutStatus(Committed(Version(0, b"b"), "b")), working=Version(0, b"b")))
    assert one.state.committed == mine


COMMITTED = Committed(NEW, "new text")


def behind(**more: object) -> PeerFacts:
    return peer(**{"status": RolloutStatus(COMMITTED), **more})


def committed_one(**more: object) -> One:
    one = One(**{"committed": COMMITTED, **more})  # type: ignore[arg-type]
    one.look(behind())
    return one


def test_what_moves_nothing_is_done_at_once() -> None:
    one = One(committed=COMMITTED)
    one.in_place = True
    one.look(behind(), holds=2)
    assert Switch(COMMITTED, in_place=True) in one.look(behind(), holds=2)


def test_a_stand_by_goes_first_and_a_holder_waits_for_it() -> None:
    stands_by, holds = committed_one(), committed_one(me="server0")
    for _ in range(8):
        stands_by.look(behind(holds=2))
        assert not holds.look(behind(), holds=2) or not holds.switches()
        if stands_by.switches():
            break
    assert stands_by.switches()


def test_of_two_holders_the_first_name_goes_and_the_other_waits_until_it_is_back() -> None:
    first = committed_one()
    second = committed_one(me="server2")
    ahead = replace(behind(), name="server1", holds=1)
    for _ in range(8):
        first.look(behind(holds=1), holds=1)
        second.look(ahead, holds=1)
        if first.switches():
            break
    assert first.switches()
    assert not second.switches()
    for away in (replace(ahead, alive=False), replace(ahead, settled=False, working=NEW)):
        second.look(away, holds=2, after=2.0)
        second.look(away, holds=2, after=2.0)
        assert not second.switches()
    back = replace(ahead, holds=0, working=NEW)
    second.look(back, holds=2)
    second.look(back, holds=2, after=ANNOUNCED_S)
    assert second.switches()


def test_one_that_the_site_does_not_name_is_not_waited_for_when_it_has_gone() -> None:
    other, gone = behind(name="server1", working=NEW), behind(alive=False)
    for named in (True, False):
        one = committed_one(me="server0", servers=("server0", "server1", *["server2"] * named))
        one.look(other, gone, holds=1)
        one.look(other, gone, holds=1, after=ANNOUNCED_S)
        assert one.switches() is not named, "it may come back" if named else "it does not"


def test_what_nobody_can_take_waits_but_not_for_ever() -> None:
    one = committed_one(me="server0")
    over = behind(working=NEW)
    one.look(over, holds=1, relieved=False)
    one.look(over, holds=1, relieved=False, after=5.0)
    assert not one.switches()
    one.look(over, holds=1, relieved=False, after=SWITCH_LIMIT_S)
    one.look(over, holds=1, relieved=False, after=ANNOUNCED_S)
    assert one.switches()


def test_a_lone_server_does_not_wait() -> None:
    one = committed_one()
    one.look(holds=2)
    one.look(holds=2, after=ANNOUNCED_S)
    assert one.switches()


def test_a_switch_without_effect_is_tried_again() -> None:
    one = committed_one()
    one.look(behind(holds=1))
    one.look(behind(holds=1), after=ANNOUNCED_S)
    assert one.switches()
    one.look(behind(holds=1), after=5.0)
    assert not one.switches()
    for _ in range(4):
        one.look(behind(holds=1), after=31.0)
    assert any(isinstance(effect, (Judge, Switch, Note)) for effect in one.done)


def test_a_question_without_an_answer_is_asked_again() -> None:
    one = One(committed=Committed(NEW, "new text"))
    one.lost = True
    one.look(behind())
    one.lost = False
    one.look(behind(), after=5.0)
    assert one.done == []
    for _ in range(6):
        one.look(behind(), after=AGAIN_S)
        if one.switches():
            return
    raise AssertionError("it never goes over")


def test_the_record_and_what_is_told_survive_their_bytes() -> None:
    record = Record(SITE, heard=("server2",)).keep(COMMITTED, 7)
    assert decode_record(record.encode()) == record
    assert record.previous == SITE
    assert record.past == {OLD.digest.hex(): 4}
    proposal, vote = rollout.Proposal(NEW, "x", "server1", ("server1",)), Vote(NEW, "server1", ("a",), ("b",))
    told = RolloutStatus(COMMITTED, proposal, vote, wants_turn=True)
    assert status_from_json(status_to_json(told)) == told
    assert status_from_json(status_to_json(RolloutStatus(SITE))) == RolloutStatus(SITE)


def test_who_asked_for_a_site_is_told_to_who_comes_second_and_stays_with_it() -> None:
    anna = Author("token anna", "page", "server1", 45_296.0)
    one = One()
    one.look(peer())
    one.feed(replace(WISH, by=anna))
    with pytest.raises(Refused, match=r"site 5 already \(token anna on server1, since 12:34:56 UTC\)"):
        one.feed(WISH)
    two = One("server2")
    told = status_from_json(status_to_json(one.state.status))
    two.look(PeerFacts("server1", alive=True, working=OLD, status=told))
    with pytest.raises(Refused, match=r"server1 is applying site 5 \(token anna on server1, since"):
        two.feed(WISH)
    one.look(accepted(the_proposal(one)))
    assert one.state.committed.by == anna
    record = decode_record(Record(SITE).keep(one.state.committed, 7).encode())
    assert (record.committed.by, record.previous) == (anna, SITE)
    older = status_to_json(one.state.status)
    del older["committed"]["by"]
    assert status_from_json(older).committed.by == Author()


@pytest.mark.parametrize("wrong", [
    {}, {"committed": None}, {"committed": {"number": 1, "digest": "zz", "text": ""}},
])
def test_what_cannot_be_read_is_a_value_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        status_from_json(wrong)
