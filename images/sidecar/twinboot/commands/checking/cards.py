"""Network cards of this server that are in one LAN: both answer ARP for its addresses.

The wrong one may be the first. Owns which ones these are and the kernel's settings that keep the second one
quiet; `make up` sets those of cards that the site file names, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import machine
from .findings import Finding, ok, warning

if TYPE_CHECKING:
    from twinboot.site import Site

_QUIET = ("1", "2", "8")
"""Values of arp_ignore (ip-sysctl) with which a card does not answer for the addresses of another one."""
_SETTINGS = (("arp_ignore", 1), ("arp_announce", 2))


def card_findings(site: Site, server: str) -> Iterator[Finding]:
    """What is to be said of each card that shares the LAN with the clients' one."""
    lan, links = str(site.servers[server].interface), _links(site, server)
    for name in _in_the_lan(site, server):
        for link in links.get(name, ()):
            yield warning(f"link {link}", f"{name} is in the same LAN as {lan}: one switch ends both",
                          "give the link a cable, a switch or a VLAN of its own")
        found = f"{name} is in the same LAN as {lan}"
        if _quiet(name):
            yield ok(f"interface {name}", f"{found}, and leaves its addresses to it")
            continue
        settings = " ".join(f"{_as_typed(key)}={value}" for key, value in _settings(name).items())
        by_itself = " (make up does it)" if name in links else ", and write it to /etc/sysctl.d/"
        yield warning(f"interface {name}", f"{found}, and both answer ARP for the addresses of {lan}",
                      f"sysctl -w {settings}{by_itself}; or put {name} into another network")


def kernel_settings(site: Site, server: str) -> dict[str, int]:
    """The settings, as sysctl(8) takes them, for cards of the site file that are not quiet yet."""
    return {
        key: value
        for name in _in_the_lan(site, server) if name in _links(site, server) and not _quiet(name)
        for key, value in _settings(name).items()
    }


def _in_the_lan(site: Site, server: str) -> list[str]:
    me = site.servers[server]
    return sorted(machine.heard_on(str(me.interface), me.address))


def _links(site: Site, server: str) -> dict[str, list[str]]:
    """By interface, other than the clients' one, the links that go over it."""
    from twinboot.site.model.site import UdpLink

    me, found = site.servers[server], dict[str, list[str]]()
    for link, end in me.links.items():
        if isinstance(end, UdpLink) and end.interface != me.interface:
            found.setdefault(str(end.interface), []).append(link)
    return found


def _quiet(name: str) -> bool:
    return any(machine.sysctl(f"net/ipv4/conf/{one}/arp_ignore") in _QUIET for one in ("all", name))


def _settings(name: str) -> dict[str, int]:
    return {f"net/ipv4/conf/{name}/{key}": value for key, value in _SETTINGS}


def _as_typed(key: str) -> str:
    """As sysctl(8) prints it, with dots; with slashes when the interface's name has a dot, as eth0.5."""
    return key if "." in key else key.replace("/", ".")
