"""The simulation must notice when the core is broken on purpose.

Each breakage has a scenario that the whole core survives and the broken one does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module

import pytest
from twinboot.core import decide, ownership, peer, roles, service, witness
from twinboot.core.model import GroupState
from twinboot.core.state import Phase

from .histories import history
from .judge import Broken
from .scenario import parse

step = import_module("twinboot.core.step")  # twinboot.core.step itself is the function

START = "servers {n}\n" + "".join(f"0.{number} start server{number}\n" for number in (1, 2))


@dataclass(frozen=True)
class Breakage:
    """One thing done wrong, and when it shows."""

    name: str
    where: object
    what: str
    wrong: Callable[..., object]
    scenario: str


def _forget_the_gap(turn, gap_s):
    """Renew and go on after having been frozen, as if nothing had been."""


def _start_ready(turn):
    turn.state = replace(turn.state, phase=Phase.ACTIVE)


_hear, _fail_back = peer.hear, decide._fail_back


def _any_boot(one, link, heartbeat, *, now, echo):
    """A boot id is believed without an echo: recordings of an earlier life count."""
    heard = {**heartbeat.heard, echo.me: peer.Heard(echo.boot, echo.fresh_seq, ("lan",))}
    return _hear(one, link, replace(heartbeat, heard=heard), now=now, echo=echo)


def _any_seq(one, link, heartbeat, *, now, echo):
    """Every message of the known boot is a sign of life, however old."""
    got, verdict = _hear(one, link, heartbeat, now=now, echo=echo)
    if verdict is peer.Verdict.REPLAYED and heartbeat.boot == one.boot:
        return replace(one, heard_at=now), peer.Verdict.NEWS
    return got, verdict


def _one_link_is_all(one, timers):
    """A server is dead when its first link is."""
    link = next(iter(one.links.values()))
    at = link.heard_at if link.heard_at is not None else link.since
    return at + timers.deadtime_s if one.alive else None


def _claim_unasked(turn, group):
    """Take the address without looking whether another server has it."""
    if turn.state.phase is Phase.ACTIVE and ownership.first(turn.state, group) == turn.config.me:
        roles.claim(turn, group, "mine")


def _release_in_word_only(turn, group):
    """Say that the address is gone, and leave it there."""
    turn.put_group(roles.enter(group, GroupState.IDLE, now=turn.now, reason=group.reason))


PAIR = START.format(n=2)

BREAKAGES = [
    Breakage("renews after a freeze", step, "_after_gap", _forget_the_gap,
             PAIR + "8 freeze server1\n11.05 thaw server1\nend 15\n"),
    Breakage("claims while starting", step, "_end_of_start", _start_ready,
             PAIR + "8 power-off server1\n12 start server1\nend 14\n"),
    Breakage("never yields", decide, "_yields", lambda turn, group: False,
             PAIR + "8 lan-split server2\n8 cut all server1 server2\n12 heal\n12 lan-join\nend 16\n"),
    Breakage("keeps what a deaf server holds, too", ownership, "deaf", lambda state, one: False,
             PAIR + "8 lan-split server2\n8 cut all server1 server2 one-way\n12 lan-join\nend 18\n"),
    Breakage("does not wait for the release", decide, "_take_or_leave", _claim_unasked,
             PAIR + "8 power-off server1\n12 start server1\nend 20\n"),
    Breakage("releases in word only", roles, "ask_to_drop", _release_in_word_only,
             PAIR + "8 standby server1\nend 12\n"),
    Breakage("believes any boot id", peer, "hear", _any_boot,
             PAIR + "8 power-off server1\n8 power-off server2\n12 start server1\n12 start server2\n"
             + "20 replay 60 lan\n20.2 replay 60 lan\nend 24\n"),
    Breakage("believes any sequence number", peer, "hear", _any_seq,
             PAIR + "8 power-off server2\n" + "".join(f"{8 + n / 2} replay 20 lan\n" for n in range(1, 60))
             + "end 38\n"),
    Breakage("one link lost is a death", peer, "dead_at", _one_link_is_all,
             PAIR + "8 cut crossover server1 server2\nend 12\n"),
    Breakage("claims without a probe", ownership, "unaccounted", lambda state, group: (),
             PAIR + "8 cut all server1 server2\nend 14\n"),
    Breakage("takes no answer for an answer", witness, "answered", lambda turn, group, mac, only_asks: None,
             PAIR + "8 cut all server1 server2\nend 14\n"),
    Breakage("never gives back", decide, "_fail_back", lambda turn, group: None,
             PAIR + "8 power-off server1\n12 start server1\nend 14\n"),
    Breakage("starts dhcpd without waiting for the other's stop", ownership, "services_elsewhere",
             lambda state, group: (),
             PAIR + "6 engine-slow server1 2.9\n8 standby server1\nend 16\n"),
    Breakage("gives up after the first failed start", service, "due",
             lambda one, now: None if one.retry_at is not None else service_due(one, now),
             PAIR + "8 engine-fails server2 1\n8.5 power-off server1\nend 12\n"),
]
service_due = service.due


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.name)
def test_a_broken_core_is_noticed(breakage: Breakage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breakage.where, breakage.what, breakage.wrong)
    with pytest.raises(Broken):
        history(parse(breakage.scenario))


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.name)
def test_the_whole_core_survives_the_same(breakage: Breakage) -> None:
    history(parse(breakage.scenario))
