"""The kernel's filter for the capture: what it lets through, as a program of classic BPF.

Of all the traffic of the virtual addresses only this reaches Python: handshakes and ends (SYN, FIN, RST)
of every TCP connection, what clients send to the install services, what the FTP server says on control
connections, and the segments that begin like an HTTP response. File data does not.

Instructions are those of Documentation/networking/filter.rst of the kernel.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from twinboot.adopt.segment import ACK, FIN, RST, SYN
from twinboot.adopt.tracker import FTP_PORT, HTTP_PORT

SNAP_BYTES = 4096
"""Enough for the headers and the head of a response; the rest of a large segment is cut off."""

NOTHING = struct.pack("@HBBI", 0x06, 0, 0, 0)
"""The filter that lets nothing through."""

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


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction; yes, no: the label to go to, empty for the next instruction."""

    code: int
    value: int = 0
    yes: str = ""
    no: str = ""


def program(addresses: Sequence[IPv4Address]) -> bytes:
    """The filter for connections to these addresses, as an array of struct sock_filter."""
    steps: list[_Step | str] = [
        _Step(_LD_H, _AT_TYPE), _Step(_JEQ, _IPV4, no="drop"),
        _Step(_LD_B, _AT_PROTOCOL), _Step(_JEQ, _TCP, no="drop"),
        _Step(_LD_H, _AT_FRAGMENT), _Step(_JSET, 0x3FFF, yes="drop"),
        _Step(_LDX_IP_HEADER, _AT_TCP),
        # M[0] = length of the IP header; M[1] = of both headers; M[2] = of the payload
        _Step(_TXA), _Step(_ST, 0),
        _Step(_IND_B, _AT_TCP + 12), _Step(_AND, 0xF0), _Step(_RSH, 2), _Step(_ADD_X), _Step(_ST, 1),
        _Step(_LD_MEM, 1), _Step(_TAX), _Step(_LD_H, _AT_TOTAL), _Step(_SUB_X), _Step(_ST, 2),
        _Step(_LDX_MEM, 0),
        _Step(_LD_W, _AT_TARGET), *_among(addresses, "in"),
        _Step(_LD_W, _AT_SOURCE), *_among(addresses, "out"),
        _Step(_JEQ, 0, yes="drop", no="drop"),
        "in",
        _Step(_IND_B, _AT_TCP + 13), _Step(_JSET, SYN | FIN | RST, yes="take"),
        _Step(_IND_H, _AT_TCP + 2), _Step(_JEQ, FTP_PORT, yes="any"), _Step(_JEQ, HTTP_PORT, no="drop"),
        "any",
        _Step(_LD_MEM, 2), _Step(_JGT, 0, yes="take", no="drop"),
        "out",
        _Step(_IND_B, _AT_TCP + 13), _Step(_JSET, SYN | FIN | RST, yes="take"),
        _Step(_IND_H, _AT_TCP), _Step(_JEQ, FTP_PORT, yes="said"), _Step(_JEQ, HTTP_PORT, no="drop"),
        _Step(_LDX_MEM, 1), _Step(_IND_W, _AT_TCP), _Step(_JEQ, _HTTP, yes="take", no="drop"),
        "said",
        _Step(_LD_MEM, 2), _Step(_JGT, 0, yes="take", no="drop"),
        "take", _Step(_RET, SNAP_BYTES),
        # The last: the kernel's check would else take the cells M[] for unset in what follows a refusal.
        "drop", _Step(_RET, 0),
    ]
    return _assemble(steps)


def answers(address: IPv4Address, snap_bytes: int) -> bytes:
    """For what clients answer to a question: TCP to the address with ACK or RST, and neither SYN nor FIN."""
    return _assemble([
        _Step(_LD_H, _AT_TYPE), _Step(_JEQ, _IPV4, no="drop"),
        _Step(_LD_B, _AT_PROTOCOL), _Step(_JEQ, _TCP, no="drop"),
        _Step(_LD_H, _AT_FRAGMENT), _Step(_JSET, 0x3FFF, yes="drop"),
        _Step(_LD_W, _AT_TARGET), _Step(_JEQ, int(address), no="drop"),
        _Step(_LDX_IP_HEADER, _AT_TCP), _Step(_IND_B, _AT_TCP + 13), _Step(_JSET, SYN | FIN, yes="drop"),
        _Step(_JSET, ACK | RST, no="drop"),
        _Step(_RET, snap_bytes), "drop", _Step(_RET, 0),
    ])


def _among(addresses: Sequence[IPv4Address], label: str) -> list[_Step]:
    return [_Step(_JEQ, int(address), yes=label) for address in addresses]


def _assemble(steps: Sequence[_Step | str]) -> bytes:
    """Labels become distances; they lead forward only, as the kernel demands."""
    places: dict[str, int] = {}
    plain: list[_Step] = []
    for step in steps:
        if isinstance(step, str):
            places[step] = len(plain)
        else:
            plain.append(step)

    def jump(at: int, label: str) -> int:
        return places[label] - at - 1 if label else 0

    return b"".join(
        struct.pack("@HBBI", step.code, jump(at, step.yes), jump(at, step.no), step.value)
        for at, step in enumerate(plain)
    )
