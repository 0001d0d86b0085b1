"""The judge must catch deliberate breakages: of the takeover's logic, of its process, and of what a kernel is
made to do.

Each is one named change. Among the histories of one seed there must be one that fails with it, and that
passes without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from twinboot.agent.replication.replicator import Replicator
from twinboot.kernel import tcp_repair
from twinboot.replication.sender import SenderSession
from twinboot.takeover.host import rebuild
from twinboot.takeover.host.claim import claim, inquiry, known_records, transfers
from twinboot.takeover.host.serve import http_session
from twinboot.takeover.logic import input_hold, plan, record_codec, settle, tracker
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.plan import decide, ftp_data, resume
from twinboot.takeover.logic.probe import Probe, ProbeWay
from twinboot.takeover.logic.protocols import ftp
from twinboot.takeover.logic.tcp.segment import ACK
from twinboot.takeover.logic.tracker import data_connections

from .clients import WrongBytes
from .histories import failure_of
from .judge import Violation
from .network import Network
from .rules import ModelRules
from .scenario import Scenario, parse
from .schedule import scenario

HISTORIES = 250
"""So many are tried at most."""


Change = tuple[Any, str, Any]
"""Where, what, wrong."""


@dataclass(frozen=True)
class Breakage:
    """One thing done wrong. hint: a scenario of the kind that shows it, where those at random seldom do: it
    is played with many seeds."""

    name: str
    where: Any
    what: str
    wrong: Any
    hint: str = ""
    also: tuple[Change, ...] = ()
    """More that belongs to it."""
    given: tuple[Change, ...] = ()
    """Wrong in the histories that must pass, too: another guard against the same fault, which hides it."""


def _probe_with_zeros(*_args: Any, **_more: Any) -> Probe:
    return Probe(ProbeWay.KEEPALIVE, ACK, 0, 0)


def _options_that_were_agreed(wanted: tcp_repair.RepairedConnection) -> bytes:
    """Without the option of the window's scales when there are none."""
    found = _options_of(wanted)
    return found if wanted.window_scales is not None else found[:8] + found[16:]


def _position_without_sack(segment: Any) -> plan.ClientPosition:
    return replace(_of(segment), sack_blocks=())


def _any_clock(record: Any, found: Any, ahead: bytes) -> Any:
    return replace(_as_repaired(record, found, ahead), clock=1000)


def _no_skipping(*args: Any, **more: Any) -> Any:
    found = _plan_http(*args, **more)
    return replace(found, skip_bytes=0) if isinstance(found, plan.Rebuild) else found


def _reply_forgets(session: Any, verb: bytes, argument: bytes, reply: bytes) -> Any:
    found = _apply_reply(session, verb, argument, reply)
    return replace(found, restart=0) if verb == b"REST" else found


async def _no_wait(*_args: Any) -> bool:
    return True


def _as_told(self: Any, record: Any) -> Any:
    """What a client has heard of its session beyond what was told does not count for its data connection."""
    control = self._records.get(record.control_key)
    return control.session if control is not None else None


def _unknown_start_is_none(record: Any, client: Any) -> Any:
    """What a data connection's client has acknowledged is taken for its start."""
    return replace(_with_server_start(record, client), server_start_known=True)


def _one_packet_each(self: Any, now: float) -> Any:
    found = _next_packet(self, now)
    return None if found is not None and found[1] else found


def _only_after(self: Any, record: Any, origin: Any = None) -> None:
    self._early.clear()
    _seed(self, record, origin)


class _NeverRaisedError(Exception):
    """Nothing raises it."""


def _nothing(*_args: Any, **_more: Any) -> None:
    return None


_options_of, _of, _as_repaired = tcp_repair.options_of, plan.ClientPosition.of, rebuild.as_repaired
_plan_http, _apply_reply = decide.plan_http, ftp.apply_reply
_with_server_start, _next_packet = plan.with_server_start, SenderSession.next_packet
_seed = tracker.ConnectionTracker.seed

