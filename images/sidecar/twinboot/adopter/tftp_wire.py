"""The packet sockets that see TFTP downloads, and the filters for them (packet(7), classic BPF).

Of all that goes by only the first words of a download reach Python, and a few of its acknowledgements; after
a claim all acknowledgements of the address that was claimed.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from ipaddress import IPv4Address

from twinboot.adopt import tftp
from twinboot.errors import ResourceError
from twinboot.wire.bpf import SO_ATTACH_FILTER, Program

_ETH_P_ALL = 3
_SNAP_BYTES = 1024
_AT_ONCE = 256
_BUFFER_BYTES = 1 << 20
NOTHING = struct.pack("@HBBI", 0x06, 0, 0, 0)
"""The filter that lets nothing through."""


class Packets:
    """A packet socket whose filter may change. Never waits."""

    def __init__(self, interface: str) -> None:
        self._what = f"TFTP's packet socket on {interface}"
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            self._socket = socket.socket(socket.AF_PACKET, kind, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self.attach(NOTHING)
            self._socket.bind((interface, _ETH_P_ALL))
        except OSError as exc:
            raise ResourceError(self._what, str(exc)) from exc

    def attach(self, program: bytes) -> None:
        what = Program(program)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, what.option)
        except OSError as exc:
            raise ResourceError(self._what, str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[tftp.Datagram]:
        found = []
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                one = tftp.datagram(self._socket.recv(_SNAP_BYTES))
                if one is not None:
                    found.append(one)
        return found

    def close(self) -> None:
        self._socket.close()


def requests(addresses: list[IPv4Address]) -> bytes:
    """To these: UDP port 69, and acknowledgements of block 0 and 32768; from them: agreements on options."""
    among = [int(address) for address in addresses]
    steps: list[tuple[int, str, str, int]] = [
        *_udp(), (0x20, "", "", 30), *((0x15, "in", "", one) for one in among),
        (0x20, "", "", 26), *((0x15, "out", "", one) for one in among), (0x15, "drop", "drop", 0),
        (0, "in", "", 0),
        (0x48, "", "", 14 + 2), (0x15, "take", "", tftp.PORT),
        (0x40, "", "", 14 + 8), (0x15, "take", "", 4 << 16), (0x15, "take", "drop", 4 << 16 | tftp.HALF),
        (0, "out", "", 0),
        (0x48, "", "", 14 + 8), (0x15, "take", "drop", 6),
        (0, "take", "", 0), (0x06, "", "", _SNAP_BYTES), (0, "drop", "", 0), (0x06, "", "", 0),
    ]
    return _assembled(steps)


def acknowledgements(addresses: list[IPv4Address]) -> bytes:
    """All that are sent to these addresses."""
    return _assembled([
        *_udp(), (0x20, "", "", 30), *((0x15, "in", "", int(one)) for one in addresses),
        (0x15, "drop", "drop", 0),
        (0, "in", "", 0), (0x48, "", "", 14 + 8), (0x15, "take", "drop", 4),
        (0, "take", "", 0), (0x06, "", "", _SNAP_BYTES), (0, "drop", "", 0), (0x06, "", "", 0),
    ])


def _udp() -> list[tuple[int, str, str, int]]:
    """IPv4, UDP, no fragment; X = length of the IP header."""
    return [
        (0x28, "", "", 12), (0x15, "", "drop", 0x0800), (0x30, "", "", 23), (0x15, "", "drop", 17),
        (0x28, "", "", 20), (0x45, "drop", "", 0x3FFF), (0xB1, "", "", 14),
    ]


def _assembled(steps: list[tuple[int, str, str, int]]) -> bytes:
    """Code 0 is a label and no instruction. Labels become distances, forward only (filter.rst)."""
    places: dict[str, int] = {}
    plain: list[tuple[int, str, str, int]] = []
    for step in steps:
        if step[0] == 0:
            places[step[1]] = len(plain)
        else:
            plain.append(step)
    return b"".join(
        struct.pack("@HBBI", code, *(places[name] - at - 1 if name else 0 for name in (yes, no)), value)
        for at, (code, yes, no, value) in enumerate(plain)
    )
