"""This kernel's connection tracking is told of the connections that come here, before clients are probed.

An operator's packet filter sees them as established then, whatever net.netfilter.nf_conntrack_tcp_loose says
and whatever this kernel remembers from when it had them before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord

from ....kernel import conntrack

log = logging.getLogger(__name__)


def establish(records: Iterable[ConnectionRecord]) -> None:
    """Where the kernel does not let us, nothing: unavailable_reason() has said so."""
    try:
        conntrack.establish(_tracked(one.key, opened_by_server=one.opened_by_server) for one in records)
    except ResourceError as exc:
        log.debug("%s", exc)


def unavailable_reason() -> str:
    """Why connections that come here are invalid for this kernel; empty: they are not."""
    if not conntrack.in_use() or conntrack.picks_up_connections():
        return ""
    why = conntrack.unavailable_reason()
    return f"net.netfilter.nf_conntrack_tcp_loose=0, and {why}" if why else ""


def _tracked(key: ConnectionKey, *, opened_by_server: bool) -> conntrack.TrackedConnection:
    if opened_by_server:
        return conntrack.TrackedConnection(key.server, key.server_port, key.client, key.client_port)
    return conntrack.TrackedConnection(key.client, key.client_port, key.server, key.server_port)
