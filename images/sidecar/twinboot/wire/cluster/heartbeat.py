"""The heartbeat message on the wire: bytes <-> core.model.Heartbeat, signed and verified.

Owns the layout; header, signature and refusals are those of all messages (authentication.py). Knows nothing
of sockets, of replay (the core judges sequence numbers) or of where keys are kept.

Layout, all numbers big-endian:

    magic "TwnB" | ... | section ... section | signature
    section as in sections.py

A section with an unknown tag is skipped, so that a newer server may say more to an older one while
both speak the same version.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address

from twinboot.core.model import (
    GroupReport,
    GroupState,
    Health,
    Heartbeat,
    Lack,
    LackKind,
    LanHealth,
    LastHeard,
    ServiceState,
    SiteId,
    Timers,
)

from ..sections import HEADER_BYTES, put, take_once
from . import readiness, site_section, telling
from .authentication import (
    MAX_SIZE,
    DecodeError,
    EncodeError,
    MessageAuthenticator,
    Refusal,
    cluster_tag,
    key_id,
)
from .fields import Reader, string, strings

__all__ = [
    "MAGIC", "MAX_SIZE", "VERSION", "DecodeError", "EncodeError", "HeartbeatCodec", "Refusal",
    "boot_and_seq", "key_id", "max_heartbeat_bytes", "message_start",
]

MAGIC = b"TwnB"
VERSION = 1

_IDENTITY = struct.Struct(">QQB")
_HEARD = struct.Struct(">QQ")
_TIME = struct.Struct(">Q")
"""Milliseconds since 1970."""

_TAG_IDENTITY = 1
_TAG_GROUPS = 2
_TAG_ELIGIBLE = 3
_TAG_HEARD = 4
_TAG_HEALTH = 5
# 6: site_section.TAG
# 7, 8: telling
_TAG_READINESS = 9
_TAG_VERSION = 10
_TAG_TIME = 11

_STANDBY, _LEAVING, _STARTING = 1, 2, 4

# Codes on the wire. They are part of the protocol: add to them, never renumber.
_GROUP_CODE = {
    GroupState.IDLE: 0, GroupState.CLAIMING: 1, GroupState.HELD: 2, GroupState.RELEASING: 3,
}
_SERVICE_CODE = {
    ServiceState.UNKNOWN: 0, ServiceState.STOPPED: 1, ServiceState.STARTING: 2,
    ServiceState.RUNNING: 3, ServiceState.STOPPING: 4,
}
_LAN_CODE = {
    LanHealth.UNKNOWN: 0, LanHealth.GOOD: 1, LanHealth.RX_DEAD: 2, LanHealth.NO_CARRIER: 3,
}
_HEALTH_CODE = {Health.UNKNOWN: 0, Health.GOOD: 1, Health.FAILING: 2, Health.BROKEN: 3}
_GROUP_OF = {code: state for state, code in _GROUP_CODE.items()}
_SERVICE_OF = {code: state for state, code in _SERVICE_CODE.items()}
_LAN_OF = {code: state for state, code in _LAN_CODE.items()}
_HEALTH_OF = {code: state for state, code in _HEALTH_CODE.items()}
_MAC_ADDRESS_BYTES = 6
MAX_VERSION_BYTES = 32
_DIGEST_BYTES = 8
_PART_BYTES = 3


class HeartbeatCodec:
    """Encodes and decodes the heartbeats of one cluster. Keys as in MessageAuthenticator: the first one
    signs."""

    def __init__(self, cluster: str, keys: Sequence[bytes]) -> None:
        self._cluster = cluster
        self._authenticator = MessageAuthenticator(MAGIC, VERSION, "heartbeat", cluster, keys)

    def encode(self, heartbeat: Heartbeat) -> bytes:
        """The signed message. Raises EncodeError when it cannot fit."""
        try:
            body = b"".join((
                put(_TAG_IDENTITY, _identity(heartbeat)),
                put(_TAG_GROUPS, _groups(heartbeat)),
                put(_TAG_ELIGIBLE, strings(heartbeat.eligible)),
                put(_TAG_HEARD, _heard(heartbeat)),
                put(_TAG_HEALTH, _health(heartbeat)),
                site_section.encode(heartbeat),
                telling.encode(heartbeat),
                b"" if heartbeat.lacks is None else put(_TAG_READINESS, readiness.encode(heartbeat.lacks)),
                _version(heartbeat.version),
                _time_of_day(heartbeat.time_of_day),
            ))
        except (struct.error, ValueError, OverflowError) as exc:
            raise EncodeError(f"heartbeat of {heartbeat.sender}: {exc}") from exc
        message = self._authenticator.sign(body)
        if len(message) > MAX_SIZE:
            raise EncodeError(f"heartbeat of {heartbeat.sender} has {len(message)} bytes; {MAX_SIZE} fit")
        return message

    def decode(self, data: bytes) -> Heartbeat:
        """The heartbeat in an authentic message of this cluster; DecodeError for anything else."""
        return self.parse(self.verify(data))

    def verify(self, data: bytes) -> bytes:
        """The sections of an authentic message, cheap checks first; DecodeError for anything else."""
        return self._authenticator.verify(data)

    def parse(self, body: bytes) -> Heartbeat:
        """The heartbeat in what verify() gave; DecodeError when that is none of this cluster."""
        try:
            heartbeat = _parse(body)
        except (struct.error, ValueError, LookupError) as exc:
            raise DecodeError(Refusal.MALFORMED, str(exc)) from exc
        if heartbeat.cluster != self._cluster:
            raise DecodeError(Refusal.FOREIGN, f"of cluster {heartbeat.cluster!r}")
        return heartbeat


def message_start(cluster: str) -> bytes:
    """What every heartbeat of this cluster begins with, whoever sends it and signed with whatever key."""
    return MAGIC + bytes((VERSION,)) + cluster_tag(cluster)


def boot_and_seq(body: bytes) -> tuple[int, int] | None:
    """Which message of which life this is, without taking it apart; None when that is not at the front."""
    if len(body) < HEADER_BYTES + _IDENTITY.size or body[0] != _TAG_IDENTITY:
        return None
    boot, seq, _ = _IDENTITY.unpack_from(body, HEADER_BYTES)
    return boot, seq


def max_heartbeat_bytes(codec: HeartbeatCodec, *, servers: Sequence[str], groups: Sequence[str],
            services: Sequence[str], daemons: Sequence[str], links: Sequence[str], cluster: str,
            parts: Sequence[str] = ()) -> int:
    """Size in bytes of the largest heartbeat a cluster can produce; EncodeError when none fits."""
    states = dict.fromkeys(services, ServiceState.RUNNING)
    return len(codec.encode(Heartbeat(
        cluster=cluster, sender=max(servers, key=lambda name: len(name.encode())),
        boot_id=2**64 - 1, seq=2**64 - 1,
        groups={
            group: GroupReport(GroupState.HELD, states if place == 0 else {}, "255.255.255.255")
            for place, group in enumerate(groups)
        },
        eligible=tuple(groups),
        heard={name: LastHeard(2**64 - 1, 2**64 - 1, tuple(links)) for name in servers},
        daemons=dict.fromkeys(daemons, Health.GOOD), mac=bytes(_MAC_ADDRESS_BYTES),
        address=IPv4Address(2**32 - 1),
        site=SiteId(2**64 - 1, bytes(_DIGEST_BYTES), dict.fromkeys(parts, bytes(_PART_BYTES))),
        timers=Timers(), unanswered=tuple(servers),
        lacks=tuple(Lack(name, LackKind.CONTAINER) for name in ("", *daemons, *services)),
        version="x" * MAX_VERSION_BYTES, time_of_day=1.0,
    )))


# Encoding -----------------------------------------------------------------------------------------


def _identity(heartbeat: Heartbeat) -> bytes:
    flags = (
        _STANDBY * heartbeat.standby | _LEAVING * heartbeat.leaving | _STARTING * heartbeat.starting
    )
    fixed = _IDENTITY.pack(heartbeat.boot_id, heartbeat.seq, flags)
    return fixed + string(heartbeat.sender) + string(heartbeat.cluster)


def _groups(heartbeat: Heartbeat) -> bytes:
    parts = [bytes((len(heartbeat.groups),))]
    for name, report in heartbeat.groups.items():
        parts.append(string(name) + bytes((_GROUP_CODE[report.state], len(report.services))))
        parts.extend(string(s) + bytes((_SERVICE_CODE[state],)) for s, state in report.services.items())
    return b"".join(parts)


def _heard(heartbeat: Heartbeat) -> bytes:
    """Link names stand once, in a table; each entry then names its links by index."""
    table = list(dict.fromkeys(link for heard in heartbeat.heard.values() for link in heard.links))
    index = {link: i for i, link in enumerate(table)}
    parts = [strings(table), bytes((len(heartbeat.heard),))]
    for name, heard in heartbeat.heard.items():
        parts.append(string(name) + _HEARD.pack(heard.boot_id, heard.seq))
        parts.append(bytes((len(heard.links), *(index[link] for link in heard.links))))
    return b"".join(parts)


def _health(heartbeat: Heartbeat) -> bytes:
    """LAN health, hardware address (its length first), then every daemon's health."""
    if len(heartbeat.mac) not in (0, _MAC_ADDRESS_BYTES):
        raise ValueError(f"a hardware address has {_MAC_ADDRESS_BYTES} bytes, not {len(heartbeat.mac)}")
    parts = [bytes((_LAN_CODE[heartbeat.lan], len(heartbeat.mac))), heartbeat.mac]
    parts.append(bytes((len(heartbeat.daemons),)))
    parts.extend(string(name) + bytes((_HEALTH_CODE[state],)) for name, state in heartbeat.daemons.items())
    return b"".join(parts)


