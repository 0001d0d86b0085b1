"""Serial links of a site: two ends that agree, a port of its own for each, and a line that is fast enough.

Owns how much a serial line can carry, and how large a site's heartbeats become.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..faults import Fault
from ..loading.draft import Draft
from ..model.fields import SERIAL_SPEEDS
from ..model.site import LinkKind, SerialLink

BITS_PER_BYTE = 10  # 8N1: a start bit, eight bits of data, a stop bit
PER_WARNTIME = 2
"""Heartbeats that a line must carry in warntime: one may be spoilt, and the link is not reported late.

It need not carry one every interval: the agent leaves out those that a newer one has overtaken.
"""
_FIXED = 260
"""Bytes that do not depend on the site: the names of the daemons, the digests of the site's parts,
and room for what a later release adds."""
_FIXED_PER_SERVER = 18
_FIXED_PER_GROUP = 8
_FRAME = 6


def serial_faults(draft: Draft) -> Iterator[Fault]:
    """Every fault of serial links."""
    for name, server in draft.servers.items():
        yield from _ports(name, server.links)
    links = dict.fromkeys(link for server in draft.servers.values() for link in server.links)
    for link in links:
        ends = {name: server.links[link] for name, server in draft.servers.items() if link in server.links}
        serial = {name: end for name, end in ends.items() if isinstance(end, SerialLink)}
        if serial:
            yield from _kinds(link, {name: end.kind for name, end in ends.items()})
            yield from _ends(link, serial)
            yield from _capacity(draft, link, serial)


def heartbeat_bytes(draft: Draft) -> int:
    """The largest heartbeat of the site, with a little room.

    wire.cluster.heartbeat.max_heartbeat_bytes is exact.
    """
    cluster = len(str(draft.document.get("cluster", "")))
    servers, groups = draft.names["servers"], draft.names["groups"]
    links = max((sum(1 + len(link) for link in server.links) for server in draft.servers.values()), default=0)
    heard = max((len(server.links) for server in draft.servers.values()), default=0)
    services = sum(2 + len(service) for group in draft.groups.values() for service in group.services)
    return (
        _FIXED + cluster + max(map(len, servers), default=0) + links + services
        + sum(_FIXED_PER_SERVER + len(name) + heard for name in servers)
        + sum(_FIXED_PER_GROUP + 2 * len(name) for name in groups)
    )  # fmt: skip


def bytes_on_line(message: int) -> int:
    """Bytes on the line for a message of this size: signatures look random, so some bytes are escaped."""
    return message + _FRAME + message // 32


def _ports(server: str, links: Mapping[str, object]) -> Iterator[Fault]:
    used: dict[str, str] = {}
    for link, end in links.items():
        if isinstance(end, SerialLink):
            other = used.setdefault(end.device, link)
            if other != link:
                remedy = f"is the port of servers.{server}.links.{other} already; every cable has its own"
                yield Fault(f"servers.{server}.links.{link}.device", end.device, remedy)


def _kinds(link: str, kinds: dict[str, LinkKind]) -> Iterator[Fault]:
    (first, wanted), *others = kinds.items()
    for name, kind in others:
        if kind is not wanted:
            remedy = f"servers.{first} says {wanted} for the link of this name; write the same at both ends"
            yield Fault(f"servers.{name}.links.{link}.kind", str(kind), remedy)


def _ends(link: str, ends: dict[str, SerialLink]) -> Iterator[Fault]:
    first, *others = ends
    for name in others[:1]:
        if ends[name].speed != ends[first].speed:
            remedy = f"the other end, servers.{first}, has {ends[first].speed}; write the same at both ends"
            yield Fault(f"servers.{name}.links.{link}.speed", ends[name].speed, remedy)
    for name in others[1:]:
        taken = f"servers.{first} and servers.{others[0]}"
        remedy = f"a cable has two ends, {taken} have this one; give each pair of servers a link of its own"
        yield Fault(f"servers.{name}.links.{link}", link, remedy)


def _capacity(draft: Draft, link: str, ends: dict[str, SerialLink]) -> Iterator[Fault]:
    if draft.heartbeat is None:
        return
    warntime_s = draft.heartbeat.timers.warntime_s
    size = heartbeat_bytes(draft)
    bits = PER_WARNTIME * BITS_PER_BYTE * bytes_on_line(size)
    name = min(ends, key=lambda one: ends[one].speed)
    speed = ends[name].speed
    if bits <= speed * warntime_s:
        return
    fits = next((one for one in SERIAL_SPEEDS if bits <= one * warntime_s), None)
    wait_s = math.ceil(100 * bits / speed) / 100
    takes_s = bits / PER_WARNTIME / speed
    remedy = (
        f"heartbeats of this site have up to {size} bytes, which take {takes_s:.2f} s at this speed, "
        f"and {PER_WARNTIME} must fit into warntime_s ({warntime_s:g}); write "
        + (f"{fits} or more, or " if fits else "") + f"heartbeat.timers.warntime_s: {wait_s:g}"
    )
    yield Fault(f"servers.{name}.links.{link}.speed", speed, remedy)
