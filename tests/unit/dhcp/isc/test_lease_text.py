"""dhcpd's lease file: declarations come out whole, whatever the file was cut into, and go back unchanged."""

from __future__ import annotations

import itertools
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.dhcp.isc.grammar import statements
from twinboot.dhcp.isc.lease_text import LeaseFileParser, declaration
from twinboot.dhcp.lease import NEVER, DhcpLease, LeaseState, active_lease
from twinboot.dhcp.lease_codec import decode_lease, encode_lease

A, B = IPv4Address("192.168.0.160"), IPv4Address("192.168.0.161")
FIRST = rb"""lease 192.168.0.160 {
  starts 0 2026/11/22 20:41:15;
  ends 0 2026/11/22 20:51:15;
  cltt 0 2026/11/22 20:41:15;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 52:54:02:00:00:03;
  uid "\001RT\002{}\000\003";
  set vendor-class-identifier = "PXEClient:Arch:00000 }";
  client-hostname "lease 1.2.3.4 {";
}
"""
FILE = rb"""# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

""" + FIRST + rb"""server-duid "\000\001\000\0012\226\017\247\002B\254\035M\002";

host made-by-omapi {
  dynamic;
}
lease 192.168.0.161 {
  starts epoch 1795380075; # Sun Nov 22 20:41:15 2026
  ends never;
  binding state free;
}
lease 192.168.0.160 {
  starts 0 2026/11/22 20:41:15;
  ends 0 2026/11/22 20:42:15;
  cltt 0 2026/11/22 20:42:15;
  binding state free;
  hardware ethernet 52:54:02:00:00:03;
}
"""


def parsed(text: bytes) -> DhcpLease:
    (lease,) = LeaseFileParser().feed(text)
    return lease


def body(text: bytes) -> bytes:
    return text.partition(b"{\n")[2].removesuffix(b"}\n")


@given(cuts=st.lists(st.integers(0, len(FILE)), max_size=8).map(sorted))
def test_declarations_are_whole_however_the_file_is_read(cuts: list[int]) -> None:
    parser = LeaseFileParser()
    ends = [0, *cuts, len(FILE)]
    pieces = (FILE[low:high] for low, high in itertools.pairwise(ends))
    found = [lease for piece in pieces for lease in parser.feed(piece)]
    assert [(lease.address, lease.active) for lease in found] == [(A, True), (B, False), (A, False)]
    assert (found[0].changed_at, found[0].ends, found[0].mac) == (1795380075, 1795380675, "52:54:02:00:00:03")
    assert (found[0].client_id, found[0].hostname) == (b"\x01RT\x02{}\x00\x03", "lease 1.2.3.4 {")
    assert (found[1].changed_at, found[1].ends) == (1795380075, NEVER)
    assert found[2].changed_at == found[0].changed_at + 60


def test_a_declaration_without_its_end_is_none_and_hides_nothing() -> None:
    whole = declaration(active_lease(B, bytes(6), at=0, lease_s=60, epoch=0))
    torn = declaration(active_lease(A, bytes(6), at=0, lease_s=60, epoch=0))[:70]
    assert list(LeaseFileParser().feed(torn)) == []
    for between in (b"\n", b"\n# a comment\n", b"\nhost x {\n  dynamic;\n}\n"):
        assert [lease.address for lease in LeaseFileParser().feed(torn + between + whole)] == [B]


# There and back -----------------------------------------------------------------------------------


def test_a_usual_declaration_comes_back_byte_for_byte() -> None:
    assert declaration(parsed(FIRST)) == FIRST


def test_a_presumed_lease_is_what_dhcpd_itself_would_write() -> None:
    lease = active_lease(A, bytes.fromhex("525402000003"), at=1795380075.9, lease_s=600, epoch=4)
    text = declaration(lease)
    assert text == b"".join(line for line in FIRST.splitlines(keepends=True)
                            if not line.startswith((b"  uid", b"  set", b"  client-hostname")))
    assert parsed(text) == replace(lease, epoch=0)


