"""A host's kernel, as far as TCP goes: its connections and listeners, the packet filter, the packet sockets
that see what passes, and connections made established by TCP_REPAIR.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random

from twinboot.takeover.logic.tcp.segment import ACK, FIN, RST, SYN, Options, Segment

from .clock import Clock
from .rules import ModelRules
from .tcp import MODULUS, Connection, Place, Stack

TIME_WAIT_S = 60.0
LOOPBACK_S = 0.00002
Name = tuple[object, int, object, int]


@dataclass
class Listener:
    """on_connection: called with each connection whose handshake is complete."""

    port: int
    on_connection: Callable[[Connection], None]
    open: bool = True


@dataclass
class Tap:
    """A packet socket. wants: its filter, by direction."""

    wants: Callable[[Segment, bool], bool]
    on_segment: Callable[[Segment], None]


@dataclass
class Kernel:
    """send: how a segment leaves the host. stack: how its connections behave."""

    clock: Clock
    draw: Random
    stack: Stack
    addresses: set[IPv4Address]
    send: Callable[[Segment], None]
    rules: ModelRules | None = None
    buffer: int = 65536
    alive: bool = True
    connections: dict[Name, Connection] = field(default_factory=dict)
    listeners: dict[int, Listener] = field(default_factory=dict)
    taps: list[Tap] = field(default_factory=list)
    on_held: Callable[[Segment], None] = lambda _one: None
    held_ports_from: int = 40000
    local_services: dict[int, Callable[..., None]] = field(default_factory=dict)
    """Port -> what takes a connection from within the host: sockets.Pipe."""
    ended: deque[Connection] = field(default_factory=lambda: deque(maxlen=8))
    """The last that are gone."""
    closing: dict[Name, tuple[float, int, int, int]] = field(default_factory=dict)
    """TIME-WAIT: until when, our next number, the peer's, and its window."""

    # For programs -------------------------------------------------------------------------------

    def listen(self, port: int, on_connection: Callable[[Connection], None]) -> Listener:
        if port in self.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self.listeners[port] = Listener(port, on_connection)
        return self.listeners[port]

    def unlisten(self, listener: Listener) -> None:
        listener.open = False
        if self.listeners.get(listener.port) is listener:
            del self.listeners[listener.port]

    def connect(self, here: IPv4Address, port: int, there: IPv4Address, far_port: int) -> Connection:
        self._bind(here)
        if not port:
            self.held_ports_from += 1
            port = self.held_ports_from
        one = self._new(Place(here, port, there, far_port))
        one.connect()
        return one

    def repaired(self, here: IPv4Address, port: int, there: IPv4Address, far_port: int) -> Connection:
        """What connect() makes in repair mode: established, without a packet. The rest: sockets.Repair."""
        self._bind(here)
        place = Place(here, port, there, far_port)
        if _name(place) in self.connections:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        one = self._new(place)
        one.state = "established"
        one.una = one.next = 0
        one.updated_at = -1
        one.own_scale = self.stack.scale
        return one

    def _bind(self, here: IPv4Address) -> None:
        if here not in self.addresses:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    def _new(self, place: Place) -> Connection:
        one = Connection(
            self, place, self.stack, iss=self.draw.choice(_STARTS)(self.draw), buffer=self.buffer
        )
        self.connections[_name(place)] = one
        return one

    # For connections ----------------------------------------------------------------------------

    def output(self, one: Segment, priority: int = 0) -> None:
        if not self.alive or one.source not in self.addresses:
            return
        if self.rules is not None and not self.rules.lets_out(one, priority):
            return
        for tap in self.taps:
            if tap.wants(one, False):
                tap.on_segment(one)
        self.send(one)

    def forget(self, one: Connection) -> None:
        one.news_at = self.clock.now
        self.ended.append(one)
        if self.connections.get(_name(one.place)) is one:
            del self.connections[_name(one.place)]

    def linger(self, one: Connection) -> None:
        """Both ends have closed: TIME-WAIT at the end that did so first."""
        if one.passive_close:
            one.vanish()
        elif one.released or not one.inbox:
            name = _name(one.place)
            until = self.clock.now + TIME_WAIT_S
            self.closing[name] = (
                until,
                (one.origin + one.next) % MODULUS,
                (one.far_origin + one.expected) % MODULUS,
                65535 >> one.own_scale,
            )
            one.vanish()

    def refuse(self, one: Segment) -> None:
        """RST to a segment of no connection (RFC 9293 section 3.10.7.1)."""
        if one.flags & RST:
            return
        if one.flags & ACK:
            seq, ack, flags = one.ack, 0, RST
        else:
            seq, ack, flags = 0, one.next_seq, RST | ACK
        self._answer(one, seq=seq, ack=ack, flags=flags, window=0)

    def _answer(self, one: Segment, *, seq: int, ack: int, flags: int, window: int) -> None:
        """A bare segment the other way."""
        self.output(Segment(one.target, one.source, one.target_port, one.source_port, seq, ack, flags, window,
                            Options(), b"", 0))

    # From the network ---------------------------------------------------------------------------

    def input(self, one: Segment, *, loopback: bool = False) -> None:
        if not self.alive:
            return
        if not loopback:
            for tap in self.taps:
                if tap.wants(one, True):
                    tap.on_segment(one)
        if one.target not in self.addresses:
            return
        name = one.target, one.target_port, one.source, one.source_port
        known = self.connections.get(name)
        if self.rules is not None:
            if not loopback and self.rules.holds(one):
                self.on_held(one)
                return
            listening = known is not None or name in self.closing or one.target_port in self.listeners
            if not self.rules.lets_in(one, listening=listening):
                return
        if known is not None:
            known.on_segment(one)
        elif not self._in_time_wait(name, one):
            self._begin(one)

    def _in_time_wait(self, name: Name, one: Segment) -> bool:
        until, seq, ack, window = self.closing.get(name, (0.0, 0, 0, 0))
        if self.clock.now >= until or one.flags & (SYN | ACK) == SYN:
            self.closing.pop(name, None)
            return False
        if one.flags & RST:
            del self.closing[name]
        elif one.seq != ack or one.flags & (SYN | FIN) or one.payload_bytes:
            self._answer(one, seq=seq, ack=ack, flags=ACK, window=window)
        return True

    def _begin(self, one: Segment) -> None:
        listener = self.listeners.get(one.target_port)
        if listener is None or one.flags & (SYN | ACK | RST) != SYN:
            self.refuse(one)
            return
        made = self._new(Place(one.target, one.target_port, one.source, one.source_port))
        told = False

        def established() -> None:
            nonlocal told
            if made.established and not told:
                told = True
                made.on_event = lambda: None
                if listener.open:
                    listener.on_connection(made)
                else:
                    made.abort()

        made.on_event = established
        made.accept(one)

    def loopback(self, one: Segment) -> None:
        """What the takeover process sends to this host's own address."""
        self.clock.after(LOOPBACK_S, lambda: self.input(one, loopback=True))


def _name(place: Place) -> Name:
    return place.here, place.port, place.there, place.far_port


_STARTS: tuple[Callable[[Random], int], ...] = (
    lambda draw: draw.randrange(MODULUS),
    lambda draw: MODULUS - draw.randrange(40000),
    lambda draw: draw.randrange(1000),
    lambda draw: (MODULUS // 2 - draw.randrange(40000)) % MODULUS,
)
"""First sequence numbers: anywhere, and near to where the arithmetic turns over."""
