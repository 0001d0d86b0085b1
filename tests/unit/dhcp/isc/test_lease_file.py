"""dhcpd's lease file on a disk."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from twinboot.dhcp.isc.lease_file import IscLeaseFile
from twinboot.dhcp.isc.lease_text import declaration
from twinboot.dhcp.lease import DhcpLease, active_lease
from twinboot.errors import ResourceError


def lease(last: int, at: float = 1000.0) -> DhcpLease:
    return active_lease(IPv4Address(f"192.168.0.{last}"), bytes(6), at=at, lease_s=60, epoch=2)


def test_it_is_read_as_it_grows_and_again_when_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "dhcpd.leases"
    file = IscLeaseFile(tmp_path)
    assert file.read() == []
    second = declaration(lease(2))
    path.write_bytes(declaration(lease(1)) + second[:50])
    assert [one.address.packed[-1] for one in file.read()] == [1]
    with path.open("ab") as grown:
        grown.write(second[50:])
    assert [one.address.packed[-1] for one in file.read()] == [2]
    assert file.read() == []
    other = tmp_path / "dhcpd.leases.1795380075"
    other.write_bytes(declaration(lease(1)) + second + declaration(lease(3)))
    os.replace(other, path)
    assert [one.address.packed[-1] for one in file.read()] == [1, 2, 3]
    file.close()


def test_what_is_written_is_dhcpds_to_go_on_with(tmp_path: Path) -> None:
    path = tmp_path / "dhcpd.leases"
    file = IscLeaseFile(tmp_path)
    os.umask(0o077)
    try:
        file.write([lease(1), lease(2)])
    finally:
        os.umask(0o022)
    assert path.stat().st_mode & 0o777 == 0o664
    assert [one.address.packed[-1] for one in file.read()] == [1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["dhcpd.leases"]
    file.close()


def test_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="none"):
        IscLeaseFile(tmp_path / "none").write([])
    (tmp_path / "dhcpd.leases").mkdir()
    with pytest.raises(ResourceError, match=r"dhcpd\.leases"):
        IscLeaseFile(tmp_path).read()
