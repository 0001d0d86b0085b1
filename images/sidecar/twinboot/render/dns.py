"""Values of named.conf and of the zones: forward, and reverse on octet boundaries.

Owns names, records and serials. A serial grows only when the zone's text changes: the previous text is an
input, so rendering stays pure. Zones start at 1. Every server is a primary and nobody transfers zones, so
serials need not agree between servers, nor survive the loss of a server's volume.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ..planning.plan import SitePlan
from ..site.model.site import RecordType
from ..site.subnets import SubnetIndex, reverse_networks, reverse_zone

FIRST_SERIAL = 1
_SERIAL = re.compile(r"^\s+(\d+) ; serial", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """One line of a zone file."""

    name: str
    type: str
    value: str
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone's name and records."""

    name: str
    records: tuple[ZoneRecord, ...]


LOCAL = (
    Zone("localhost", (ZoneRecord("@", "A", "127.0.0.1"), ZoneRecord("@", "AAAA", "::1"))),
    Zone("127.in-addr.arpa", (ZoneRecord("1.0.0", "PTR", "localhost."),)),
)
"""Answered here, never asked of others (RFC 6761 section 6.3, RFC 6303 section 4.1)."""


def named_values(plan: SitePlan, server: str, zones: tuple[Zone, ...]) -> dict[str, Any]:
    """Values of named.conf.j2."""
    site = plan.site
    return {
        "address": site.servers[server].address,
        "networks": [subnet.network for subnet in site.subnets],
        "forwarders": site.dns.forwarders,
        "dnssec_validation": site.dns.dnssec_validation,
        "forward_zones": [
            {"name": name, "forwarders": zone.forwarders or site.dns.forwarders,
             "validated": zone.dnssec_validation}
            for name, zone in site.dns.forward_zones.items()
        ],
        "zones": [zone.name for zone in zones],
    }


def zones_of(plan: SitePlan) -> tuple[Zone, ...]:
    """The forward zone, then the reverse ones, then the machine's own names."""
    names = _addresses(plan)
    zones = (_forward(plan, names), *_reverse(plan, names))
    return (*zones, *(zone for zone in LOCAL if zone.name != plan.site.domain))


def zone_values(plan: SitePlan, zone: Zone) -> dict[str, Any]:
    """Values of zone.j2, but for the serial."""
    site = plan.site
    servers = [f"{name}.{site.domain}." for name in site.servers]
    return {
        "zone": zone.name,
        "domain": site.domain,
        "ttl_s": site.dns.ttl_s,
        "primary": servers[0],
        "name_servers": servers,
        "records": zone.records,
    }


def with_serial(text_for: Callable[[int], str], previous: str | None) -> str:
    """A zone's text with the previous serial when nothing else changed, with the next one when it did."""
    found = _SERIAL.search(previous) if previous is not None else None
    if found is None:
        return text_for(FIRST_SERIAL)
    serial = int(found[1])
    text = text_for(serial)
    if text == previous:
        return text
    return text_for(serial % 0xFFFFFFFF + 1)  # 32 bits, and 0 is best left out (RFC 1982 section 7)


def _addresses(plan: SitePlan) -> list[tuple[str, IPv4Address]]:
    """Every name of the site with its address; the install name has all groups'."""
    site = plan.site
    names = [(name, server.address) for name, server in site.servers.items()]
    names += [(site.balancing.name, group.address) for group in site.groups.values()]
    names += [(name, host.address) for name, host in site.hosts.items()]
    return names


def _forward(plan: SitePlan, names: list[tuple[str, IPv4Address]]) -> Zone:
    records = [ZoneRecord(name, "A", str(address)) for name, address in names]
    for extra in plan.site.dns.records:
        value = quoted(extra.value) if extra.type is RecordType.TXT else extra.value
        records.append(ZoneRecord(extra.name, extra.type.value, value, extra.ttl_s))
    return Zone(plan.site.domain, tuple(records))


def _reverse(plan: SitePlan, names: list[tuple[str, IPv4Address]]) -> list[Zone]:
    networks = sorted(
        {net for subnet in plan.site.subnets for net in reverse_networks(subnet.network)},
        key=lambda net: (net.network_address, net.prefixlen),
    )
    index: SubnetIndex[IPv4Network] = SubnetIndex((net, net) for net in networks)
    pointers: Mapping[IPv4Network, list[ZoneRecord]] = {net: [] for net in networks}
    others = [(name, address) for name, host in plan.site.hosts.items() for address in host.addresses]
    for name, address in (*names, *others):
        net = index.find(address)
        if net is not None:
            octets = str(address).split(".")[net.prefixlen // 8 :]
            target = f"{name}.{plan.site.domain}."
            pointers[net].append(ZoneRecord(".".join(reversed(octets)), "PTR", target))
    return [Zone(reverse_zone(net), tuple(records)) for net, records in pointers.items()]


def quoted(text: str) -> str:
    """Text as the strings of a TXT record, at most 255 bytes each (RFC 1035 section 3.3.14)."""
    parts = [text[at : at + 255] for at in range(0, len(text), 255)] or [""]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
