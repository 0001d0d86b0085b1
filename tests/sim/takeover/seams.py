"""The places where the takeover process meets a kernel, and the model kernel put there instead.

The coroutines of takeover.host run as they are, on a clock.Loop; what they would ask of Linux (raw packets,
TCP_REPAIR, SIOCOUTQ, sock_diag, conntrack, new sockets) goes to the kernel of the server whose loop is
running. No model kernel has a packet filter of an operator's: what connection tracking is told is ignored.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from itertools import count
from types import SimpleNamespace
from typing import Any

from twinboot.kernel import conntrack, sock_diag, tcp_repair, tcp_settings
from twinboot.takeover.host import process, tcp_probe
from twinboot.takeover.host.claim import claim
from twinboot.takeover.host.published import tree as published
from twinboot.takeover.host.serve import ftp_data, http_session, sending
from twinboot.takeover.host.silent_exit import DELIBERATE_PRIORITY
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp.segment import ACK, FIN, RST, SYN, Segment
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

from .clock import Loop
from .files import EPOCH
from .kernel import Kernel, Tap
from .packets import from_packet, to_packet
from .sockets import ModelSocket

_NUMBERS = count(1000)
READ_WITHIN_S = 0.003
"""Until a process on a busy machine reads what has come."""


def here() -> Kernel:
    """The kernel of the server whose process is running."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    return loop.kernel


@contextmanager
def model_kernel() -> Iterator[None]:
    """Everything of takeover.host that is run meanwhile finds the model kernel."""
    before = [(where, name, getattr(where, name)) for where, name, _ in _SEAMS]
    for where, name, model in _SEAMS:
        setattr(where, name, model)
    try:
        yield
    finally:
        for where, name, real in before:
            setattr(where, name, real)


class PacketQueue:
    """What waits in a socket to be read by the process. Has the loop call its reader."""

    def __init__(self, loop: Loop) -> None:
        self._loop, self._number, self._waiting = loop, next(_NUMBERS), list[Any]()

    def fileno(self) -> int:
        return self._number

    def put(self, one: Any) -> None:
        self._waiting.append(one)
        if len(self._waiting) == 1:
            kernel = self._loop.kernel
            self._loop.readable(self._number, kernel.draw.random() ** 3 * READ_WITHIN_S)

    def take(self) -> list[Any]:
        found, self._waiting = self._waiting, []
        return found

    def close(self) -> None:
        """Nothing is left open."""


class ModelCapture(PacketQueue):
    """takeover.host.capture.capture.Capture, with what its filter lets through."""

    segments = lost_frames = 0

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        self._addresses: frozenset[IPv4Address] = frozenset()
        loop.kernel.taps.append(Tap(self._wants, self.put))

    def set_addresses(self, addresses: Sequence[IPv4Address]) -> None:
        self._addresses = frozenset(addresses)

    def read(self) -> Iterator[Segment]:
        return iter(self.take())

    def count_lost(self) -> int:
        return 0

    def _wants(self, one: Segment, comes: bool) -> bool:
        """capture.filter.connections_filter."""
        if (one.target if comes else one.source) not in self._addresses:
            return False
        if one.flags & (SYN | FIN | RST):
            return True
        port = one.target_port if comes else one.source_port
        if port not in (FTP_PORT, HTTP_PORT) or not one.payload_bytes:
            return False
        return comes or port == FTP_PORT or one.payload[:4] == b"HTTP"


class ModelNetfilterLog(PacketQueue):
    """kernel.nflog.NetfilterLog: the packets that the input hold has dropped."""

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        loop.kernel.on_held = self.put

    def read(self) -> Iterator[bytes]:
        return (to_packet(one) for one in self.take())


