"""The packet sockets that see TFTP downloads, and the filters for them (packet(7), classic BPF).

Of all that goes by only the first words of a download reach Python, and a few of its acknowledgements; after
a claim all acknowledgements of the address that was claimed.
"""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.bpf import NOTHING, Step, assemble
from twinboot.takeover.logic.protocols import tftp

from ....kernel.packet_socket import attach, open_packets

_ETH_P_ALL = 3
_SNAP_BYTES = 1024
_AT_ONCE = 256
_BUFFER_BYTES = 1 << 20


class Packets:
    """A packet socket whose filter may change. Never waits."""

    def __init__(self, interface: str) -> None:
        self._what = f"TFTP's packet socket on {interface}"
        self._socket = open_packets(interface, _ETH_P_ALL, NOTHING, _BUFFER_BYTES)

    def attach(self, program: bytes) -> None:
        try:
            attach(self._socket, program)
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
    steps: list[Step | str] = [
        *_udp(), Step(0x20, 30), *(Step(0x15, one, "in") for one in among),
        Step(0x20, 26), *(Step(0x15, one, "out") for one in among), Step(0x15, 0, "drop", "drop"),
        "in",
        Step(0x48, 14 + 2), Step(0x15, tftp.PORT, "take"),
        Step(0x40, 14 + 8), Step(0x15, 4 << 16, "take"), Step(0x15, 4 << 16 | tftp.HALF, "take", "drop"),
        "out",
        Step(0x48, 14 + 8), Step(0x15, 6, "take", "drop"),
        "take", Step(0x06, _SNAP_BYTES), "drop", Step(0x06, 0),
    ]
    return assemble(steps)


def acknowledgements(addresses: list[IPv4Address]) -> bytes:
    """All that are sent to these addresses."""
    return assemble([
        *_udp(), Step(0x20, 30), *(Step(0x15, int(one), "in") for one in addresses),
        Step(0x15, 0, "drop", "drop"),
        "in", Step(0x48, 14 + 8), Step(0x15, 4, "take", "drop"),
        "take", Step(0x06, _SNAP_BYTES), "drop", Step(0x06, 0),
    ])


def _udp() -> list[Step | str]:
    """IPv4, UDP, no fragment; X = length of the IP header."""
    return [
        Step(0x28, 12), Step(0x15, 0x0800, no="drop"), Step(0x30, 23), Step(0x15, 17, no="drop"),
        Step(0x28, 20), Step(0x45, 0x3FFF, "drop"), Step(0xB1, 14),
    ]
