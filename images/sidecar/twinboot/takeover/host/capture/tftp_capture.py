"""The packet sockets that see TFTP downloads, and the filters for them (packet(7), classic BPF).

Of all that goes by only the first words of a download reach Python, and a few of its acknowledgements; after
a claim all acknowledgements of the address that was claimed.
"""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.bpf import DROP_ALL, Instruction, assemble
from twinboot.takeover.logic.protocols import tftp

from ....kernel.packet_socket import attach_filter, open_packet_socket

_ETH_P_ALL = 3
_SNAP_BYTES = 1024
_AT_ONCE = 256
_BUFFER_BYTES = 1 << 20


class TftpSocket:
    """A packet socket whose filter may change. Never waits."""

    def __init__(self, interface: str) -> None:
        self._what = f"TFTP's packet socket on {interface}"
        self._socket = open_packet_socket(interface, _ETH_P_ALL, DROP_ALL, _BUFFER_BYTES)

    def attach(self, program: bytes) -> None:
        try:
            attach_filter(self._socket, program)
        except OSError as exc:
            raise ResourceError(self._what, str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[tftp.Datagram]:
        found = []
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                one = tftp.parse_datagram(self._socket.recv(_SNAP_BYTES))
                if one is not None:
                    found.append(one)
        return found

    def close(self) -> None:
        self._socket.close()


def requests_filter(addresses: list[IPv4Address]) -> bytes:
    """To these: UDP port 69, and acknowledgements of block 0 and 32768; from them: agreements on options."""
    among = [int(address) for address in addresses]
    steps: list[Instruction | str] = [
        *_udp(),
        Instruction(0x20, 30),
        *(Instruction(0x15, one, "in") for one in among),
        Instruction(0x20, 26),
        *(Instruction(0x15, one, "out") for one in among),
        Instruction(0x15, 0, "drop", "drop"),
        "in",
        Instruction(0x48, 14 + 2),
        Instruction(0x15, tftp.PORT, "take"),
        Instruction(0x40, 14 + 8),
        Instruction(0x15, 4 << 16, "take"),
        Instruction(0x15, 4 << 16 | tftp.HALF_WAY, "take", "drop"),
        "out",
        Instruction(0x48, 14 + 8),
        Instruction(0x15, 6, "take", "drop"),
        "take",
        Instruction(0x06, _SNAP_BYTES),
        "drop",
        Instruction(0x06, 0),
    ]
    return assemble(steps)


def acks_filter(addresses: list[IPv4Address]) -> bytes:
    """All that are sent to these addresses."""
    return assemble([
        *_udp(), Instruction(0x20, 30), *(Instruction(0x15, int(one), "in") for one in addresses),
        Instruction(0x15, 0, "drop", "drop"),
        "in", Instruction(0x48, 14 + 8), Instruction(0x15, 4, "take", "drop"),
        "take", Instruction(0x06, _SNAP_BYTES), "drop", Instruction(0x06, 0),
    ])


def _udp() -> list[Instruction | str]:
    """IPv4, UDP, no fragment; X = length of the IP header."""
    return [
        Instruction(0x28, 12),
        Instruction(0x15, 0x0800, jump_false="drop"),
        Instruction(0x30, 23),
        Instruction(0x15, 17, jump_false="drop"),
        Instruction(0x28, 20),
        Instruction(0x45, 0x3FFF, "drop"),
        Instruction(0xB1, 14),
    ]
