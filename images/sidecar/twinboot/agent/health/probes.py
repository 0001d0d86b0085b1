"""Binds the probes of the table of daemons to a server's settings: which function asks, and for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Address

from twinboot import daemons
from twinboot.adapters.probes import clients, dhcp
from twinboot.daemons import Probe
from twinboot.load_aware_timeout import retry_if_busy

from ..settings import Settings

Ask = Callable[[], str]
"""Probes once, in a bounded time; returns a fault in words, or an empty text."""


Choose = Callable[[], str]
"""Names a file of an install tree that is open to all, another one each time; empty: there is none."""


def no_tree() -> str:
    return ""


def _tftp(settings: Settings, _: IPv4Address | None, tree: Choose) -> Ask:
    return lambda: clients.probe_tftp(settings.service_probes.tftp_file, tree())


def _ftp(_settings: Settings, _: IPv4Address | None, tree: Choose) -> Ask:
    return lambda: clients.probe_ftp(tree())


def _http(settings: Settings, _: IPv4Address | None, tree: Choose) -> Ask:
    return lambda: clients.probe_http(settings.service_probes.http_path, tree())


def _dns(settings: Settings, _: IPv4Address | None, _tree: Choose = no_tree) -> Ask:
    vips = tuple(vip.address for vip in settings.vips.values())
    return partial(clients.probe_dns, settings.service_probes.dns_name, vips)


def _dhcp(settings: Settings, address: IPv4Address | None, _tree: Choose = no_tree) -> Ask:
    if address is None:
        raise ValueError("the DHCP probe asks at a group's address")
    return partial(dhcp.probe_dhcp, settings.lan.interface, address)


PROBES: Mapping[Probe, Callable[[Settings, IPv4Address | None, Choose], Ask]] = {
    Probe.TFTP: _tftp, Probe.FTP: _ftp, Probe.HTTP: _http, Probe.DNS: _dns, Probe.DHCP: _dhcp,
}
"""How each probe is bound. The address is that of the daemon's group; None for a daemon that stays."""


def service_probes(settings: Settings, tree: Callable[[], Choose] = lambda: no_tree) -> dict[str, Ask]:
    """By daemon: those that run everywhere, and those that move with a group of the site.

    tree: makes what chooses a file of a tree, one for each daemon.
    """
    probes = {one.name: PROBES[one.probe](settings, None, tree()) for one in daemons.EVERYWHERE}
    for group in settings.cluster.groups:
        address = settings.vips[group.name].address
        for service in group.services:
            probes[service] = PROBES[daemons.BY_NAME[service].probe](settings, address, tree())
    return {name: partial(retry_if_busy, ask) for name, ask in probes.items()}
