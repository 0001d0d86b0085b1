"""Looks at this machine's network: interfaces, addresses, neighbours, listeners, sysctls.

One look needs a capability (heard_on: NET_RAW). Everything else is read from /sys, /proc and rtnetlink, or
asked by a plain datagram.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from twinboot import paths
from twinboot.adapters import clock
from twinboot.adapters.lan import same_lan
from twinboot.adapters.lan.address import AddressTable
from twinboot.adapters.links import serial
from twinboot.daemons import DAEMONS
from twinboot.errors import ResourceError

PORTS = (
    *sorted(((one.name, str(port.transport), port.number) for one in DAEMONS for port in one.ports),
            key=lambda row: row[2]),
    ("sidecar", "udp", 694),
)
"""Service, protocol and port of everything the stack listens on, by number."""

_NET = Path("/sys/class/net")
_PROC = Path("/proc")
_TTY = Path("/sys/class/tty")
_PSEUDO_TERMINALS = range(136, 144)  # majors of UNIX98 pseudo-terminals, devices.txt
_TCP_LISTEN = "0A"
_UDP_BOUND = "07"
_ARP_COMPLETE = 0x2
_DISCARD = 9
_ARP_WAIT_S = 0.6


@dataclass(frozen=True, slots=True)
class Interface:
    up: bool
    carrier: bool


def interfaces() -> list[str]:
    """Interfaces an operator might mean: not those that container engines make."""
    names = sorted(path.name for path in _NET.iterdir()) if _NET.is_dir() else []
    return [name for name in names if name != "lo" and not name.startswith(("veth", "br-", "docker", "ifb"))]


def interface(name: str) -> Interface | None:
    """The interface; None when there is no such interface."""
    base = _NET / name
    try:
        flags = int((base / "flags").read_text(), 16)
    except (OSError, ValueError):
        return None
    carrier = "0"
    with contextlib.suppress(OSError):  # EINVAL while the interface is down
        carrier = (base / "carrier").read_text().strip()
    return Interface(up=bool(flags & 1), carrier=carrier == "1")


def serial_port(device: str) -> tuple[str, str] | None:
    """What is wrong with a serial port, and what to do; None when nothing is. Opens nothing."""
    absent = (f"no {device} here", "plug the adapter in, or correct the site file; `ls -l /dev/serial/by-id`")
    try:
        path = serial.resolve_device(paths.HOST_DEV, device)
        state = path.stat()
    except OSError:
        return absent
    if not stat.S_ISCHR(state.st_mode):
        return f"{device} is not a device", absent[1]
    if os.major(state.st_rdev) in _PSEUDO_TERMINALS:
        return None
    port = _TTY / path.name
    if not port.is_dir():
        return f"{device} is not a serial port", "name another one; `ls /sys/class/tty`"
    if _word(port / "type") == "0":  # PORT_UNKNOWN, linux/serial.h: a name without hardware
        return f"no hardware behind {device}", "name another port; `dmesg | grep tty` shows those with one"
    if path.name in _word(_TTY / "console/active").split():
        return f"the kernel writes its console to {device}", "take console= out of its command line"
    return None


def _word(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def addresses(name: str) -> frozenset[str]:
    """IPv4 addresses on an interface."""
    table = AddressTable(clock.now)
    try:
        return frozenset(str(address) for address in table.list_addresses(name))
    except ResourceError:
        return frozenset()
    finally:
        table.close()


def networks(name: str, address: IPv4Address | None = None) -> frozenset[IPv4Network]:
    """Networks that the interface's addresses lie in, or that this one alone does."""
    table = AddressTable(clock.now)
    try:
        return table.networks(name, address)
    except ResourceError:
        return frozenset()
    finally:
        table.close()


def has_lifetime(name: str, address: str) -> bool:
    """Whether an address on the interface has a lifetime, as those of an agent have."""
    table = AddressTable(clock.now)
    try:
        return table.lifetime(name, IPv4Address(address)) is not None
    except ResourceError:
        return False
    finally:
        table.close()


def heard_on(name: str, own: IPv4Address) -> frozenset[str]:
    """Other interfaces, up and with a carrier, whose broadcasts arrive at this one; none where that cannot be
    asked (it takes CAP_NET_RAW). A port of a bridge or of a bond is no card of its own."""
    others = [
        one for one in interfaces()
        if one != name and not (_NET / one / "master").exists()
        and (state := interface(one)) is not None and state.carrier
    ]
    try:
        return same_lan.heard_on(name, others, own) if others else frozenset()
    except ResourceError:
        return frozenset()


def sysctl(name: str) -> str:
    try:
        return (_PROC / "sys" / name).read_text().strip()
    except OSError:
        return ""


def neighbours(name: str, wanted: Sequence[str]) -> dict[str, str]:
    """MAC addresses of those that answer ARP on the interface.

    A datagram to the discard port makes the kernel ask; what it learnt stands in /proc/net/arp.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")
        for address in wanted:
            with contextlib.suppress(OSError):
                sock.sendto(b"", (address, _DISCARD))
        end = time.monotonic() + _ARP_WAIT_S
        found = _arp_table(name)
        while not set(wanted) <= found.keys() and time.monotonic() < end:
            time.sleep(0.05)
            found = _arp_table(name)
    return {address: found[address] for address in wanted if address in found}


def listeners(protocol: str, port: int) -> list[str]:
    """Addresses on which something listens that a service of ours would collide with."""
    state = _TCP_LISTEN if protocol == "tcp" else _UDP_BOUND
    found: list[str] = []
    for table in (protocol, f"{protocol}6"):
        for address in _bound(table, port, state):
            # A stub on 127.0.0.53 and the like is in nobody's way: no service of ours listens there.
            if not (address.startswith("127.") and address != "127.0.0.1"):
                found.append(address)
    return found


def _bound(table: str, port: int, state: str) -> Iterator[str]:
    """Local addresses in /proc/net/{tcp,tcp6,udp,udp6} (proc(5)) bound to a port."""
    try:
        lines = (_PROC / "net" / table).read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if len(fields) < 4 or fields[3] != state:
            continue
        address, _, number = fields[1].rpartition(":")
        if int(number, 16) != port:
            continue
        raw = b"".join(struct.pack("=I", int(address[i:i + 8], 16)) for i in range(0, len(address), 8))
        yield socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _arp_table(name: str) -> dict[str, str]:
    try:
        lines = (_PROC / "net" / "arp").read_text().splitlines()[1:]
    except OSError:
        return {}
    rows = [line.split() for line in lines]
    return {row[0]: row[3] for row in rows
            if len(row) >= 6 and row[5] == name and int(row[2], 16) & _ARP_COMPLETE}
