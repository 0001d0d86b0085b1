"""What an OACK grants decides what each block holds: all of it is known, or the download is not followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.takeover.logic.protocols.tftp_options import Refusal, Request, Terms, granted, parse_request

SIZE = 300_000
ASKED = {b"tsize": b"0", b"blksize": b"1408", b"blksize2": b"1408", b"timeout": b"6", b"utimeout": b"50000",
         b"rollover": b"1", b"windowsize": b"4", b"multicast": b""}


def oack(*fields: str) -> bytes:
    return b"\0\6" + b"".join(field.encode() + b"\0" for field in fields)


def of(*fields: str, asked: dict[bytes, bytes] | None = None) -> Terms | Refusal:
    return granted(Request(b"f", b"octet", ASKED if asked is None else asked), oack(*fields), SIZE)


@pytest.mark.parametrize(("fields", "terms"), [
    (("blksize", "1024"), Terms(1024)),
    (("BLKSIZE", "1408", "TSize", str(SIZE)), Terms(1408)),
    (("blksize2", "1024"), Terms(1024)),
    (("tsize", str(SIZE)), Terms()),
    (("timeout", "6"), Terms(retransmit_s=6.0)),
    (("utimeout", "50000"), Terms(retransmit_s=0.05)),
    (("rollover", "1"), Terms(rollover=1)),
    (("windowsize", "1"), Terms()),
])
def test_what_tftpd_hpa_grants_is_known(fields: tuple[str, ...], terms: Terms) -> None:
    assert of(*fields) == terms


@pytest.mark.parametrize(("fields", "reason"), [
    (("blksize", "1409"), "blksize"), (("blksize", "7"), "blksize"), (("blksize", "0x400"), "blksize"),
    (("blksize", ""), "malformed"), (("blksize", "-8"), "blksize"), (("blksize",), "malformed"),
    ((), "malformed"), (("",), "malformed"),
    (("blksize", "1024", "BLKSIZE", "512"), "ambiguous"),
    (("blksize", "1024", "blksize2", "512"), "ambiguous"),
    (("tsize", str(SIZE + 1)), "tsize"), (("tsize", "0"), "tsize"),
    (("timeout", "7"), "timeout"), (("utimeout", "5"), "utimeout"),
    (("rollover", "0"), "rollover"), (("windowsize", "4"), "windowsize"),
    (("blksize", "1024", "multicast", "224.1.1.1,1758,1"), "unknown-option"), (("x", "1"), "unknown-option"),
])
def test_what_is_not_certain_is_refused(fields: tuple[str, ...], reason: str) -> None:
    assert of(*fields) == Refusal(reason)


def test_what_was_not_asked_for_is_refused() -> None:
    assert of("blksize", "512", asked={b"tsize": b"0"}) == Refusal("not-asked")
    assert of("rollover", "2", asked={b"rollover": b"2"}) == Refusal("rollover")
    assert of("tsize", "5", asked={b"tsize": b"5"}) == Terms(), "tftpd-hpa says a size again that it was told"
    assert of("tsize", "6", asked={b"tsize": b"5"}) == Refusal("tsize")
    cut = granted(Request(b"f", b"octet", ASKED), oack("blksize", "1024")[:-1], SIZE)
    assert cut == Refusal("malformed")
    twice = parse_request(b"\0\1f\0octet\0blksize\0" + b"512\0BlkSize\0" + b"1024\0")
    assert twice is not None
    assert granted(twice, oack("blksize", "512"), SIZE) == Refusal("ambiguous")


def test_requests() -> None:
    assert parse_request(b"\0\1a/b\0OCTET\0blksize\0" + b"1408\0") == Request(
        b"a/b", b"octet", {b"blksize": b"1408"})
    assert parse_request(b"\0\1a\0netascii\0") == Request(b"a", b"netascii")
    assert parse_request(b"\0\1a\0octet\0" + bytes(20)) == Request(b"a", b"octet"), "some ROMs fill the rest"
    for raw in (b"\0\1", b"\0\1a", b"\0\1a\0octet", b"\0\1\0octet\0"):
        assert parse_request(raw) is None


@given(st.binary(max_size=60))
def test_nothing_that_is_sent_raises(raw: bytes) -> None:
    request = parse_request(b"\0\1" + raw)
    if request is not None:
        granted(request, b"\0\6" + raw, SIZE)