BREAKAGES = (
    Breakage(
        "probes with number 0, and a NAT box' RST is taken for the client's",
        inquiry,
        "probe_of",
        _probe_with_zeros,
        "net box=nat\nftp f20000\nhttp f60000\nmove power-off byte 9000 claimed=1",
        ((inquiry.ClientInquiry, "_is_gone", lambda _self, _record: True),),
    ),
    Breakage(
        "a client without SACK holds nothing beyond a hole",
        resume,
        "unshown_bytes",
        lambda *_args: 0,
        "client sack=0\nnet loss=0.03\nhttp f150000\nmove power-off byte 70000 claimed=1",
        ((ftp_data, "unshown_bytes", lambda *_args: 0),),
    ),
    Breakage(
        "windows are scaled for a client that does not scale",
        tcp_repair,
        "options_of",
        _options_that_were_agreed,
        "client scale=-1\nhttp f9000 f700\nmove power-off segment 6 claimed=1",
    ),
    Breakage(
        "frames to the dead server's hardware address are lost", Network, "takes_frames_for_others", False
    ),
    Breakage(
        "SACK blocks are not looked at",
        plan.ClientPosition,
        "of",
        _position_without_sack,
        "net loss=0.03\nhttp f150000\nmove power-off byte 70000 claimed=1",
    ),
    Breakage("time stamps begin anew", rebuild, "as_repaired", _any_clock),
    Breakage(
        "a position is final at once after a planned move",
        settle.PositionSettler,
        "_wait_s",
        lambda _self, _key: 0.0,
        "client sack=0\nnet delay=0.005 jitter=0.04\nhttp f150000\nmove planned byte 60000 claimed=0",
        given=tuple((where, "unshown_bytes", lambda *_args: 0) for where in (resume, ftp_data)),
    ),
    Breakage("input is not held", input_hold.HeldInput, "hold", lambda *_args: False),
    Breakage("answers that the client has are sent again", decide, "plan_http", _no_skipping),
    Breakage(
        "REST is forgotten",
        ftp,
        "apply_reply",
        _reply_forgets,
        "ftp f9000+3000\nmove power-off segment 17 claimed=1",
    ),
    Breakage(
        "a data connection's start is where its client is",
        claim,
        "with_server_start",
        _unknown_start_is_none,
        "ftp f1448 early=0\nmove power-off byte 189 claimed=1",
    ),
    Breakage(
        "a data connection that its client has closed, untold, is waited for once more",
        claim.Claim,
        "_session_of",
        _as_told,
        "ftp f700\nmove power-off segment 14 claimed=1",
        ((inquiry.ClientInquiry, "refused_both_ways", lambda _self, _record: False),),
    ),
    Breakage("what is told once is not repeated", SenderSession, "next_packet", _one_packet_each),
    Breakage(
        "an address is handed over before the records are",
        Replicator,
        "delivered",
        _no_wait,
        "replication delay=0.02 loss=0.6\nhttp f4000 f700 f20000 f29 f1460 f33333 bite=700 pause=0.02\n"
        "move planned segment 14 claimed=0\nmove planned segment 3 claimed=0",
    ),
    Breakage(
        "a client's input before the takeover is not tracked",
        tracker.ConnectionTracker,
        "seed",
        _only_after,
        "net delay=0.01 jitter=0.03 loss=0.03\nftp f9000\nmove planned segment 7 claimed=0\n"
        "move planned segment 3 claimed=0",
    ),
    Breakage("the kernel refuses what is not taken over yet", ModelRules, "no_rst", _nothing),
    Breakage(
        "a file is the same that has the same size and time",
        FileFacts,
        "is_same",
        lambda self, other: self[:2] == other[:2],
        "http f150000\nmove power-off byte 60000 claimed=1\ntrees other-bytes",
    ),
    Breakage(
        "a file with another time is another one",
        FileFacts,
        "is_same",
        lambda self, other: self == other,
        "ftp f150000\nmove power-off byte 60000 claimed=1\ntrees other-times",
    ),
    Breakage(
        "the peers are not told the content of what is being sent",
        record_codec,
        "_put_contents",
        lambda *_args: [],
        "http f150000\nmove planned byte 60000 claimed=1\ntrees other-times",
    ),
    Breakage(
        "what has left a server does not come back to it",
        known_records.KnownRecords,
        "of_ours",
        lambda _self, _address: {},
        "http f150000\nmove let-go byte 60000 claimed=1",
    ),
    Breakage(
        "input that clients repeat late counts as lost",
        http_session,
        "lost_input_s",
        lambda _away_s: 15.0,
        "net delay=0.01\nhttp f60000 f60000\nmove let-go byte 60200 claimed=16",
    ),
    Breakage(
        "a connection whose address is on its way away is given up",
        claim,
        "AddressGoneError",
        _NeverRaisedError,
        "http f1 f20000+3410\nmove planned segment 2 claimed=0\nmove let-go segment 1 claimed=20",
    ),
    Breakage("a data connection's end is not awaited", transfers.Transfers, "over", _nothing),
    Breakage(
        "data connections are not expected", data_connections.DataConnections, "expect_agreed", _nothing
    ),
)


@contextmanager
def changed(*changes: Change) -> Iterator[None]:
    with ExitStack() as stack:
        for where, what, wrong in changes:
            right = vars(where)[what]
            setattr(where, what, staticmethod(wrong) if isinstance(right, classmethod) else wrong)
            stack.callback(setattr, where, what, right)
        yield


def histories(hint: str) -> Iterator[Scenario]:
    for place in range(HISTORIES):
        yield replace(parse(hint), seed=place) if hint else scenario(Random(f"breakages/{place}"))


@pytest.mark.parametrize("one", BREAKAGES, ids=lambda one: one.name)
def test_the_judge_catches_it(one: Breakage) -> None:
    for found in histories(one.hint):
        with changed(*one.given):
            with changed((one.where, one.what, one.wrong), *one.also):
                fault = failure_of(found)
            if isinstance(fault, Violation | WrongBytes) and failure_of(found) is None:
                return
        assert fault is None or isinstance(fault, Violation | WrongBytes), fault
    pytest.fail(f"{HISTORIES} histories do not show it")
