"""dhcpd's lease file: declarations come out whole, whatever the file was cut into, and which is newer."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.dhcp.isc.lease_text import (
    Lease,
    LeaseFileParser,
    active_lease,
    decode_lease,
    encode_lease,
    is_newer,
    journal_text,
)

A, B = IPv4Address("192.168.0.160"), IPv4Address("192.168.0.161")
FILE = rb"""# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

lease 192.168.0.160 {
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
server-duid "\000\001\000\0012\226\017\247\002B\254\035M\002";

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


@given(cuts=st.lists(st.integers(0, len(FILE)), max_size=8).map(sorted))
def test_declarations_are_whole_however_the_file_is_read(cuts: list[int]) -> None:
    parser = LeaseFileParser(3)
    ends = [0, *cuts, len(FILE)]
    pieces = (FILE[low:high] for low, high in itertools.pairwise(ends))
    found = [lease for piece in pieces for lease in parser.feed(piece)]
    assert [(lease.address, lease.active) for lease in found] == [(A, True), (B, False), (A, False)]
    assert {lease.epoch for lease in found} == {3}
    assert all(lease.text in FILE for lease in found)
    assert (found[0].changed_at, found[0].ends, found[0].mac) == (1795380075, 1795380675, "52:54:02:00:00:03")
    assert (found[1].changed_at, found[1].ends > 2**39) == (1795380075, True)
    assert found[2].changed_at == found[0].changed_at + 60


def test_a_declaration_without_its_end_is_none_and_hides_nothing() -> None:
    whole = active_lease(B, bytes(6), at=0, lease_s=60, epoch=0).text
    torn = active_lease(A, bytes(6), at=0, lease_s=60, epoch=0).text[:70]
    assert [lease.address for lease in LeaseFileParser().feed(torn)] == []
    assert [lease.address for lease in LeaseFileParser().feed(torn + b"\n" + whole)] == [B]
    parser = LeaseFileParser()
    kept = journal_text([Lease(B, whole, 9)], 4)
    assert [(lease.address, lease.epoch) for lease in parser.feed(torn + b"\n" + kept)] == [(B, 9)]
    assert parser.term == 4


def lease(epoch: int = 1, at: float = 1000.0, mac: str = "525400000001", state: bytes = b"active") -> Lease:
    made = active_lease(A, bytes.fromhex(mac), at=at, lease_s=60, epoch=epoch)
    return Lease(A, made.text.replace(b"binding state active", b"binding state " + state), epoch)


@pytest.mark.parametrize(("old", "new", "wins"), [
    (None, lease(), True),
    (lease(), lease(), False),
    (lease(at=1000), lease(at=1001), True),
    (lease(at=1001), lease(at=1000), False),
    (lease(epoch=1, at=9999), lease(epoch=2, at=1000), True),  # the old server's clock was fast
    (lease(epoch=2, at=1000), lease(epoch=1, at=9999), False),
    (lease(state=b"free"), lease(state=b"active"), True),
    (lease(state=b"active"), lease(state=b"free"), False),
    (lease(epoch=1), lease(epoch=2), True),
    (lease(), Lease(A, lease().text.replace(b"  cltt", b"  tstp 0 2026/11/22 21:22:08;\n  cltt"), 1), False),
])
def test_newer(old: Lease | None, new: Lease, wins: bool) -> None:
    assert is_newer(old, new) is wins


@given(texts=st.lists(st.sampled_from([lease(), lease(epoch=2), lease(at=7)]), max_size=5))
def test_the_journal_gives_back_what_was_put_in(texts: list[Lease]) -> None:
    parser = LeaseFileParser()
    assert list(parser.feed(journal_text(texts, 7))) == texts
    assert parser.term == 7


def test_packing() -> None:
    small, large = lease(epoch=5), Lease(A, lease().text[:-2] + b'  set x = "' + b"ab" * 2000 + b'";\n}\n', 5)
    for one in (small, large):
        assert decode_lease(A.packed, encode_lease(one)) == one
        assert len(encode_lease(one)) < 1024
    for key, value in (
        (B.packed, encode_lease(small)),
        (A.packed, b""),
        (A.packed, encode_lease(small) + b"x"),
        (A.packed, bytes(8) + b"\x01junk"),
        (A.packed, encode_lease(small)[:-3]),
    ):
        with pytest.raises(ValueError, match=r".+"):
            decode_lease(key, value)
