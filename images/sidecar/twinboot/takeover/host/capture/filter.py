"""The kernel's filter for the capture: what it lets through, as a program of classic BPF.

Of all the traffic of the virtual addresses only this reaches Python: handshakes and ends (SYN, FIN, RST)
of every TCP connection, what clients send to the install services, what the FTP server says on control
connections, and the segments that begin like an HTTP response. File data does not.

Instructions are those of Documentation/networking/filter.rst of the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from twinboot.kernel.bpf import Step, assemble
from twinboot.takeover.logic.tcp.segment import ACK, FIN, RST, SYN
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

SNAP_BYTES = 16 << 10
"""Enough for the heads of many short responses; the rest of a large segment is cut off."""
WHOLE_BYTES = 66000
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


def program(addresses: Sequence[IPv4Address]) -> bytes:
    """The filter for connections to these addresses, as an array of struct sock_filter."""
    steps: list[Step | str] = [
        Step(_LD_H, _AT_TYPE), Step(_JEQ, _IPV4, no="drop"),
        Step(_LD_B, _AT_PROTOCOL), Step(_JEQ, _TCP, no="drop"),
        Step(_LD_H, _AT_FRAGMENT), Step(_JSET, 0x3FFF, yes="drop"),
        Step(_LDX_IP_HEADER, _AT_TCP),
        # M[0] = length of the IP header; M[1] = of both headers; M[2] = of the payload
        Step(_TXA), Step(_ST, 0),
        Step(_IND_B, _AT_TCP + 12), Step(_AND, 0xF0), Step(_RSH, 2), Step(_ADD_X), Step(_ST, 1),
        Step(_LD_MEM, 1), Step(_TAX), Step(_LD_H, _AT_TOTAL), Step(_SUB_X), Step(_ST, 2),
        Step(_LDX_MEM, 0),
        Step(_LD_W, _AT_TARGET), *_among(addresses, "in"),
        Step(_LD_W, _AT_SOURCE), *_among(addresses, "out"),
        Step(_JEQ, 0, yes="drop", no="drop"),
        "in",
        Step(_IND_B, _AT_TCP + 13), Step(_JSET, SYN | FIN | RST, yes="whole"),
        Step(_IND_H, _AT_TCP + 2), Step(_JEQ, FTP_PORT, yes="any"), Step(_JEQ, HTTP_PORT, no="drop"),
        "any",
        Step(_LD_MEM, 2), Step(_JGT, 0, yes="whole", no="drop"),
        "out",
        Step(_IND_B, _AT_TCP + 13), Step(_JSET, SYN | FIN | RST, yes="take"),
        Step(_IND_H, _AT_TCP), Step(_JEQ, FTP_PORT, yes="said"), Step(_JEQ, HTTP_PORT, no="drop"),
        Step(_LDX_MEM, 1), Step(_IND_W, _AT_TCP), Step(_JEQ, _HTTP, yes="take", no="drop"),
        "said",
        Step(_LD_MEM, 2), Step(_JGT, 0, yes="take", no="drop"),
        "take", Step(_RET, SNAP_BYTES),
        "whole", Step(_RET, WHOLE_BYTES),
        # The last: the kernel's check would else take the cells M[] for unset in what follows a refusal.
        "drop", Step(_RET, 0),
    ]
    return assemble(steps)


def answers(address: IPv4Address, snap_bytes: int) -> bytes:
    """For what clients answer to a question: TCP to the address with ACK or RST, and neither SYN nor FIN."""
    return assemble([
        Step(_LD_H, _AT_TYPE), Step(_JEQ, _IPV4, no="drop"),
        Step(_LD_B, _AT_PROTOCOL), Step(_JEQ, _TCP, no="drop"),
        Step(_LD_H, _AT_FRAGMENT), Step(_JSET, 0x3FFF, yes="drop"),
        Step(_LD_W, _AT_TARGET), Step(_JEQ, int(address), no="drop"),
        Step(_LDX_IP_HEADER, _AT_TCP), Step(_IND_B, _AT_TCP + 13), Step(_JSET, SYN | FIN, yes="drop"),
        Step(_JSET, ACK | RST, no="drop"),
        Step(_RET, snap_bytes), "drop", Step(_RET, 0),
    ])


def _among(addresses: Sequence[IPv4Address], label: str) -> list[Step]:
    return [Step(_JEQ, int(address), yes=label) for address in addresses]
