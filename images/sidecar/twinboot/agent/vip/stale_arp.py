"""Serves clients whose ARP entry for a virtual address is stale: decides, adapters.lan.stale_arp does it.

Such a client sends to the hardware address of the server that had the address before. When that server
receives nothing, this one takes the frames in; when it lives, it sends them on to the holder. Peers' hardware
addresses come with their heartbeats, and are kept in a file, for a dead peer tells a sidecar that was
restarted nothing. A thread of its own talks to the kernel: no claim waits for it, and none fails with it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any, Protocol

from twinboot import core
from twinboot.adapters.lan.stale_arp import Diversion
from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.core.ownership.other_holders import other_holder, unreceptive_peers
from twinboot.core.state import Phase
from twinboot.errors import ResourceError
from twinboot.log import log_event

from ..settings import Settings
from ..worker import Worker

log = logging.getLogger(__name__)

MAX_BYTES = 1 << 16
LOOK_EVERY_S = 1.0
_VERSION = 1
_MAC_BYTES = 6
_GROUP_BIT = 1
_CLOSE_LIMIT_S = 0.5


class Rules(Protocol):
    """adapters.lan.stale_arp.StaleArpRules, or a stand-in."""

    missing_feature: str

    def apply(self, diversion: Diversion) -> None: ...
    def frames(self) -> dict[str, int]: ...
    def leave(self, diversion: Diversion) -> None: ...


class StateFile(Protocol):
    """adapters.statefile.StateFile, or a stand-in."""

    def read(self) -> bytes | None: ...
    def write(self, data: bytes) -> None: ...


class StaleArp:
    """Build it before the agent starts, and call update() after each of its steps."""

    def __init__(self, settings: Settings, rules: Rules, file: StateFile,
                 state: Callable[[], core.State]) -> None:
        self._settings, self._rules, self._file, self._state = settings, rules, file, state
        self._known: Mapping[str, bytes] = {}
        """Hardware addresses of peers by what was read from the file; replaced, never changed."""
        self._saved: Mapping[str, bytes] = {}
        self._wanted = Diversion()
        self._fault = ""
        self._not_kept = False
        self.frames: Mapping[str, int] = {}
        """Frames of such clients since the start, by what was done with them."""
        self._timer: asyncio.TimerHandle | None = None
        self._worker = Worker("stale-arp")
        self._worker.submit(self._load)

    def start(self) -> None:
        """Look now, and once a second from now on."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.start)
        self.look()

    def close(self) -> None:
        """What comes for an address that was handed over is sent on for some minutes more."""
        if self._timer is not None:
            self._timer.cancel()
        wanted = diversion(self._state(), self._settings, self._known)
        self._worker.submit(lambda: self._leave(wanted))
        self._worker.close(_CLOSE_LIMIT_S)

    def update(self) -> None:
        """Something may have changed: hand what shall be done now to the thread, if that is something new."""
        state = self._state()
        if state.phase is Phase.STARTING:
            return  # what an earlier life left when it ended (leave) is right until more is known
        wanted = diversion(state, self._settings, self._known)
        if wanted != self._wanted:
            self._wanted = wanted
            self._worker.submit(lambda: self._apply(wanted))

    def look(self) -> None:
        """Repair what others have broken, count, keep what is new of the peers."""
        self.update()
        if self._worker.unfinished:
            return
        state, wanted = self._state(), self._wanted
        known = hardware_addresses(state, self._known)
        if wanted != Diversion():
            self._worker.submit(lambda: self._look(wanted))
        if known != self._saved:
            self._worker.submit(lambda: self._save(known))

    def alarm_conditions(self, server: str) -> list[Condition]:
        fault = self._fault or self._rules.missing_feature
        if not fault:
            return []
        text = f"clients that keep a dead or former holder's MAC address are not served: {fault}"
        return [kinds.STALE_ARP_NOT_SERVED.on(server, text)]

    # In the thread ------------------------------------------------------------------------------

    def _apply(self, wanted: Diversion) -> None:
        try:
            self._rules.apply(wanted)
        except ResourceError as exc:
            self._fault = str(exc)
        else:
            self._fault = ""

    def _look(self, wanted: Diversion) -> None:
        try:
            frames = self._rules.frames()
        except ResourceError:
            frames = None
        if frames is None or self._fault:
            self._apply(wanted)
            return
        for what, count in frames.items():
            if count and not self.frames.get(what):
                log_event(log, LogLevel.INFO, "stale-arp-frames", first=what)
        self.frames = frames

    def _leave(self, wanted: Diversion) -> None:
        try:
            self._rules.leave(wanted)
        except ResourceError as exc:
            log_event(log, LogLevel.INFO, "stale-arp-not-left", reason=str(exc))

    def _load(self) -> None:
        try:
            self._known = self._saved = parse(self._file.read(), self._settings.cluster.peers)
        except (ResourceError, ValueError) as exc:
            log_event(log, LogLevel.WARNING, "peer-macs-lost", reason=str(exc))

    def _save(self, known: Mapping[str, bytes]) -> None:
        self._saved = known
        try:
            self._file.write(serialize(known))
        except ResourceError as exc:
            if not self._not_kept:
                log_event(log, LogLevel.WARNING, "peer-macs-not-kept", reason=str(exc))
            self._not_kept = True
        else:
            self._not_kept = False


def hardware_addresses(state: core.State, known: Mapping[str, bytes]) -> dict[str, bytes]:
    """By peer: what it said itself, else what is known of earlier. Valid ones that are none of our own."""
    found = {name: peer.mac or known.get(name, b"") for name, peer in state.peers.items()
        if not peer.unknown_server
    }
    return {name: mac for name, mac in found.items() if _is_station(mac) and mac != state.lan.mac}


def diversion(state: core.State, settings: Settings, known: Mapping[str, bytes]) -> Diversion:
    """What shall be done in this state. Frames are sent on to a peer only when its hardware address is known:
    what it sends on itself is told from clients' frames by that."""
    macs = hardware_addresses(state, known)
    holders: dict[IPv4Address, IPv4Address] = {}
    for name, group in state.groups.items():
        holder = other_holder(state, group)
        address = settings.peer_addresses.get(holder or "")
        if holder in macs and address is not None and address in settings.lan.network:
            holders[settings.vips[name].address] = address
    silent = frozenset(macs[name] for name in unreceptive_peers(state) if name in macs)
    return Diversion(frozenset(macs.values()), silent, holders)


def serialize(macs: Mapping[str, bytes]) -> bytes:
    texts = {name: mac.hex(":") for name, mac in macs.items()}
    return json.dumps({"version": _VERSION, "macs": texts}).encode()


def parse(data: bytes | None, peers: tuple[str, ...]) -> dict[str, bytes]:
    """The hardware addresses in a file, of servers that are peers still. ValueError: the file is not ours."""
    if data is None:
        return {}
    try:
        found: Any = json.loads(data)
        macs = {str(name): bytes.fromhex(mac.replace(":", "")) for name, mac in found["macs"].items()}
        version = found["version"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"not a file of hardware addresses: {exc}") from None
    if version != _VERSION:
        raise ValueError(f"version {version!r}")
    return {name: mac for name, mac in macs.items() if name in peers and _is_station(mac)}


def _is_station(mac: bytes) -> bool:
    """One interface's address: not a group's (IEEE 802: the lowest bit of the first byte), not empty."""
    return len(mac) == _MAC_BYTES and not mac[0] & _GROUP_BIT and any(mac)
