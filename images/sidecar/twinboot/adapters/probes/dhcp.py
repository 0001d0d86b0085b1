"""Asks the DHCP server of this server something, without asking for a lease (see wire.net.dhcpinform).

The question goes out by the interface of the LAN, where dhcpd's packet socket sees it; the answer to an
address of our own comes by `lo`. That dhcpd answers anybody else meanwhile is as good: in a storm of
clients our question waits its turn.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

from twinboot.kernel.packet_socket import ETH_P_ALL, ETH_P_IP, hardware_address, open_packet_socket
from twinboot.load_aware_timeout import timeout_s
from twinboot.wire.net import dhcpinform

_RETRY_S = 0.5
_LOOPBACK = "lo"


def probe_dhcp(interface: str, address: IPv4Address) -> str:
    """A fault in words, or empty. `address` is the virtual address; it must be on this server."""
    try:
        return _probe(interface, address)
    except OSError as exc:
        return f"could not be asked: {exc.strerror or exc}"


def _probe(interface: str, address: IPv4Address) -> str:
    with ExitStack() as opened:
        sender = opened.enter_context(closing(open_packet_socket(interface)))
        mac = hardware_address(sender)
        replies = opened.enter_context(closing(open_packet_socket(
            _LOOPBACK, protocol=ETH_P_IP, program=dhcpinform.ack_filter(address), link_header=False)))
        others = opened.enter_context(closing(open_packet_socket(
            interface, protocol=ETH_P_ALL, program=dhcpinform.server_traffic_filter(), link_header=False)))
        xid = os.urandom(4)
        end = time.monotonic() + timeout_s()
        while (left_s := end - time.monotonic()) > 0:
            sender.send(dhcpinform.frame(address=address, mac=mac, xid=xid))
            if _answered(replies, others, xid, min(_RETRY_S, left_s)):
                return ""
    return f"no answer within {timeout_s():g} s"


def _answered(replies: socket.socket, others: socket.socket, xid: bytes, limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while (left_s := end - time.monotonic()) > 0:
        for sock in select.select([replies, others], [], [], left_s)[0]:
            packet, source = sock.recvfrom(2048)
            if sock is replies and dhcpinform.is_ack(packet, xid):
                return True
            if sock is others and source[2] == socket.PACKET_OUTGOING:
                return True
    return False
