"""What only the agent and the LAN know: machines that have asked, leases, addresses that are answered for."""

from __future__ import annotations

import select
import time
from collections.abc import Collection, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from .. import client
from ..options import fail

if TYPE_CHECKING:
    from twinboot.site import Site

_ROUNDS, _WAIT_S = 2, 0.4
_AT_ONCE = 64


def unknown_machines() -> Mapping[str, Mapping[str, Any]]:
    """Machines without an entry that have asked, by MAC."""
    return {one["mac"]: one for one in _ask("unknown")["unknown"]}


def leased() -> set[IPv4Address]:
    """Addresses that the DHCP server has given away."""
    return {IPv4Address(one) for one in _ask("leased")["addresses"]}


def _ask(command: str) -> Mapping[str, Any]:
    try:
        reply = client.ask(command, timeout_s=10.0, most_bytes=client.LARGE_REPLY)
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(str(reply.get("error")))
    return reply


def answering(site: Site, server: str, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
    """Who answers for these addresses on the LAN of this server, by MAC; those of other LANs are not asked
    for. Nobody, where the LAN cannot be asked."""
    from twinboot.adapters.lan.arp import ArpProber
    from twinboot.errors import ResourceError

    here = site.servers[server]
    subnet = site.subnet_of(here.address)
    wanted = {one for one in addresses if subnet is not None and one in subnet.network}
    found: dict[IPv4Address, str] = {}
    if not wanted:
        return found
    try:
        prober = ArpProber(here.interface)
    except ResourceError as exc:
        print(f"NOTE    the LAN was not asked who has an address: {exc}")
        return found
    try:
        for _ in range(_ROUNDS):
            for at, address in enumerate(sorted(wanted - set(found))):
                prober.probe(address)
                if at % _AT_ONCE == _AT_ONCE - 1:
                    _hear(prober, wanted, found, 0.01)
            _hear(prober, wanted, found, _WAIT_S)
    except ResourceError as exc:
        print(f"NOTE    the LAN was not asked who has an address: {exc}")
    finally:
        prober.close()
    return found


def _hear(prober: Any, wanted: Collection[IPv4Address], found: dict[IPv4Address, str], wait_s: float) -> None:
    end = time.monotonic() + wait_s
    while (left := end - time.monotonic()) > 0 and select.select([prober], [], [], left)[0]:
        for packet in prober.receive():
            if packet.sender in wanted and packet.sender_mac != prober.mac:
                found[packet.sender] = packet.sender_mac.hex(":")
