"""The kernel's filter for the capture: what it lets through, as a program of classic BPF.

Of all the traffic of the virtual addresses only this reaches Python: handshakes and ends (SYN, FIN, RST)
of every TCP connection, what clients send to the install services, what the FTP server says on control
connections, and the segments that begin like an HTTP response. File data does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from twinboot.kernel.bpf import Instruction, Op, assemble
from twinboot.takeover.logic.tcp.segment import ACK, FIN, RST, SYN
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

SNAP_BYTES = 16 << 10
"""Enough for the heads of many short responses; the rest of a large segment is cut off."""
CLIENT_SNAP_BYTES = 66000
"""What clients say counts to its end: the kernel shows what it has joined to segments of up to 64 KiB."""

_IPV4 = 0x0800
_TCP = 6
_FRAGMENT_BITS = 0x3FFF
"""More fragments follow, or it is not the first."""
_AT_TYPE, _AT_FRAGMENT, _AT_PROTOCOL = 12, 20, 23
AT_SOURCE, AT_TARGET = 26, 30
"""Offsets of the IP addresses in an Ethernet frame."""
AT_IP = 14
"""Offsets within a TCP or UDP header are counted from here with the length of the IP header in X."""
_AT_TOTAL = 16
_HTTP = int.from_bytes(b"HTTP")


def connections_filter(addresses: Sequence[IPv4Address]) -> bytes:
    """The filter for connections to these addresses, as an array of struct sock_filter."""
    steps: list[Instruction | str] = [
        *ipv4_only(_TCP),
        Instruction(Op.LOAD_X_HEADER_LENGTH, AT_IP),
        # M[0] = length of the IP header; M[1] = of both headers; M[2] = of the payload
        Instruction(Op.X_TO_A),
        Instruction(Op.STORE_MEMORY, 0),
        Instruction(Op.LOAD_BYTE_AT_X, AT_IP + 12),
        Instruction(Op.AND, 0xF0),
        Instruction(Op.SHIFT_RIGHT, 2),
        Instruction(Op.ADD_X),
        Instruction(Op.STORE_MEMORY, 1),
        Instruction(Op.LOAD_MEMORY, 1),
        Instruction(Op.A_TO_X),
        Instruction(Op.LOAD_HALF, _AT_TOTAL),
        Instruction(Op.SUBTRACT_X),
        Instruction(Op.STORE_MEMORY, 2),
        Instruction(Op.LOAD_X_MEMORY, 0),
        Instruction(Op.LOAD_WORD, AT_TARGET),
        *jump_if_any(addresses, "in"),
        Instruction(Op.LOAD_WORD, AT_SOURCE),
        *jump_if_any(addresses, "out"),
        Instruction(Op.IF_EQUAL, 0, jump_true="drop", jump_false="drop"),
        "in",
        Instruction(Op.LOAD_BYTE_AT_X, AT_IP + 13),
        Instruction(Op.IF_ANY_BIT, SYN | FIN | RST, jump_true="whole"),
        Instruction(Op.LOAD_HALF_AT_X, AT_IP + 2),
        Instruction(Op.IF_EQUAL, FTP_PORT, jump_true="any"),
        Instruction(Op.IF_EQUAL, HTTP_PORT, jump_false="drop"),
        "any",
        Instruction(Op.LOAD_MEMORY, 2),
        Instruction(Op.IF_GREATER, 0, jump_true="whole", jump_false="drop"),
        "out",
        Instruction(Op.LOAD_BYTE_AT_X, AT_IP + 13),
        Instruction(Op.IF_ANY_BIT, SYN | FIN | RST, jump_true="take"),
        Instruction(Op.LOAD_HALF_AT_X, AT_IP),
        Instruction(Op.IF_EQUAL, FTP_PORT, jump_true="said"),
        Instruction(Op.IF_EQUAL, HTTP_PORT, jump_false="drop"),
        Instruction(Op.LOAD_X_MEMORY, 1),
        Instruction(Op.LOAD_WORD_AT_X, AT_IP),
        Instruction(Op.IF_EQUAL, _HTTP, jump_true="take", jump_false="drop"),
        "said",
        Instruction(Op.LOAD_MEMORY, 2),
        Instruction(Op.IF_GREATER, 0, jump_true="take", jump_false="drop"),
        "take",
        Instruction(Op.RETURN, SNAP_BYTES),
        "whole",
        Instruction(Op.RETURN, CLIENT_SNAP_BYTES),
        # The last: the kernel's check would else take the cells M[] for unset in what follows a refusal.
        "drop",
        Instruction(Op.RETURN, 0),
    ]
    return assemble(steps)


def probe_replies_filter(address: IPv4Address, snap_bytes: int) -> bytes:
    """For what clients answer to a question: TCP to the address with ACK or RST, and neither SYN nor FIN."""
    return assemble(
        [
            *ipv4_only(_TCP),
            Instruction(Op.LOAD_WORD, AT_TARGET),
            Instruction(Op.IF_EQUAL, int(address), jump_false="drop"),
            Instruction(Op.LOAD_X_HEADER_LENGTH, AT_IP),
            Instruction(Op.LOAD_BYTE_AT_X, AT_IP + 13),
            Instruction(Op.IF_ANY_BIT, SYN | FIN, jump_true="drop"),
            Instruction(Op.IF_ANY_BIT, ACK | RST, jump_false="drop"),
            Instruction(Op.RETURN, snap_bytes),
            "drop",
            Instruction(Op.RETURN, 0),
        ]
    )


def ipv4_only(protocol: int) -> list[Instruction]:
    """To "drop" unless it is IPv4 of this protocol, and no fragment."""
    return [
        Instruction(Op.LOAD_HALF, _AT_TYPE),
        Instruction(Op.IF_EQUAL, _IPV4, jump_false="drop"),
        Instruction(Op.LOAD_BYTE, _AT_PROTOCOL),
        Instruction(Op.IF_EQUAL, protocol, jump_false="drop"),
        Instruction(Op.LOAD_HALF, _AT_FRAGMENT),
        Instruction(Op.IF_ANY_BIT, _FRAGMENT_BITS, jump_true="drop"),
    ]


def jump_if_any(addresses: Sequence[IPv4Address], label: str) -> list[Instruction]:
    """To the label when the loaded word is one of the addresses."""
    return [Instruction(Op.IF_EQUAL, int(address), jump_true=label) for address in addresses]
