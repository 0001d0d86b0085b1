"""The checks before the core: what is taken in, what is counted as what, and what costs no thought."""

from __future__ import annotations

import pytest
from twinboot.agent.intake import MAX_BOOTS, Intake
from twinboot.core.model import Heartbeat
from twinboot.wire.cluster.heartbeat import DecodeError, HeartbeatCodec, Refusal, boot_and_seq

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
CODEC = HeartbeatCodec("rack1", [OLD])


def message(seq: int, boot_id: int = 7, codec: HeartbeatCodec = CODEC) -> bytes:
    return codec.encode(Heartbeat(cluster="rack1", sender="server2", boot_id=boot_id, seq=seq))


@pytest.fixture
def intake() -> Intake:
    return Intake(CODEC)


def taken(intake: Intake, data: bytes, link: str = "lan") -> bool:
    return intake.accept(link, data) is not None


def test_each_message_is_taken_once_on_each_link(intake: Intake) -> None:
    one, two = message(1), message(2)
    assert taken(intake, one)
    assert not taken(intake, one)
    assert taken(intake, one, "crossover")
    assert taken(intake, two)
    assert not taken(intake, one), "older than what came by this link"
    assert intake.counters.replayed == 2


def test_the_first_number_of_a_life_is_taken(intake: Intake) -> None:
    assert taken(intake, message(0))


def test_another_life_is_taken(intake: Intake) -> None:
    assert taken(intake, message(5, boot_id=7))
    assert taken(intake, message(1, boot_id=8))
    assert not taken(intake, message(4, boot_id=7))


def test_what_is_forged_says_nothing_of_what_was_heard(intake: Intake) -> None:
    """Otherwise one forged message with a high number would make the true ones look old."""
    high = message(2**64 - 1)
    with pytest.raises(DecodeError):
        intake.accept("lan", high[:-1] + bytes((high[-1] ^ 1,)))
    assert taken(intake, message(1))


def test_lives_are_remembered_up_to_a_bound(intake: Intake) -> None:
    for boot in range(1, MAX_BOOTS + 3):
        assert taken(intake, message(1, boot_id=boot))
    assert len(intake._newest["lan"]) == MAX_BOOTS
    assert taken(intake, message(1, boot_id=1)), "forgotten: the core judges it"
    assert not taken(intake, message(1, boot_id=MAX_BOOTS + 2))


def test_a_replayed_message_is_not_taken_apart(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert taken(intake, message(1))
    monkeypatch.setattr("twinboot.wire.cluster.heartbeat._parse", lambda _: pytest.fail("taken apart"))
    assert not taken(intake, message(1))


def test_boot_and_number_are_found_only_at_the_front() -> None:
    body = CODEC.verify(message(9, boot_id=3))
    assert boot_and_seq(body) == (3, 9)
    for short in range(20):
        assert boot_and_seq(body[:short]) is None
    assert boot_and_seq(b"\x02" + body[1:]) is None


def test_a_key_is_rolled_over_without_a_gap(intake: Intake) -> None:
    """compose/README.md: the new key is added last everywhere, moved to the front, the old one removed."""
    ours = [HeartbeatCodec("rack1", keys) for keys in ([OLD], [OLD, NEW], [NEW, OLD], [NEW])]
    seq = 0
    for ahead in range(len(ours)):
        for behind in (ahead - 1, ahead):  # the servers are changed one after the other
            for sends, hears in ((ahead, behind), (behind, ahead)):
                if sends >= 0 and hears >= 0:
                    seq += 1
                    intake.codec = ours[hears]
                    assert taken(intake, message(seq, codec=ours[sends])), (sends, hears)
    intake.codec = ours[-1]
    with pytest.raises(DecodeError) as refused:
        intake.accept("lan", message(seq + 1, codec=ours[0]))
    assert refused.value.refusal is Refusal.FORGED
