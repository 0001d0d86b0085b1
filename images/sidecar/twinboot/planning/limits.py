"""How many connections a server must bear: those of all machines of the site, when it is the only one left.

Owns the arithmetic; the templates own the settings. librepo (dnf) gives a server up for good when it is
refused once (FTP: 421), so a limit that is reached ends installs. One address may be that of many machines
(NAT), so there is no limit for one address unless the site file sets one. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..site.model.site import Site

MIN_FTP_SESSIONS = 1000
MAX_FTP_SESSIONS = 2000
"""A session has two processes, and the container's pids_limit is 4096 (compose/services.yaml)."""
OWN_SESSIONS = 16
"""The health check's and the sidecar's probes at the same time."""
MIN_HTTP_CONNECTIONS = 4096
MAX_HTTP_CONNECTIONS = 8000
"""Limit for one process of nginx: a connection and the file that it sends are two descriptors, and the
container's nofile is 16384."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """ftp_sessions: of all clients; ftp_per_address: of one of them. http_connections: of each of nginx's
    processes, since one of them may get most."""

    ftp_sessions: int
    ftp_per_address: int
    http_connections: int


def connection_limits(site: Site) -> ConnectionLimits:
    """The limits of each server of the site: they are equal, since each may be the last one."""
    machines = machines_of(site)
    wanted = machines * site.ftp.sessions_per_machine + OWN_SESSIONS
    sessions = site.ftp.max_clients or min(max(wanted, MIN_FTP_SESSIONS), MAX_FTP_SESSIONS)
    return ConnectionLimits(
        ftp_sessions=sessions,
        ftp_per_address=site.ftp.max_per_ip or sessions,
        http_connections=min(max(wanted, MIN_HTTP_CONNECTIONS), MAX_HTTP_CONNECTIONS),
    )


def machines_of(site: Site) -> int:
    """The machines that may install at the same time: all hosts, and all dynamic addresses of every group."""
    ranges = (subnet.range for subnet in site.subnets if subnet.range is not None)
    return len(site.hosts) + sum(int(one.last) - int(one.first) + 1 for one in ranges)