@pytest.mark.parametrize("statement", [
    rb"reserved;", rb"dynamic-bootp;", rb'billing "a class";', rb"set x = %7;", rb"set y = true;",
    rb'set ddns-fwd-name = "a.example.lan";', rb"option agent.circuit-id 0:4:0:1;",
    rb'option agent.remote-id "20:04:0f:06:44:b4";', rb'word-of-a-later-dhcpd { "}"; }',
    b'on expiry {\n    set gone = "}";\n    if (1 = 1) {\n      log (info, "x # y");\n    }\n  }',
    b"on expiry or release {\n    execute (\"/x\");\n  }", rb"starts 0 2026/13/22 20:41:15;",
    rb"hardware a-new-kind 01:02;", rb'client-hostname "\377";', rb"abandoned;",
])  # fmt: skip
def test_what_only_dhcpd_knows_comes_back_word_for_word(statement: bytes) -> None:
    rest = [one for one in FIRST.splitlines(keepends=True) if one.split()[0] != statement.split()[0]]
    if statement.startswith(b"set"):
        rest = FIRST.splitlines(keepends=True)
    text = b"".join([*rest[:-1], b"  " + statement + b"\n", rest[-1]])
    lease = decode_lease(encode_lease(parsed(text)))
    back = declaration(lease)
    assert b"  " + statement + b"\n" in back
    assert sorted(statements(body(back))) == sorted(statements(body(text)))
    assert parsed(back) == lease


def test_times_of_the_failover_protocol_are_no_change() -> None:
    stamped = FIRST.replace(
        b"  cltt", b"  tstp 0 2026/11/22 21:22:08;\n  tsfp never;\n  atsfp 0 2026/11/22 21:22:08;\n  cltt"
    )
    assert parsed(stamped) == parsed(FIRST)


def test_variables_in_another_order_are_no_change() -> None:
    """dhcpd turns them round each time that it writes the lease down."""
    one, two = b"  set a = %1;\n", b'  set b = "x";\n'
    assert parsed(FIRST.replace(b"  client", one + two + b"  client")) == \
        parsed(FIRST.replace(b"  client", two + one + b"  client"))


@pytest.mark.parametrize(("states", "neutral", "extension"), [
    (b"active|next free|rewind free", LeaseState.ACTIVE, b""),
    (b"active|next expired|rewind free", LeaseState.ACTIVE, b"next binding state expired;\n"),
    (b"active", LeaseState.ACTIVE, b"next binding state active;\nrewind binding state active;\n"),
    (b"free", LeaseState.FREE, b""),
    (b"free|next free", LeaseState.FREE, b""),
    (b"expired|next free", LeaseState.EXPIRED, b""),
    (b"released|next free|rewind active", LeaseState.RELEASED, b"rewind binding state active;\n"),
    (b"abandoned", LeaseState.DECLINED, b""),
    (b"abandoned|next free", LeaseState.DECLINED, b"next binding state free;\n"),
    (b"backup|next free", LeaseState.FREE,
     b"binding state backup;\nnext binding state free;\nrewind binding state backup;\n"),
])
def test_states_and_what_follows_them(states: bytes, neutral: LeaseState, extension: bytes) -> None:
    now, *after = states.split(b"|")
    lines = [b"  binding state " + now, *(b"  %s binding state %s" % tuple(one.split()) for one in after)]
    text = b"lease 192.168.0.160 {\n" + b"".join(line + b";\n" for line in lines) + b"}\n"
    lease = parsed(text)
    assert (lease.state, lease.extension("isc")) == (neutral, extension)
    assert meaning(declaration(lease)) == meaning(text)


def meaning(text: bytes) -> tuple[dict[bytes, bytes], list[bytes]]:
    """What dhcpd takes from a declaration: the states as its parser has them in the end (what is not stated
    is the binding state itself; see parse_lease_declaration() of server/confpars.c), and all else but the
    failover protocol's times."""
    states: dict[bytes, bytes] = {}
    rest = []
    for one in statements(body(text)):
        words = one.split()
        if words[0] == b"binding":
            states = {b"binding": words[2], b"next": words[2], b"rewind": words[2], **{
                key: value for key, value in states.items() if key != b"binding"}}
        elif words[0] in (b"next", b"rewind"):
            states[words[0]] = words[3]
        elif words[0] not in (b"tstp", b"tsfp", b"atsfp"):
            rest.append(one)
    return states, sorted(rest)


