"""`twinboot check`: is this server ready? Every finding is one line with what to do about it.

Runs in a container with host networking, before anything else does. Looks, and changes nothing; only
--make-key writes. The checks of the machine itself are in machine.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot.adapters import keys
from twinboot.errors import ResourceError

from . import machine, sockets

if TYPE_CHECKING:
    from twinboot.site import Site

_PROGRESS_EVERY_S = 2.0


class Severity(Enum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    severity: Severity
    subject: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f": {self.remedy}" if self.remedy else ""
        return f"{self.severity.value:8}{self.subject}: {self.found}{tail}"


def ok(subject: str, found: str) -> Finding:
    return Finding(Severity.OK, subject, found)


def warning(subject: str, found: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, subject, found, remedy)


def fault(subject: str, found: str, remedy: str) -> Finding:
    return Finding(Severity.FAULT, subject, found, remedy)


@dataclass(frozen=True, slots=True)
class Request:
    """What to check. running: services of our own stack that run, whose ports are therefore in use."""

    site_file: Path
    config: Path
    trees: Path
    templates: tuple[Path, ...]
    server: str
    running: Collection[str]
    make_key: bool
    sockets: str = ""
    """What `ss -Hlntup` printed on the host, to name the processes that have our ports."""
    project: str = "/opt/twinboot"
    """Where the project stands on the servers."""
    without_trees: bool = False
    trees_on_host: str = ""
    """The trees folder as an operator knows it."""


def check(request: Request) -> Iterator[Finding]:
    """Every finding, in the order an operator would look."""
    from twinboot.site import SiteError, load

    yield from _clock(request)
    try:
        site = load(request.site_file)
    except SiteError as exc:
        for one in exc.faults:
            yield Finding(Severity.FAULT, "site file", str(one))
        return
    yield ok("site file", f"{request.site_file}: {len(site.servers)} servers, {len(site.groups)} groups, "
             f"{len(site.hosts)} hosts")
    sound = not request.without_trees
    for finding in _all_but_keys(site, request):
        sound = sound and finding.severity is not Severity.FAULT
        yield finding
    yield from _keys(site, request, make=request.make_key and sound)


def _all_but_keys(site: Site, request: Request) -> Iterator[Finding]:
    from twinboot.site import advice

    for one in advice(site):
        yield Finding(Severity.WARNING, "site file", str(one))
    yield from _files(site, request)
    if not request.server:
        yield fault("this server", "has no name", "make up SERVER=name, with one of: "
                    + ", ".join(site.servers))
    elif request.server not in site.servers:
        yield fault("this server", f"{request.server} is not in the site file",
                    "make up SERVER=name, with one of: " + ", ".join(site.servers))
    else:
        yield from _network(site, request)


def _clock(request: Request) -> Iterator[Finding]:
    """A clock that is wrong spoils logs, certificates and package signatures; heartbeats do not mind."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    try:
        written = request.site_file.stat().st_mtime
    except OSError:
        return
    if now + 60 < written:
        yield warning("clock", f"says {stamp}, but the site file is newer", "timedatectl set-ntp true")
    else:
        yield ok("clock", stamp)


def _files(site: Site, request: Request) -> Iterator[Finding]:
    from twinboot.render import Places, check_secrets, look_at_files

    places = Places(trees=request.trees, templates=request.templates, trees_on_host=request.trees_on_host,
                    without_trees=request.without_trees)
    found = look_at_files(site, places, _Progress("trees").tell)
    faults = (*found.faults, *check_secrets(site, request.config))
    for one in faults:
        yield Finding(Severity.FAULT, "files", str(one))
    for one in found.warnings:
        yield Finding(Severity.WARNING, "files", str(one))
    if not faults:
        trees = f"{len(site.trees)} trees below {request.trees_on_host or request.trees}, " \
            f"{found.entries} files and folders, "
        yield ok("files", f"{'' if request.without_trees else trees}all templates")


class _Progress:
    """Says on standard error how far a long look has come; a short one says nothing."""

    def __init__(self, what: str) -> None:
        self._what, self._at = what, time.monotonic() + _PROGRESS_EVERY_S

    def tell(self, number: int) -> None:
        if time.monotonic() >= self._at:
            self._at = time.monotonic() + _PROGRESS_EVERY_S
            print(f"looking at the {self._what}: {number} files and folders so far", file=sys.stderr)


def _network(site: Site, request: Request) -> Iterator[Finding]:
    from twinboot.site.model.site import SerialLink

    me = site.servers[request.server]
    yield from _interface_and_address(str(me.interface), str(me.address), f"server {request.server}")
    for name, link in me.links.items():
        if isinstance(link, SerialLink):
            yield from _serial_port(name, str(link.device))
        elif (str(link.interface), link.address) != (str(me.interface), me.address):
            yield from _interface_and_address(str(link.interface), str(link.address), f"link {name}")
            yield from _other_ends(site, request, name, str(link.interface))
    if len(me.links) < 2:
        yield warning("links", "there is only one", "give every server a second link that shares no switch")
    yield from _virtual_addresses(site, request)
    yield from _ports(site, request)
    interfaces = {str(me.interface), "all"}
    for name in sorted(interfaces):
        value = machine.sysctl(f"net/ipv4/conf/{name}/arp_ignore")
        if value in ("2", "8"):
            yield fault("sysctl", f"net.ipv4.conf.{name}.arp_ignore={value}: the kernel will not answer ARP "
                        "for a virtual address", f"sysctl -w net.ipv4.conf.{name}.arp_ignore=1")


