"""Asks the LAN for a server that may be dead: carries out SendArpRequests, hands the answers to the loop.

Beside the server it asks other hosts, whose answers prove our own LAN: those that have answered lately, the
router, the kernel's neighbours, and machines of the site. Runs on the loop's thread with one non-blocking
socket that stays open (see request_socket.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address

from twinboot.core.effects import SendArpRequests
from twinboot.core.events import ArpRequestAnswered, Event
from twinboot.errors import ResourceError

from ..settings import LanSpec
from .request_socket import KeptRequestSocket, QuestionAccess

MAX_HOSTS = 6
"""Other hosts that are asked."""
HOSTS_KEPT_S = 1.0
"""How long the choice of other hosts is kept."""
HOSTS_PAUSE_S = 0.015
"""When two servers are asked for at once, the other hosts are asked once: answers are counted."""
ANSWERS_LIMIT_S = 1.0
"""An answer later than this after the last request is ignored."""


class LanQuestions:
    """answering: hosts of the LAN that have answered lately. handle: called on the loop with each event,
    never from within carry_out()."""

    def __init__(self, spec: LanSpec, vips: Mapping[str, IPv4Address], access: QuestionAccess, *,
                 now: Callable[[], float], handle: Callable[[Event], None]) -> None:
        self.answering: Callable[[], Iterable[IPv4Address]] = tuple
        self._spec, self._vips, self._access = spec, vips, access
        self._now, self._handle = now, handle
        self._socket = KeptRequestSocket(spec, access, self._on_replies)
        self._hosts: tuple[IPv4Address, ...] = ()
        self._hosts_chosen_at = self._hosts_asked_at = self._asked_at = float("-inf")
        self._on_account: dict[IPv4Address, str] = {}
        """Virtual address -> the server that it was asked for on account of."""

    def start(self) -> None:
        """Open the socket. Needs the running loop."""
        with contextlib.suppress(ResourceError):  # the next request opens it
            self._socket.opened()

    def carry_out(self, effect: SendArpRequests) -> None:
        now = self._now()
        own = self._spec.peers.get(effect.server)
        if own is None:
            return
        vips = [self._vips[group] for group in effect.groups]
        self._on_account |= dict.fromkeys(vips, effect.server)
        asked = [own, *vips]
        if now >= self._hosts_asked_at + HOSTS_PAUSE_S:
            self._hosts_asked_at = now
            asked += [host for host in self._other_hosts(now) if host != own][:MAX_HOSTS]
        self._asked_at = now
        try:
            opened = self._socket.opened()
            for address in asked:
                opened.send_request(address, None)
        except ResourceError:
            self.close()  # no request, no answer: the next one opens it again

    def close(self) -> None:
        self._socket.close()

    def _other_hosts(self, now: float) -> tuple[IPv4Address, ...]:
        if now >= self._hosts_chosen_at + HOSTS_KEPT_S:
            spec = self._spec
            known = (
                *self.answering(), *spec.arp_targets, *self._access.neighbours(spec.interface), *spec.hosts,
            )
            never = {spec.address, *self._vips.values()}
            found = [host for host in dict.fromkeys(known) if host in spec.network and host not in never]
            self._hosts, self._hosts_chosen_at = tuple(found[:MAX_HOSTS + len(spec.peers)]), now
        return self._hosts

    def _on_replies(self) -> None:
        packets = self._socket.replies()
        if self._now() > self._asked_at + ANSWERS_LIMIT_S:
            return  # answers to the LAN monitor's requests
        servers = self._on_account | {address: name for name, address in self._spec.peers.items()}
        for packet in packets:
            server = servers.get(packet.sender, "")
            self._handle(ArpRequestAnswered(str(packet.sender), packet.sender_mac, server))