def quoted(data: bytes) -> bytes:
    """As dhcpd's quotify_buf() does it."""
    return b'"' + b"".join(
        b"\\" + bytes((x,)) if x in b'"\\' else bytes((x,)) if 32 <= x < 127 else b"\\%03o" % x for x in data
    ) + b'"'


MOMENTS = st.sampled_from([b"0 2026/11/22 20:41:15", b"3 2030/01/02 03:04:05", b"never"])
WORDS = st.sampled_from([b"free", b"active", b"expired", b"released", b"abandoned", b"reset", b"backup"])
ANY_DATA = st.binary(min_size=1, max_size=40).map(quoted)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
HARDWARE = st.tuples(
    st.sampled_from([b"ethernet", b"token-ring", b"infiniband", b"unknown-27"]),
    st.binary(min_size=1, max_size=16),
).map(lambda one: one[0] + b" " + one[1].hex(":").encode())
SCRIPT = st.sampled_from([
    b' {\n    set a = "}";\n  }', b" {\n    if (x = 1) {\n      set b = 2;\n    }\n  }",
])
STATEMENTS = st.tuples(*(st.none() | one for one in (
    MOMENTS.map(lambda x: b"starts " + x + b";"), MOMENTS.map(lambda x: b"ends " + x + b";"),
    MOMENTS.map(lambda x: b"tstp " + x + b";"), MOMENTS.map(lambda x: b"tsfp " + x + b";"),
    MOMENTS.map(lambda x: b"cltt " + x + b";"),
    WORDS.map(lambda x: b"binding state " + x + b";"), WORDS.map(lambda x: b"next binding state " + x + b";"),
    WORDS.map(lambda x: b"rewind binding state " + x + b";"), st.just(b"reserved;"),
    HARDWARE.map(lambda x: b"hardware " + x + b";"), ANY_DATA.map(lambda x: b"uid " + x + b";"),
    ANY_DATA.map(lambda x: b"set vendor-class-identifier = " + x + b";"), st.just(b"set n = %17;"),
    ANY_DATA.map(lambda x: b"option agent.circuit-id " + x + b";"),
    PRINTABLE.map(lambda x: b"client-hostname " + quoted(x.encode()) + b";"),
    SCRIPT.map(lambda x: b"on expiry" + x), SCRIPT.map(lambda x: b"on release" + x),
)))  # fmt: skip


@given(chosen=STATEMENTS)
def test_nothing_that_dhcpd_needs_is_lost_between_two_servers(chosen: tuple[bytes | None, ...]) -> None:
    lines = [b"  " + one + b"\n" for one in chosen if one is not None]
    if not any(line.startswith(b"  binding") for line in lines):
        lines = [b"  binding state active;\n", *(x for x in lines if b" binding state " not in x)]
    text = b"lease 192.168.0.160 {\n" + b"".join(lines) + b"}\n"
    lease = decode_lease(encode_lease(parsed(text)))
    back = declaration(lease)
    assert meaning(back) == meaning(text)
    assert parsed(back) == lease


@given(data=st.binary(min_size=1, max_size=60))
def test_any_client_id_comes_back(data: bytes) -> None:
    text = FIRST.replace(rb'"\001RT\002{}\000\003"', quoted(data))
    assert parsed(text).client_id == data
    assert declaration(parsed(text)) == text
    in_hex = FIRST.replace(rb'"\001RT\002{}\000\003"', data.hex(":").encode())
    assert parsed(in_hex) == parsed(text)


def test_an_extension_that_cannot_be_read_costs_no_lease() -> None:
    plain = active_lease(A, bytes(6), at=0, lease_s=60, epoch=0)
    for wrong in (b'set x = "', b"on expiry {", b"} lease 1.2.3.4 {"):
        assert declaration(replace(plain, extensions=(("isc", wrong),))) == declaration(plain)
    assert declaration(replace(plain, extensions=(("toy", b"reserved;"),))) == declaration(plain)


@pytest.mark.parametrize("line", [b'  set x = "abc;', b"  on expiry {", b"  }"])
def test_a_declaration_that_dhcpd_cannot_read_is_none(line: bytes) -> None:
    text = FIRST.replace(b"  cltt", line + b"\n  cltt", 1)
    assert list(LeaseFileParser().feed(text)) == []
