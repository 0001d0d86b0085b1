"""The DHCP packets of the lab's instruments, against what the RFCs say of each field."""

from __future__ import annotations

import socket
import struct

from twinlab.inside import dhcp

MAC = b"\x52\x54\x02\0\0\7"
SERVER_MAC = b"\x02\x42\0\0\0\x01"
OFFERED, SERVER = socket.inet_aton("192.168.0.21"), socket.inet_aton("192.168.0.253")


def reply(kind: int, *, port: int = 67, operation: int = 2) -> bytes:
    """A server's frame, made from a client's: the same fields with other contents (RFC 2131, figure 1)."""
    text = bytearray(dhcp.message(kind, MAC, 77, options=[(54, SERVER)]))
    text[0] = operation
    text[16:20], text[20:24], text[108:118] = OFFERED, SERVER, b"pxelinux.0"
    raw = bytearray(dhcp.frame(SERVER_MAC, bytes(text), source=SERVER))
    raw[34:38] = struct.pack("!HH", port, 68)
    return bytes(raw)


def test_an_answer_is_read() -> None:
    found = dhcp.reply_in_frame(reply(dhcp.OFFER))
    assert found == dhcp.DhcpReply(
        dhcp.OFFER, 77, MAC, OFFERED, SERVER, "pxelinux.0", SERVER, SERVER_MAC, SERVER)


def test_what_is_no_answer_is_none() -> None:
    assert dhcp.reply_in_frame(dhcp.frame(MAC, dhcp.message(dhcp.DISCOVER, MAC, 77))) is None
    assert dhcp.reply_in_frame(reply(dhcp.OFFER, port=66)) is None
    assert dhcp.reply_in_frame(reply(dhcp.OFFER, operation=1)) is None
    for size in range(len(reply(dhcp.OFFER)) - 20):
        dhcp.reply_in_frame(reply(dhcp.OFFER)[:size])


def test_a_frame_has_a_header_that_holds() -> None:
    raw = dhcp.frame(MAC, dhcp.message(dhcp.REQUEST, MAC, 77, options=[(50, OFFERED)]))
    assert raw[:12] == b"\xff" * 6 + MAC
    assert dhcp.checksum(raw[14:34]) == 0, "RFC 1071: the sum over a header with its checksum is zero"
    assert struct.unpack("!H", raw[16:18])[0] == len(raw) - 14
    assert raw[-1] == 255
    assert bytes([50, 4]) + OFFERED in raw
