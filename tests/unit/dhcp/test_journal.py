"""The journal of leases on a disk."""

from __future__ import annotations

import base64
import zlib
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.dhcp.journal import FIRST_LINE, Journal, JournalContents
from twinboot.dhcp.lease import DhcpLease, active_lease
from twinboot.errors import ResourceError
from twinboot.wire.sections import put


def lease(last: int, at: float = 1000.0) -> DhcpLease:
    return active_lease(IPv4Address(f"192.168.0.{last}"), bytes(6), at=at, lease_s=60, epoch=2)


def line(record: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(record), base64.b64encode(record))


def test_it_keeps_and_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "twinboot.leases"
    journal = Journal(path)
    assert journal.load() == JournalContents()
    table = {i: lease(i) for i in range(100)}
    for turn in range(300):
        changed = {turn % 100: lease(turn % 100, at=2000.0 + turn)}
        table |= changed
        journal.append(changed.values(), table.values(), turn)
    assert path.stat().st_size < 400_000
    kept = Journal(path).load()
    assert {one.address: one for one in kept.leases} == {one.address: one for one in table.values()}
    assert (kept.term, kept.ignored) == (299, "")


@pytest.mark.parametrize("torn", [b"0", b"0123456", b"01234567 AAAA", b"\xff\x00\n\n"])
def test_a_line_that_a_power_cut_left_hides_nothing(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "twinboot.leases"
    journal = Journal(path)
    journal.append([lease(1)], [lease(1)], 1)
    with path.open("ab") as file:
        file.write(torn)
    journal.append([lease(3)], [lease(1), lease(3)], 1)
    kept = Journal(path).load()
    assert [(one.address.packed[-1], one.epoch) for one in kept.leases] == [(1, 2), (3, 2)]
    assert kept.ignored == ""


@given(cut=st.integers(0, 10_000))
def test_what_stands_before_a_cut_is_kept(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal") / "twinboot.leases"
    Journal(path).append([], [lease(1), lease(2), lease(3)], 4)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    kept = [one.address.packed[-1] for one in Journal(path).load().leases]
    assert kept == [1, 2, 3][:len(kept)]
    assert len(kept) >= whole[:cut].count(b"\n") - 2  # the first line and the term


@pytest.mark.parametrize("text", [
    b"# term 7\n# epoch 6\nlease 192.168.0.160 {\n  binding state active;\n}\n",
    b"twinboot-leases 2\nwhatever\n", b"\x00\xff\x80", b"x",
])
def test_another_form_is_as_good_as_none_and_is_replaced(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "twinboot.leases"
    path.write_bytes(text)
    journal = Journal(path)
    assert journal.load() == JournalContents(ignored="its form is unknown")
    journal.append([lease(1)], [lease(1)], 3)
    assert Journal(path).load() == JournalContents((lease(1),), 3)


def test_an_empty_file_is_nothing_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "twinboot.leases"
    path.touch()
    assert Journal(path).load() == JournalContents()


def test_records_and_sections_of_a_newer_release_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "twinboot.leases"
    Journal(path).append([], [lease(1)], 4)
    with path.open("ab") as file:
        file.write(line(put(77, b"news")) + line(put(1, (9).to_bytes(8, "big") + b"more") + put(78, b"")))
        file.write(line(put(2, b"no lease")))
    kept = Journal(path).load()
    assert (kept.leases, kept.term) == ((lease(1),), 9)
    assert kept.ignored == "1 of its records are none that this release knows"


def test_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="none"):
        Journal(tmp_path / "none" / "twinboot.leases").append([lease(1)], [], 1)
    with pytest.raises(ResourceError, match="cannot be read"):
        Journal(tmp_path).load()


def test_the_first_line_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "twinboot.leases"
    Journal(path).append([], [], 1)
    assert path.read_bytes().startswith(FIRST_LINE + b"\n")
