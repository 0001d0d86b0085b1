"""Which other interfaces of this machine are in the same LAN as one: what they broadcast is heard there.

Their kernel answers ARP on each of them for every address of the machine (arp_ignore 0), and the wrong one
may be the first.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.packet_socket import ethernet_address, open_packet_socket
from twinboot.wire.net import arp

_TRIES = 3
_TRY_S = 0.15


def heard_on(interface: str, others: Sequence[str], own: IPv4Address) -> frozenset[str]:
    """Those of `others` whose frames arrive at the interface. ResourceError when it cannot be listened on.

    own: an address of this machine: each asks for it by ARP, without claiming anything (RFC 5227 section
    2.1.1). One that is down, no Ethernet, or another name for the same card (a VLAN of it) is not heard.
    """
    with ExitStack() as opened:
        try:
            listener = opened.enter_context(closing(open_packet_socket(interface, protocol=arp.ETH_P_ARP)))
            mac = ethernet_address(listener)
        except OSError as exc:
            raise ResourceError(f"packet socket on {interface}", exc.strerror or str(exc)) from exc
        senders: dict[bytes, tuple[str, socket.socket]] = {}
        for name in others:
            with contextlib.suppress(OSError):
                sender = opened.enter_context(closing(open_packet_socket(name)))
                if ethernet_address(sender) != mac:
                    senders[ethernet_address(sender)] = (name, sender)
        found: set[bytes] = set()
        for _ in range(_TRIES):
            for theirs in senders.keys() - found:
                question = arp.ArpPacket(arp.Operation.REQUEST, theirs, IPv4Address(0), bytes(6), own)
                with contextlib.suppress(OSError):
                    senders[theirs][1].send(arp.frame(question))
            found |= _senders_heard(listener, time.monotonic() + _TRY_S) & senders.keys()
            if found == senders.keys():
                break
        return frozenset(senders[theirs][0] for theirs in found)


def _senders_heard(listener: socket.socket, end: float) -> set[bytes]:
    """Hardware addresses of the ARP frames that come until then."""
    heard = set()
    while (left_s := end - time.monotonic()) > 0:
        if not select.select([listener], [], [], left_s)[0]:
            break
        data, source = listener.recvfrom(2048)
        packet = arp.parse(data)
        if packet is not None and source[2] != socket.PACKET_OUTGOING:
            heard.add(packet.sender_mac)
    return heard
