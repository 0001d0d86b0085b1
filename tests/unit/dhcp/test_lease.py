"""Leases between servers: which is the newer one, and their form on the way."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.dhcp.lease import NEVER, DhcpLease, LeaseState, active_lease, is_newer
from twinboot.dhcp.lease_codec import decode_lease, encode_lease
from twinboot.wire.sections import put

A = IPv4Address("192.168.0.160")
TIMES = st.none() | st.integers(0, NEVER)
LEASES = st.builds(
    DhcpLease,
    address=st.ip_addresses(v=4),
    state=st.sampled_from(LeaseState),
    starts=TIMES,
    ends=TIMES,
    last_transaction=TIMES,
    hardware_type=st.integers(0, 0xFFFF),
    hardware=st.binary(min_size=1, max_size=16),
    client_id=st.binary(max_size=255),
    hostname=st.text(st.characters(codec="utf-8"), max_size=64),
    extensions=st.dictionaries(
        st.sampled_from(["isc", "kea", "toy"]), st.binary(min_size=1, max_size=2000)
    ).map(lambda found: tuple(found.items())),
    epoch=st.integers(0, 2**63),
)


def lease(epoch: int = 1, at: float = 1000.0, state: LeaseState = LeaseState.ACTIVE) -> DhcpLease:
    made = active_lease(A, bytes.fromhex("525400000001"), at=at, lease_s=60, epoch=epoch)
    return replace(made, state=state)


@pytest.mark.parametrize(("old", "new", "wins"), [
    (None, lease(), True),
    (lease(), lease(), False),
    (lease(at=1000), lease(at=1001), True),
    (lease(at=1001), lease(at=1000), False),
    (lease(epoch=1, at=9999), lease(epoch=2, at=1000), True),  # the old server's clock was fast
    (lease(epoch=2, at=1000), lease(epoch=1, at=9999), False),
    (lease(state=LeaseState.FREE), lease(state=LeaseState.ACTIVE), True),
    (lease(state=LeaseState.ACTIVE), lease(state=LeaseState.FREE), False),
    (lease(epoch=1), lease(epoch=2), True),
])
def test_newer(old: DhcpLease | None, new: DhcpLease, wins: bool) -> None:
    assert is_newer(old, new) is wins


def test_an_engine_tells_of_its_own_extension_alone() -> None:
    both = replace(lease(epoch=3), extensions=(("isc", b"a"), ("toy", b"b")))
    assert both.as_told_by("toy") == replace(lease(epoch=0), extensions=(("toy", b"b"),))
    assert both.as_told_by("kea") == lease(epoch=0)
    assert (both.extension("isc"), both.extension("kea")) == (b"a", b"")


@given(one=LEASES)
def test_what_is_packed_comes_out(one: DhcpLease) -> None:
    assert decode_lease(encode_lease(one)) == one


def test_a_large_one_shares_its_packet() -> None:
    large = replace(lease(), extensions=(("isc", b'set x = "' + b"ab" * 2000 + b'";\n'),))
    assert decode_lease(encode_lease(large)) == large
    assert len(encode_lease(large)) < 1024


def test_what_a_newer_release_adds_is_skipped() -> None:
    plain = encode_lease(lease())
    assert decode_lease(put(200, b"news") + plain + put(201, b"")) == lease()
    binding = plain[3:16]
    assert decode_lease(put(1, binding + b"more") + plain[16:]) == lease()


@pytest.mark.parametrize("data", [
    b"", b"junk", encode_lease(lease())[:-3], encode_lease(lease()) + b"x",
    put(1, b"short"), put(1, A.packed + b"\x63" + bytes(8)),  # a state of a later release
    encode_lease(lease()) + put(3, b"\xff" * 8), encode_lease(lease()) + put(5, b"\0\1\6abc"),
    encode_lease(lease()) + put(7, b"\xff"), encode_lease(lease()) + put(8, b""),
    encode_lease(lease()) + put(8, b"\x09isc"), put(9, b"junk"), put(9, encode_lease(lease())),
    put(2, bytes(8)),
])
def test_junk_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_lease(data)


@given(data=st.binary(max_size=80))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        decode_lease(data)
    except ValueError:
        return
