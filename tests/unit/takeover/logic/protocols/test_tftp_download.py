"""One download: its blocks and their numbers, and its record on the way to the peers."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.takeover.logic.protocols import tftp_download
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.protocols.tftp_options import Terms
from twinboot.wire.sections import put

FULL = Download(b"trees/rh9/vmlinuz", 2**40, 1_700_000_000, Terms(1408, 0, 0.05), 4321, 40000, True, True)


def counted(rollover: int | None, until: int) -> list[int]:
    """As tftpd-hpa counts: one more, and from 65535 to rollover."""
    numbers = [0]
    while len(numbers) <= until:
        numbers.append(numbers[-1] + 1 if numbers[-1] < 65535 else rollover or 0)
    return numbers


@pytest.mark.parametrize("rollover", [None, 0, 1])
def test_numbers_are_those_that_tftpd_counts(rollover: int | None) -> None:
    one = Download(b"f", 200_000 * 8, 1, Terms(8, rollover))
    numbers = counted(rollover, 200_000)
    assert [one.number(block) for block in range(200_001)] == numbers


@given(st.sampled_from([None, 0, 1]), st.integers(0, 200_000), st.integers(0, 65_534))
def test_a_number_means_the_next_block_that_has_it(rollover: int | None, floor: int, ahead: int) -> None:
    one = Download(b"f", 300_000 * 8, 1, Terms(8, rollover))
    assert one.following(one.number(floor + ahead), floor) == floor + ahead


def test_block_0_comes_once_where_1_follows_65535() -> None:
    one = Download(b"f", 300_000 * 8, 1, Terms(8, 1))
    assert [one.following(0, 0), one.following(0, 1), one.following(65_535, 0)] == [0, None, 65_535]


@pytest.mark.parametrize(("size", "last"), [(0, 1), (511, 1), (512, 2), (513, 2)])
def test_the_last_block_is_a_short_one(size: int, last: int) -> None:
    assert Download(b"f", size, 1).last_block == last


SMALL, ROLLED = Download(b"f", 5, -1), Download(b"f", 2**30, 1, Terms(512, 1), 70_000)


@pytest.mark.parametrize("one", [FULL, SMALL, ROLLED])
def test_a_record_survives_the_way_to_a_peer(one: Download) -> None:
    raw = tftp_download.encode(one)
    assert tftp_download.decode(raw) == one
    for bad in (b"", b"\1", raw[:10], b"\x09" + raw[1:], raw[:4] + b"\0\0" + raw[6:], raw[:-1]):
        with pytest.raises(ValueError, match=r"TFTP|blocks|section"):
            tftp_download.decode(bad)


def test_a_record_that_cannot_be_is_none() -> None:
    raw = tftp_download.encode(FULL)
    for bad in (raw.replace(struct.pack(">Q", 4321), struct.pack(">Q", 2**40)), raw[:-5] + b"\2" + raw[-4:]):
        with pytest.raises(ValueError, match="rollover"):
            tftp_download.decode(bad)


def test_the_release_before_is_understood_and_understands() -> None:
    """Its record: file, and position when block 32768 or 65536 has come. It does not read what it would count
    wrongly."""
    file = put(1, struct.pack(">HQq", 1408, 2**30, 5) + b"f")
    old = tftp_download.decode(b"\2" + file + put(2, struct.pack(">BH", 1, 3)))
    assert old == Download(b"f", 2**30, 5, Terms(1408), 3 * 65_536 + 32_768)
    assert tftp_download.decode(b"\2" + file).acknowledged == 0
    told = tftp_download.encode(Download(b"f", 2**30, 5, Terms(1408), 3 * 65_536 + 40_000, 40_000))
    assert told.startswith(b"\2" + file + put(2, struct.pack(">BH", 1, 3)))
    assert tftp_download.encode(Download(b"f", 2**30, 5, Terms(1408, 1)))[0] != 2
