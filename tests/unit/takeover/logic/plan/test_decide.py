"""Which connections are reset or forgotten, and what is completed before a plan is made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from takeoverrecords import (
    ASKED,
    BEGUN,
    DATA,
    FTP,
    GET,
    HEAD,
    HTTP,
    OPENING,
    RESPONSE,
    SESSION,
    SIZE,
    START,
    TIME,
    TREE,
    UNTOLD,
    at,
    rebuilt,
    reset,
)
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.plan import ClientPosition, Forget, plan_takeover, with_server_start
from twinboot.takeover.logic.protocols.ftp import Session, Transfer
from twinboot.takeover.logic.protocols.vsftpd_replies import TRANSFER_COMPLETE
from twinboot.takeover.logic.record import ConnectionRecord
from twinboot.takeover.logic.tcp import seq


def test_a_connection_whose_server_had_not_answered_yet() -> None:
    """Its peers heard of the client's SYN, and the server died at once: the client tells the rest."""
    unseen = replace(HTTP, server_start=0, server_start_known=False, responses=(), client_next=1000)
    asks = replace(at(0), seq=1000)
    record = with_server_start(unseen, asks)
    assert (record.server_start, record.server_start_known) == (START, True)
    assert rebuilt(plan_takeover(record, asks, TREE)).receive_next == 1000
    later = replace(at(0), seq=1000 + len(GET))
    found = rebuilt(plan_takeover(with_server_start(unseen, later), later, TREE))
    assert (found.receive_next, found.input_may_be_lost) == (1000, True), "the request comes again"
    assert with_server_start(HTTP, asks) is HTTP


def test_a_client_that_has_closed_is_forgotten() -> None:
    assert isinstance(plan_takeover(HTTP, at(0, gone=True), TREE), Forget)


@pytest.mark.parametrize(
    ("record", "answer", "session", "why"),
    [
        (replace(HTTP, understood=False), at(100), None, "not seen from its beginning"),
        (HTTP, at(-5), None, "not where the connection began"),
        (replace(HTTP, acked_bytes=SIZE), at(len(HEAD) + SIZE + 1), None, "further than the server"),
        (replace(HTTP, responses=()), at(100), None, "further than the server"),
        (replace(UNTOLD, requested_files=(FileFacts(SIZE, TIME + 1),)), at(100), None, "differs here"),
        (replace(UNTOLD, requested_files=(FileFacts(-1, -1),)), at(100), None, "which state"),
        (replace(UNTOLD, server_closed=True), at(100), None, "further than the server"),
        (
            replace(UNTOLD, requested_files=(FileFacts(SIZE, TIME + 1),)),
            at(0, sack_blocks=((0, seq.at(START, 101)),)),
            None,
            "differs here",
        ),
        (UNTOLD, at(65 << 20), None, "further than the server"),
        (HTTP, at(100, up=1499), None, "do not fit"),
        (HTTP, at(100, up=1500 + (1 << 20)), None, "do not fit"),
        (
            replace(HTTP, responses=(replace(RESPONSE, is_file_range=False),)),
            at(100),
            None,
            "not a file of the tree",
        ),
        (replace(HTTP, responses=(replace(RESPONSE, length=-1),)), at(100), None, "not a file of the tree"),
        (
            replace(HTTP, responses=(replace(RESPONSE, target=b"/none"),)),
            at(100),
            None,
            "not a file of the tree",
        ),
        (replace(HTTP, responses=(replace(RESPONSE, size=5),)), at(100), None, "differs here"),
        (replace(HTTP, responses=(replace(RESPONSE, head=b"x" * 80),)), at(100), None, "which state"),
        (HTTP, at(100, sack_blocks=((0, seq.at(START, 100 + (9 << 20))),)), None, "not to be sent"),
        (DATA, at(50, up=1000), None, "unknown session"),
        (DATA, at(50, up=1000), replace(SESSION, transfer=None), "not for a file"),
        (DATA, at(50, up=1000), replace(SESSION, binary=False), "as text"),
        (DATA, at(50, up=1000), replace(SESSION, understood=False), "unknown session"),
        (
            DATA,
            at(50, up=1000),
            replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0, True, SIZE, TIME + 1)),
            "differs here",
        ),
        (DATA, at(50, up=1000), replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0)), "which state"),
        (BEGUN, at(500 + len(OPENING) + len(TRANSFER_COMPLETE) + 1), None, "replies that are not known"),
        (
            replace(BEGUN, session=replace(ASKED, pending=(b"LIST", b"RETR big.bin"))),
            at(510),
            None,
            "replies that are not known",
        ),
        (FTP, at(400), None, "lacks more"),
        (
            replace(FTP, session=replace(SESSION, pending=(b"EPSV",))),
            at(501),
            None,
            "replies that are not known",
        ),
        (replace(FTP, server_closed=True), at(510), None, "further than the server"),
    ],
)
def test_what_cannot_be_gone_on_with_is_reset(
    record: ConnectionRecord, answer: ClientPosition, session: Session | None, why: str
) -> None:
    assert why in reset(plan_takeover(record, answer, TREE, session))