class ModelProbeReplies(PacketQueue):
    """takeover.host.tcp_probe.ProbeReplies."""

    def __init__(self, _interface: str, address: IPv4Address) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        super().__init__(loop)
        self._kernel, self._address = loop.kernel, address
        self._tap = Tap(self._wants, self.put)
        self._kernel.taps.append(self._tap)

    def _wants(self, one: Segment, comes: bool) -> bool:
        """capture.filter.probe_replies_filter."""
        return (
            comes
            and one.target == self._address
            and not one.flags & (SYN | FIN)
            and bool(one.flags & (ACK | RST))
        )

    def read(self) -> Iterator[tuple[ConnectionKey, Segment]]:
        return ((ConnectionKey.of_client(one), one) for one in self.take())

    def close(self) -> None:
        if self._tap in self._kernel.taps:
            self._kernel.taps.remove(self._tap)


def _raw_send(_self: Any, packet: bytes) -> None:
    one, kernel = from_packet(packet), here()
    if one.target in kernel.addresses:
        kernel.loopback(one)
    else:
        kernel.output(one, DELIBERATE_PRIORITY)


def _list_connections(
    addresses: frozenset[IPv4Address], *, ending: bool = False, beginning: bool = False
) -> dict[Any, int]:
    found = {}
    for one in here().connections.values():
        if beginning and one.state in ("accepting", "opening") and one.place.here in addresses:
            found[_four(one)] = sock_diag.HALF_OPEN
        if one.state != "established" or one.place.here not in addresses:
            continue
        over = one.fin_at is not None and one.una > one.fin_at and not one.ended
        if not over:
            found[_four(one)] = max(0, one.una) + one.active
        elif ending:
            found[_four(one)] = sock_diag.ALL_ACKED
    return found


def _destroy(wanted: Any) -> bool:
    for one in tuple(here().connections.values()):
        if _four(one) == wanted:
            one.vanish(errno.ECONNABORTED)  # its program is told (tcp_abort in net/ipv4/tcp.c)
            return True
    return False


def _destroy_listeners(_address: Any, ports: range) -> None:
    """All of them listen on the one address."""
    for one in [one for port, one in here().listeners.items() if port in ports]:
        here().unlisten(one)


def _offered_options() -> tcp_settings.OfferedOptions:
    own = here().stack
    return tcp_settings.OfferedOptions(own.scale, own.sack, own.timestamps)


def _four(one: Any) -> sock_diag.FourTuple:
    return sock_diag.FourTuple(one.place.here, one.place.port, one.place.there, one.place.far_port)


def _new_socket(*_kind: int) -> ModelSocket:
    return ModelSocket(here())


_TIME = SimpleNamespace(
    monotonic=lambda: here().clock.now, perf_counter=lambda: here().clock.now, process_time=lambda: 0.0
)
_SOCKET = SimpleNamespace(**{**vars(socket), "socket": _new_socket})
_SEAMS: tuple[tuple[Any, str, Any], ...] = (
    (process, "TftpTakeover", lambda *_args: None),
    (tcp_probe.RawTcpSender, "send", _raw_send),
    (claim, "ProbeReplies", ModelProbeReplies),
    (sending, "unacked_bytes", lambda sock: sock.unacked),
    (http_session, "unacked_bytes", lambda sock: sock.unacked),
    (http_session, "socket", _SOCKET),
    (ftp_data, "socket", _SOCKET),
    (tcp_repair, "socket", _SOCKET),
    (ftp_data, "random", SimpleNamespace(sample=lambda population, k: here().draw.sample(population, k))),
    (conntrack, "establish", lambda _connections: None),
    (tcp_settings, "offered_options", _offered_options),
    (sock_diag, "list_connections", _list_connections),
    (sock_diag, "stalled_connections", lambda _addresses: []),
    (sock_diag, "destroy_connection", _destroy),
    (sock_diag, "destroy_listeners", _destroy_listeners),
    *(
        (module, "time", _TIME)
        for name, module in tuple(sys.modules.items())
        if name.startswith("twinboot.takeover.host")
        and getattr(module, "time", None) is time
        and ".published." not in name
    ),
    (published, "time", SimpleNamespace(time=lambda: float(EPOCH))),
)
"""(module or class, its name there, the model)."""