def _interface_and_address(interface: str, address: str, subject: str) -> Iterator[Finding]:
    """An interface that must be there and up, and an address that must be on it."""
    state = machine.interface(interface)
    if state is None:
        known = ", ".join(machine.interfaces()) or "none"
        yield fault(subject, f"no interface {interface} here", f"name one of these in the site file: {known}")
        return
    if not state.up:
        yield fault(subject, f"{interface} is down",
                    f"ip link set {interface} up, and make it so in your network setup")
    elif not state.carrier:
        yield warning(subject, f"{interface} has no carrier", "plug in its cable, look at the other end")
    held = machine.addresses(interface)
    if address in held:
        yield ok(subject, f"{address} is on {interface}")
        return
    shown = ", ".join(sorted(held)) or "nothing"
    yield fault(subject, f"{interface} has {shown}, not {address}",
                "give it that address in your network setup, or correct the site file")


def _other_ends(site: Site, request: Request, link: str, interface: str) -> Iterator[Finding]:
    """The peers' ends of a cable lie in the network of ours."""
    from twinboot.site.model.site import UdpLink

    networks = machine.networks(interface)
    for peer, server in site.servers.items():
        end = server.links.get(link)
        if peer == request.server or not isinstance(end, UdpLink) or not networks:
            continue
        if not any(end.address in network for network in networks):
            shown = ", ".join(str(network) for network in sorted(networks, key=str))
            yield fault(f"link {link}", f"{end.address} of {peer} is not in {shown}, where {interface} is",
                        "give both ends addresses of one network, here and in the site file")


def _serial_port(link: str, device: str) -> Iterator[Finding]:
    """A serial port: what is wrong with it costs this link only, so it is a warning."""
    wrong = machine.serial_port(device)
    if wrong is None:
        yield ok(f"link {link}", f"{device} is a serial port")
    else:
        yield warning(f"link {link}", *wrong)


def _virtual_addresses(site: Site, request: Request) -> Iterator[Finding]:
    """Somebody else's machine may have one of the virtual addresses."""
    me = site.servers[request.server]
    wanted = {str(group.address): name for name, group in site.groups.items()}
    own = machine.addresses(str(me.interface))
    peers = {str(server.address): name for name, server in site.servers.items() if name != request.server}
    macs = machine.neighbours(str(me.interface), [a for a in (*wanted, *peers) if a not in own])
    for address, group in wanted.items():
        mac = macs.get(address)
        holders = [name for peer, name in peers.items() if mac is not None and macs.get(peer) == mac]
        if address in own:
            kept = "sidecar" in request.running or machine.has_lifetime(str(me.interface), address)
            if kept:
                yield ok(f"group {group}", f"{address} is here")
            else:
                yield fault(f"group {group}", f"{address} is on {me.interface} for good",
                            f"take it out of your network setup: ip addr del {address} dev {me.interface}")
        elif mac is None:
            yield ok(f"group {group}", f"nobody answers for {address}")
        elif holders:
            yield ok(f"group {group}", f"{address} is at {holders[0]}")
        else:
            yield warning(f"group {group}", f"{address} answers from {mac}, which is no server of the site",
                          "give that machine another address, or the group")


def _ports(site: Site, request: Request) -> Iterator[Finding]:
    taken = 0
    for service, protocol, port in machine.PORTS:
        number = site.heartbeat.port if service == "sidecar" else port
        found = () if service in request.running else machine.listeners(protocol, number)
        if found:
            taken += 1
            yield fault(f"port {number}/{protocol}", _listening(request, protocol, number, found),
                        f"stop it, {service} needs the port")
    number = site.metrics.port
    if number and "sidecar" not in request.running and (found := machine.listeners("tcp", number)):
        yield warning(f"port {number}/tcp", _listening(request, "tcp", number, found),
                      "stop it, or set metrics.port in the site file; without it there are no metrics")
    if not taken:
        yield ok("ports", "free, or ours")


def _listening(request: Request, protocol: str, port: int, found: Collection[str]) -> str:
    who = sockets.owner(request.sockets, protocol, port)
    on = ", ".join(sorted(found))
    if who:
        return f"{who} listens on {on}"
    return f"something of this machine listens on {on} (ss -lnp 'sport = :{port}' shows what it is)"


def _keys(site: Site, request: Request, *, make: bool) -> Iterator[Finding]:
    """A key is made only where nothing else is wrong: what to do with it is said that one time."""
    for at, name in enumerate(str(key) for key in site.heartbeat.keys):
        path = request.config / name
        if not path.resolve().is_relative_to(request.config.resolve()):
            yield fault("heartbeat key", f"{name} leads out of the config folder", "put the key itself there")
            continue
        if request.make_key and not make and at == 0 and not path.exists():
            yield ok("heartbeat key", f"{name} will be made when all else is right")
            continue
        if make and at == 0 and not path.exists():
            try:
                keys.generate(path)
            except ResourceError as exc:
                yield fault("heartbeat key", exc.reason, f"make {name} below the config directory by hand")
                continue
            yield ok("heartbeat key", f"made {name}, which every server must have; if another server has one "
                     "already, copy that one here instead. To copy this one:")
            yield from _copy_commands(site, request, name)
            continue
        try:
            keys.read(path)
        except ResourceError as exc:
            yield Finding(Severity.FAULT, "heartbeat key", f"{name}: {exc.reason}")
        else:
            yield ok("heartbeat key", name)


def _copy_commands(site: Site, request: Request, name: str) -> Iterator[Finding]:
    folder = name.rpartition("/")[0] or name
    for peer, server in site.servers.items():
        if peer != request.server:
            command = f"rsync -a config/site.yaml config/{folder} {server.address}:{request.project}/config/"
            yield ok("heartbeat key", f"  to {peer}: {command}")
