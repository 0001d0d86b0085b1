"""The packet sockets that see TFTP downloads, and the filters for them (packet(7), classic BPF).

Of all that goes by only the first words of a download reach Python, and a few of its acknowledgements; after
a claim all acknowledgements of the address that was claimed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.bpf import DROP_ALL, Instruction, Op, assemble
from twinboot.takeover.logic.protocols.tftp import SAMPLE_BLOCKS
from twinboot.takeover.logic.protocols.tftp_packets import ACK, OACK, PORT, Datagram, parse_datagram

from ....kernel.packet_socket import ETH_P_ALL, open_capture_socket
from ....kernel.socket_options import attach_filter
from .filter import AT_IP, AT_SOURCE, AT_TARGET, ipv4_only, jump_if_any

_SNAP_BYTES = 1024
_AT_ONCE = 256
_BUFFER_BYTES = 1 << 20
_UDP = 17
_TARGET_PORT, _OPCODE = AT_IP + 2, AT_IP + 8
_TAKE_OR_DROP = ("take", Instruction(Op.RETURN, _SNAP_BYTES), "drop", Instruction(Op.RETURN, 0))


class TftpSocket:
    """A packet socket whose filter may change. Never waits."""

    def __init__(self, interface: str) -> None:
        self._what = f"TFTP's packet socket on {interface}"
        self._socket = open_capture_socket(interface, ETH_P_ALL, DROP_ALL, _BUFFER_BYTES)

    def attach(self, program: bytes) -> None:
        try:
            attach_filter(self._socket, program)
        except OSError as exc:
            raise ResourceError(self._what, str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[Datagram]:
        found = []
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                one = parse_datagram(self._socket.recv(_SNAP_BYTES))
                if one is not None:
                    found.append(one)
        return found

    def close(self) -> None:
        self._socket.close()


def requests_filter(addresses: Sequence[IPv4Address]) -> bytes:
    """To these: UDP port 69, and acknowledgements of blocks 0 and 1 and of each SAMPLE_BLOCKS'th; from them:
    agreements on options."""
    return assemble([
        *ipv4_only(_UDP),
        Instruction(Op.LOAD_X_HEADER_LENGTH, AT_IP),
        Instruction(Op.LOAD_WORD, AT_TARGET),
        *jump_if_any(addresses, "in"),
        Instruction(Op.LOAD_WORD, AT_SOURCE),
        *jump_if_any(addresses, "out"),
        Instruction(Op.IF_EQUAL, 0, jump_true="drop", jump_false="drop"),
        "in",
        Instruction(Op.LOAD_HALF_AT_X, _TARGET_PORT),
        Instruction(Op.IF_EQUAL, PORT, jump_true="take"),
        Instruction(Op.LOAD_WORD_AT_X, _OPCODE),
        Instruction(Op.IF_EQUAL, ACK << 16 | 1, jump_true="take"),
        Instruction(Op.AND, 0xFFFF0000 | SAMPLE_BLOCKS - 1),
        Instruction(Op.IF_EQUAL, ACK << 16, jump_true="take", jump_false="drop"),
        "out",
        Instruction(Op.LOAD_HALF_AT_X, _OPCODE),
        Instruction(Op.IF_EQUAL, OACK, jump_true="take", jump_false="drop"),
        *_TAKE_OR_DROP,
    ])


def acks_filter(addresses: Sequence[IPv4Address]) -> bytes:
    """All that are sent to these addresses."""
    return assemble([
        *ipv4_only(_UDP),
        Instruction(Op.LOAD_X_HEADER_LENGTH, AT_IP),
        Instruction(Op.LOAD_WORD, AT_TARGET),
        *jump_if_any(addresses, "in"),
        Instruction(Op.IF_EQUAL, 0, jump_true="drop", jump_false="drop"),
        "in",
        Instruction(Op.LOAD_HALF_AT_X, _OPCODE),
        Instruction(Op.IF_EQUAL, ACK, jump_true="take", jump_false="drop"),
        *_TAKE_OR_DROP,
    ])