def _time_of_day(seconds: float) -> bytes:
    return put(_TAG_TIME, _TIME.pack(round(seconds * 1000))) if seconds else b""


def _version(text: str) -> bytes:
    return put(_TAG_VERSION, text.encode()[:MAX_VERSION_BYTES]) if text else b""


# Decoding -----------------------------------------------------------------------------------------


def _parse(body: bytes) -> Heartbeat:
    raw = take_once(body)
    sections = {tag: Reader(part) for tag, part in raw.items()}
    for tag in (_TAG_IDENTITY, _TAG_GROUPS, _TAG_ELIGIBLE, _TAG_HEARD):
        if tag not in sections:
            raise ValueError(f"section {tag} missing")
    identity = sections[_TAG_IDENTITY]
    boot, seq, flags = identity.unpack(_IDENTITY)
    sender, cluster = identity.string(), identity.string()
    eligible = sections[_TAG_ELIGIBLE]
    lan, mac, daemons = _parse_health(sections.get(_TAG_HEALTH))
    groups = _parse_groups(sections[_TAG_GROUPS])
    address, site, groups = site_section.decode(sections.get(site_section.TAG), groups)
    heard = _parse_heard(sections[_TAG_HEARD])
    return Heartbeat(
        cluster=cluster, sender=sender, boot_id=boot, seq=seq,
        groups=groups,
        eligible=eligible.many(eligible.string),
        standby=bool(flags & _STANDBY), leaving=bool(flags & _LEAVING), starting=bool(flags & _STARTING),
        heard=heard, lan=lan, daemons=daemons, mac=mac,
        address=address, site=site, timers=telling.timers(raw.get(telling.TAG_TIMERS)),
        unanswered=telling.unanswered(raw.get(telling.TAG_UNANSWERED), heard),
        lacks=readiness.decode(raw.get(_TAG_READINESS)),
        version=raw.get(_TAG_VERSION, b"")[:MAX_VERSION_BYTES].decode(errors="replace"),
        time_of_day=_time(raw.get(_TAG_TIME, b"")),
    )


