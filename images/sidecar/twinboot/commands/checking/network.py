"""The network: interfaces, addresses, links, ports, settings of the kernel, judged by the site.

What there is, machine.py reads.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot import daemons, paths

from . import machine, sockets
from .cards import card_findings
from .findings import Finding, Request, fault, ok, warning

if TYPE_CHECKING:
    from twinboot.site import Site


def network_findings(site: Site, request: Request) -> Iterator[Finding]:
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
    yield from _reach(site, request)
    yield from _virtual_addresses(site, request)
    yield from _ports(site, request)
    yield from card_findings(site, request.server)
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


def _reach(site: Site, request: Request) -> Iterator[Finding]:
    """The network that the own address has by its prefix holds the virtual addresses and the peers."""
    me = site.servers[request.server]
    name, subnet = str(me.interface), site.subnet_of(me.address)
    network = next((one for one in machine.networks(name, me.address)), None)
    if network is None or subnet is None:
        return  # the address is not there: told already
    wanted = {f"group {one}": group.address for one, group in site.groups.items()
              if request.server in group.order}
    wanted |= {f"server {one}": other.address for one, other in site.servers.items()
               if one != request.server and other.address in subnet.network}
    right = f"{me.address}/{subnet.network.prefixlen}"
    command = f"ip addr add {right} dev {name} && ip addr del {me.address}/{network.prefixlen} dev {name}, " \
              "and make it so in your network setup"
    has = f"{name} has {me.address}/{network.prefixlen}"
    outside = [f"{address} of {what}" for what, address in wanted.items() if address not in network]
    if outside:
        yield fault(f"server {request.server}", f"{has}, in whose network {', '.join(outside)} "
                    f"{'is' if len(outside) == 1 else 'are'} not; the site file says {subnet.network}",
                    command)
    elif network != subnet.network:
        yield warning(f"server {request.server}", f"{has}, the site file says {subnet.network}",
                      f"correct the site file, or {command}")


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
        found = () if _is_ours(service, request) else machine.listeners(protocol, number)
        if found:
            taken += 1
            yield fault(f"port {number}/{protocol}", _listening(request, protocol, number, found),
                        f"stop it, {service} needs the port")
    number = site.metrics.port
    if number and "sidecar" not in request.running and (found := machine.listeners("tcp", number)):
        yield warning(f"port {number}/tcp", _listening(request, "tcp", number, found),
                      "stop it, or set metrics.port in the site file; without it there are no metrics")
    https = site.api.https.port
    ours = "httpd" in request.running and https == _https_here()
    if https and not ours and (found := machine.listeners("tcp", https)):
        taken += 1
        yield fault(f"port {https}/tcp", _listening(request, "tcp", https, found),
                    "stop it, or set api.https.port in the site file to another port, or api.https to off")
    if not taken:
        yield ok("ports", "free, or ours")


def _https_here(rendered: Path = paths.RENDERED_SITE) -> int:
    """The port that this server's HTTP service has for HTTPS; 0: none."""
    try:
        return int(json.loads(rendered.read_text())["api"]["https"]["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _is_ours(service: str, request: Request) -> bool:
    """A sidecar that runs may start a managed daemon at any moment, also after `running` was read."""
    managed = service in {one.name for one in daemons.MANAGED}
    return service in request.running or (managed and "sidecar" in request.running)


def _listening(request: Request, protocol: str, port: int, found: Collection[str]) -> str:
    who = sockets.owner(request.sockets, protocol, port)
    on = ", ".join(sorted(found))
    if who:
        return f"{who} listens on {on}"
    return f"something of this machine listens on {on} (ss -lnp 'sport = :{port}' shows what it is)"
