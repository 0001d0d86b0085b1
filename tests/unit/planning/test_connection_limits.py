"""The limits that each server gets are those of the whole site, however its machines are spread or hidden."""

from __future__ import annotations

import copy
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from twinboot.planning.limits import (
    MAX_FTP_SESSIONS,
    MAX_HTTP_CONNECTIONS,
    MIN_FTP_SESSIONS,
    MIN_HTTP_CONNECTIONS,
    connection_limits,
    machines_of,
)
from twinboot.site import Site, parse

ROOT = Path(__file__).parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "config/examples/parity.yaml").read_text())
LIBREPO_AT_ONCE = 3
"""librepo's LRO_MAXPARALLELDOWNLOADS, if dnf.conf says nothing else."""


def site_of(dynamic: int, **ftp: int) -> Site:
    """The example's hosts, and so many dynamic addresses in a subnet of their own."""
    changed = copy.deepcopy(GOOD)
    first = IPv4Address("10.8.0.10")
    changed["subnets"].append({
        "network": "10.8.0.0/16", "relays": ["10.8.0.1"], "profile": "rh9",
        "range": {"first": str(first), "last": str(first + dynamic - 1)},
    })
    return parse({**changed, "ftp": ftp})


@given(st.integers(1, 3000), st.integers(1, 50))
def test_all_machines_of_all_groups_fit_on_one_server_from_one_address(dynamic: int, each: int) -> None:
    site = site_of(dynamic, sessions_per_machine=each)
    machines = machines_of(site)
    assert machines == machines_of(parse(copy.deepcopy(GOOD))) + dynamic
    limits = connection_limits(site)
    assert limits.ftp_sessions >= min(machines * each, MAX_FTP_SESSIONS)
    assert limits.ftp_per_address == limits.ftp_sessions, "all of them may be behind one address"
    assert MIN_FTP_SESSIONS <= limits.ftp_sessions <= MAX_FTP_SESSIONS
    assert limits.http_connections >= min(machines * each, MAX_HTTP_CONNECTIONS)
    assert MIN_HTTP_CONNECTIONS <= limits.http_connections <= MAX_HTTP_CONNECTIONS


def test_six_hundred_machines_that_fetch_with_dnf_are_not_refused() -> None:
    assert connection_limits(site_of(600)).ftp_sessions >= 600 * LIBREPO_AT_ONCE


@pytest.mark.parametrize(("ftp", "sessions", "per_address"), [
    ({"max_clients": 50}, 50, 50), ({"max_per_ip": 5}, MIN_FTP_SESSIONS, 5),
    ({"max_clients": 50, "max_per_ip": 5}, 50, 5),
])
def test_what_the_site_file_says_is_kept(ftp: dict[str, int], sessions: int, per_address: int) -> None:
    limits = connection_limits(site_of(10, **ftp))
    assert (limits.ftp_sessions, limits.ftp_per_address) == (sessions, per_address)


def test_the_containers_bear_the_highest_limits() -> None:
    """Two processes for each session; a connection and its file are two descriptors."""
    daemon = yaml.safe_load((ROOT / "compose/services.yaml").read_text())["x-daemon"]
    assert daemon["pids_limit"] > 2 * MAX_FTP_SESSIONS + 50
    assert daemon["ulimits"]["nofile"]["soft"] > 2 * MAX_HTTP_CONNECTIONS + 100