def _time(section: bytes) -> float:
    return float(_TIME.unpack_from(section)[0]) / 1000 if section else 0.0


def _parse_groups(reader: Reader) -> dict[str, GroupReport]:
    groups: dict[str, GroupReport] = {}
    for _ in range(reader.byte()):
        name, state = reader.string(), _GROUP_OF[reader.byte()]
        services: dict[str, ServiceState] = {}
        for _ in range(reader.byte()):
            service = reader.string()
            services[service] = _SERVICE_OF[reader.byte()]
        groups[name] = GroupReport(state, services)
    return groups


def _parse_heard(reader: Reader) -> dict[str, LastHeard]:
    table = reader.many(reader.string)
    heard: dict[str, LastHeard] = {}
    for _ in range(reader.byte()):
        name = reader.string()
        boot, seq = reader.unpack(_HEARD)
        heard[name] = LastHeard(boot, seq, tuple(table[reader.byte()] for _ in range(reader.byte())))
    return heard


def _parse_health(reader: Reader | None) -> tuple[LanHealth, bytes, dict[str, Health]]:
    """A server of an older release does not say how it is: nothing is known then."""
    if reader is None:
        return LanHealth.UNKNOWN, b"", {}
    lan, size = _LAN_OF[reader.byte()], reader.byte()
    if size not in (0, _MAC_ADDRESS_BYTES):
        raise ValueError(f"a hardware address of {size} bytes")
    mac = reader.take(size)
    daemons: dict[str, Health] = {}
    for _ in range(reader.byte()):
        name = reader.string()
        daemons[name] = _HEALTH_OF[reader.byte()]
    return lan, mac, daemons
