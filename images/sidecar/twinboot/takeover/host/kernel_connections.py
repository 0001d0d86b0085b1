"""The connections that this kernel has with clients, by the names that records give them.

Owns the translation between the kernel's four numbers (kernel.sock_diag) and ConnectionKey.
"""

from __future__ import annotations

import logging
from collections.abc import Set
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from twinboot.daemons import VSFTPD
from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKey, SynOptions
from twinboot.takeover.logic.tracker import DEFAULT_OFFER

from ...kernel import sock_diag, tcp_settings

log = logging.getLogger(__name__)

PROC_NET = Path("/proc/net")


@dataclass(frozen=True, slots=True)
class StalledConnection:
    """Bytes of both directions since the connection began here, as the kernel counts them: with the SYN of a
    side that began the connection. window: the client's as it wrote it last."""

    key: ConnectionKey
    acked: int
    received: int
    window: int


def list_connections(
    addresses: Set[IPv4Address], *, ending: bool = False, beginning: bool = False
) -> dict[ConnectionKey, int]:
    """Connections with clients of these addresses: bytes that the client has acknowledged.

    ending: also those whose client has all, and has not closed yet: sock_diag.ALL_ACKED. beginning: also
    those in their handshake: sock_diag.HALF_OPEN. ResourceError.
    """
    found = sock_diag.list_connections(frozenset(addresses), ending=ending, beginning=beginning)
    return {_key(connection): acked for connection, acked in found.items()}


def stalled_connections(addresses: Set[IPv4Address]) -> list[StalledConnection]:
    """Those that have something to send, nothing on its way, and a client with room for it. ResourceError."""
    return [
        StalledConnection(_key(one.connection), one.acked, one.received, one.window)
        for one in sock_diag.stalled_connections(frozenset(addresses))
    ]


def offered_options() -> SynOptions:
    """What this server offers in its SYNs, as far as its kernel says."""
    try:
        found = tcp_settings.offered_options()
    except ResourceError as exc:
        log.warning("%s", exc)
        return DEFAULT_OFFER
    return SynOptions(DEFAULT_OFFER.mss, found.window_scale, found.sack, found.timestamps)


def end_connections(address: IPv4Address) -> None:
    """End all that clients have with this address in this kernel, without a word to them. ResourceError.

    Also half-open ones and those that the client has yet to close, which live for a minute: when the address
    comes back meanwhile, there would be no room for the connection that is taken over (the client's answer to
    a TCP probe would complete a half-open one, and a service repeats the SYN of what it was about to open).
    And where its FTP sessions listen for data connections: they would get those of the sessions that go on.
    """
    for connection in sock_diag.list_connections(frozenset((address,)), beginning=True, ending=True):
        sock_diag.destroy_connection(connection)
    sock_diag.destroy_listeners(address, VSFTPD.data_ports)


def end_finished(key: ConnectionKey) -> bool:
    """End what is left here of a finished connection between the same ends (TIME_WAIT). False: there is none.
    ResourceError.

    Boot loaders begin at the same port, and nearly the same sequence number, whenever their machine starts:
    this server may have served the start before.
    """
    return sock_diag.destroy_finished(
        sock_diag.FourTuple(key.server, key.server_port, key.client, key.client_port)
    )


def _key(one: sock_diag.FourTuple) -> ConnectionKey:
    return ConnectionKey(one.remote, one.remote_port, one.local, one.local_port)


def open_udp_ports() -> set[int] | None:
    """Local UDP ports that are open here (/proc/net/udp); None when that cannot be read."""
    found: set[int] = set()
    for name in ("udp", "udp6"):
        try:
            lines = (PROC_NET / name).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue  # a kernel without IPv6
        except OSError:
            return None
        found.update(int(line.split()[1].rpartition(":")[2], 16) for line in lines)
    return found
