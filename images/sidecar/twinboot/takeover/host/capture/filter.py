"""The kernel's filter for the capture: what it lets through, as a program of classic BPF.

Of all the traffic of the virtual addresses only this reaches Python: handshakes and ends (SYN, FIN, RST)
of every TCP connection, what clients send to the install services, what the FTP server says on control
connections, and the segments that begin like an HTTP response. File data does not.

Instructions are those of Documentation/networking/filter.rst of the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from twinboot.kernel.bpf import Instruction, assemble
from twinboot.takeover.logic.tcp.segment import ACK, FIN, RST, SYN
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

SNAP_BYTES = 16 << 10
"""Enough for the heads of many short responses; the rest of a large segment is cut off."""
CLIENT_SNAP_BYTES = 66000
"""What clients say counts to its end: the kernel shows what it has joined to segments of up to 64 KiB."""

_IPV4 = 0x0800
_TCP = 6
_AT_TYPE, _AT_FRAGMENT, _AT_PROTOCOL, _AT_SOURCE, _AT_TARGET = 12, 20, 23, 26, 30
_AT_TCP = 14
"""Offsets within the TCP header are counted from here with the length of the IP header in X."""
_AT_TOTAL = 16
_HTTP = int.from_bytes(b"HTTP")

_LD_W, _LD_H, _LD_B = 0x20, 0x28, 0x30
_IND_W, _IND_H, _IND_B = 0x40, 0x48, 0x50
_LDX_IP_HEADER = 0xB1
"""X = 4 * (byte at k & 15)."""
_ST, _LDX_MEM, _LD_MEM = 0x02, 0x61, 0x60
_AND, _RSH, _ADD_X, _SUB_X, _TAX, _TXA = 0x54, 0x74, 0x0C, 0x1C, 0x07, 0x87
_JEQ, _JGT, _JSET = 0x15, 0x25, 0x45
_RET = 0x06


def connections_filter(addresses: Sequence[IPv4Address]) -> bytes:
    """The filter for connections to these addresses, as an array of struct sock_filter."""
    steps: list[Instruction | str] = [
        Instruction(_LD_H, _AT_TYPE),
        Instruction(_JEQ, _IPV4, jump_false="drop"),
        Instruction(_LD_B, _AT_PROTOCOL),
        Instruction(_JEQ, _TCP, jump_false="drop"),
        Instruction(_LD_H, _AT_FRAGMENT),
        Instruction(_JSET, 0x3FFF, jump_true="drop"),
        Instruction(_LDX_IP_HEADER, _AT_TCP),
        # M[0] = length of the IP header; M[1] = of both headers; M[2] = of the payload
        Instruction(_TXA),
        Instruction(_ST, 0),
        Instruction(_IND_B, _AT_TCP + 12),
        Instruction(_AND, 0xF0),
        Instruction(_RSH, 2),
        Instruction(_ADD_X),
        Instruction(_ST, 1),
        Instruction(_LD_MEM, 1),
        Instruction(_TAX),
        Instruction(_LD_H, _AT_TOTAL),
        Instruction(_SUB_X),
        Instruction(_ST, 2),
        Instruction(_LDX_MEM, 0),
        Instruction(_LD_W, _AT_TARGET),
        *_jump_if_any(addresses, "in"),
        Instruction(_LD_W, _AT_SOURCE),
        *_jump_if_any(addresses, "out"),
        Instruction(_JEQ, 0, jump_true="drop", jump_false="drop"),
        "in",
        Instruction(_IND_B, _AT_TCP + 13),
        Instruction(_JSET, SYN | FIN | RST, jump_true="whole"),
        Instruction(_IND_H, _AT_TCP + 2),
        Instruction(_JEQ, FTP_PORT, jump_true="any"),
        Instruction(_JEQ, HTTP_PORT, jump_false="drop"),
        "any",
        Instruction(_LD_MEM, 2),
        Instruction(_JGT, 0, jump_true="whole", jump_false="drop"),
        "out",
        Instruction(_IND_B, _AT_TCP + 13),
        Instruction(_JSET, SYN | FIN | RST, jump_true="take"),
        Instruction(_IND_H, _AT_TCP),
        Instruction(_JEQ, FTP_PORT, jump_true="said"),
        Instruction(_JEQ, HTTP_PORT, jump_false="drop"),
        Instruction(_LDX_MEM, 1),
        Instruction(_IND_W, _AT_TCP),
        Instruction(_JEQ, _HTTP, jump_true="take", jump_false="drop"),
        "said",
        Instruction(_LD_MEM, 2),
        Instruction(_JGT, 0, jump_true="take", jump_false="drop"),
        "take",
        Instruction(_RET, SNAP_BYTES),
        "whole",
        Instruction(_RET, CLIENT_SNAP_BYTES),
        # The last: the kernel's check would else take the cells M[] for unset in what follows a refusal.
        "drop",
        Instruction(_RET, 0),
    ]
    return assemble(steps)


def probe_replies_filter(address: IPv4Address, snap_bytes: int) -> bytes:
    """For what clients answer to a question: TCP to the address with ACK or RST, and neither SYN nor FIN."""
    return assemble(
        [
            Instruction(_LD_H, _AT_TYPE),
            Instruction(_JEQ, _IPV4, jump_false="drop"),
            Instruction(_LD_B, _AT_PROTOCOL),
            Instruction(_JEQ, _TCP, jump_false="drop"),
            Instruction(_LD_H, _AT_FRAGMENT),
            Instruction(_JSET, 0x3FFF, jump_true="drop"),
            Instruction(_LD_W, _AT_TARGET),
            Instruction(_JEQ, int(address), jump_false="drop"),
            Instruction(_LDX_IP_HEADER, _AT_TCP),
            Instruction(_IND_B, _AT_TCP + 13),
            Instruction(_JSET, SYN | FIN, jump_true="drop"),
            Instruction(_JSET, ACK | RST, jump_false="drop"),
            Instruction(_RET, snap_bytes),
            "drop",
            Instruction(_RET, 0),
        ]
    )


def _jump_if_any(addresses: Sequence[IPv4Address], label: str) -> list[Instruction]:
    return [Instruction(_JEQ, int(address), jump_true=label) for address in addresses]
