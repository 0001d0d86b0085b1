"""The lease file and the journal on a disk."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from twinboot.dhcp.isc.lease_file import FolderChanges, Journal, LeaseFile
from twinboot.dhcp.isc.lease_text import Lease, active_lease
from twinboot.errors import ResourceError


def lease(last: int, at: float = 1000.0) -> Lease:
    return active_lease(IPv4Address(f"192.168.0.{last}"), bytes(6), at=at, lease_s=60, epoch=2)


def test_it_is_read_as_it_grows_and_again_when_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "dhcpd.leases"
    file = LeaseFile(path)
    assert file.read() == []
    path.write_bytes(lease(1).text + lease(2).text[:50])
    assert [one.address.packed[-1] for one in file.read()] == [1]
    with path.open("ab") as grown:
        grown.write(lease(2).text[50:])
    assert [one.address.packed[-1] for one in file.read()] == [2]
    assert file.read() == []
    other = tmp_path / "dhcpd.leases.1795380075"
    other.write_bytes(lease(1).text + lease(2).text + lease(3).text)
    os.replace(other, path)
    assert [one.address.packed[-1] for one in file.read()] == [1, 2, 3]
    file.close()


def test_what_is_written_is_dhcpds_to_go_on_with(tmp_path: Path) -> None:
    path = tmp_path / "dhcpd.leases"
    file = LeaseFile(path)
    os.umask(0o077)
    try:
        file.write([lease(1), lease(2)])
    finally:
        os.umask(0o022)
    assert path.stat().st_mode & 0o777 == 0o664
    assert [one.address.packed[-1] for one in file.read()] == [1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["dhcpd.leases"]
    file.close()


def test_the_journal_keeps_and_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "twinboot.leases"
    store = Journal(path)
    assert store.load() == ([], 0)
    table = {i: lease(i) for i in range(100)}
    for turn in range(300):
        changed = {turn % 100: lease(turn % 100, at=2000.0 + turn)}
        table |= changed
        store.append(changed.values(), table.values(), turn)
    assert path.stat().st_size < 400_000
    kept, term = Journal(path).load()
    assert {one.address: one for one in kept} == {one.address: one for one in table.values()}
    assert term == 299


def test_a_line_that_a_power_cut_left_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "twinboot.leases"
    store = Journal(path)
    store.append([lease(1)], [lease(1)], 1)
    with path.open("ab") as torn:
        torn.write(lease(2).text[:60])
    store.append([lease(3)], [lease(1), lease(3)], 1)
    assert [(one.address.packed[-1], one.epoch) for one in Journal(path).load()[0]] == [(1, 2), (3, 2)]


def test_faults_name_the_file(tmp_path: Path) -> None:
    nowhere = tmp_path / "none" / "dhcpd.leases"
    with pytest.raises(ResourceError, match="none"):
        LeaseFile(nowhere).write([])
    with pytest.raises(ResourceError, match="none"):
        Journal(nowhere).append([lease(1)], [], 1)
    with pytest.raises(ResourceError, match="none"):
        FolderChanges(nowhere.parent)


def test_news_comes_when_a_file_grows(tmp_path: Path) -> None:
    news = FolderChanges(tmp_path)
    os.set_blocking(news.fileno(), False)
    with pytest.raises(BlockingIOError):
        os.read(news.fileno(), 4096)
    (tmp_path / "dhcpd.leases").write_bytes(b"x")
    assert os.read(news.fileno(), 4096)
    news.drain()
    news.close()
