"""How a server asks the simulated LAN for one that may be dead, and how a cable loses its carrier.

The kernel of a host that runs answers for its own address and its virtual ones, whatever its sidecar does. A
router stands in partition 0; it is the one other host of the LAN. The link `crossover` of two servers is a
direct cable: when one end loses its power or the cable is pulled, the carrier of the other falls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twinboot.core.effects import AskWhoAnswers, Effect, Log, SendArpRequests
from twinboot.core.events import AddressesAnswered, ArpRequestAnswered, LinkCarrierLost, ServiceHeard

from . import lan
from .acts import InvariantViolation
from .lan import ARP_S, delivered

if TYPE_CHECKING:
    from .host import Server

CARRIER_S = 0.002
CABLE = "crossover"
ROUTER = "192.168.0.1"
ROUTER_MAC = bytes((2, 0, 0, 0, 1, 0))
SETTLED_S = 0.15
"""Shorter than the asking for a server takes: what has held for so long was found out."""


def carry_out(sender: Server, effect: SendArpRequests) -> None:
    world = sender.world
    if not sender.runs or not sender.plug.cable:
        return
    if world.router and delivered(sender.plug):
        world.at(world.now + 2 * ARP_S, _router_answers, sender)
    for other in world.servers.values():
        if other is sender:
            continue
        targets = 1 + sum(sender.address_of(group) in other.addresses for group in effect.groups)
        for _ in range(targets if other.name == effect.server else 1):
            if sender.plug.reaches(other.plug) and delivered(sender.plug, other.plug):
                world.at(world.now + ARP_S, _answers, other, sender)


def who_answers(sender: Server, effect: AskWhoAnswers) -> None:
    """Ask for addresses; the replies of one round come together."""
    world, answers = sender.world, set()
    for address in effect.addresses:
        mac = world.foreign_hosts.get(address)
        if mac is not None and lan.hears_foreign_hosts(sender):
            answers.add((address, mac))
        for other in world.servers.values():
            has = address in other.addresses or address == own_address(other)
            if other is not sender and has and _exchange(sender, other):
                answers.add((address, other.plug.mac))
    if answers:
        world.at(world.now + 2 * ARP_S, _delivered, sender, AddressesAnswered(frozenset(answers)))


def who_serves(sender: Server, service: str) -> None:
    """Ask for DHCP servers: those that run answer, naming the address of their own site file."""
    world = sender.world
    for other in world.servers.values():
        if other is sender or not other.engine.running[service] or not sender.runs or not other.runs:
            continue
        passes = sender.plug.reaches(other.plug) and other.plug.reaches(sender.plug)
        address = next((one.address for one in other.config.groups if service in one.services), None)
        if address is not None and passes and delivered(sender.plug, other.plug, other.plug, sender.plug):
            event = ServiceHeard(service, address, other.plug.mac)
            world.at(world.now + 2 * ARP_S, _delivered, sender, event)


def _exchange(sender: Server, other: Server) -> bool:
    """Whether an ARP request reaches the other's kernel, and its reply comes back."""
    return (
        sender.runs and other.runs and not other.plug.filtered
        and sender.plug.reaches(other.plug) and delivered(sender.plug, other.plug)
        and other.plug.reaches(sender.plug) and delivered(other.plug, sender.plug)
    )


def own_address(server: Server) -> str:
    return str(server.config.addresses[server.name])


def _answers(receiver: Server, sender: Server) -> None:
    world = sender.world
    if receiver.plug.filtered:
        return
    if receiver.runs and receiver.plug.reaches(sender.plug) and delivered(receiver.plug, sender.plug):
        event = ArpRequestAnswered(own_address(receiver), receiver.plug.mac, receiver.name)
        world.at(world.now + ARP_S, _delivered, sender, event)


def _router_answers(sender: Server) -> None:
    plug = sender.plug
    whole = plug.transmits and plug.receives and plug.partition == 0
    if sender.world.router and whole and delivered(plug):
        _delivered(sender, ArpRequestAnswered(ROUTER, ROUTER_MAC))


def _delivered(sender: Server, event: ArpRequestAnswered | AddressesAnswered | ServiceHeard) -> None:
    if sender.runs and sender.process is not None:
        sender.process.deliver(event)


def carrier_lost(server: Server) -> None:
    """The interface of this end of the cable has lost its carrier."""
    if server.runs and server.process is not None:
        server.process.deliver(LinkCarrierLost(CABLE))


def cable_falls(server: Server) -> None:
    """What was at this end of the cable has lost its power; the others lose their carrier, if it is one."""
    world = server.world
    if world.direct_cable:
        for other in world.servers.values():
            if other is not server:
                world.at(world.now + CARRIER_S, carrier_lost, other)


def check_death(server: Server, effects: tuple[Effect, ...]) -> None:
    """Who is found dead before the deadtime does not answer on the LAN, and our own LAN works both ways."""
    for effect in effects:
        if not isinstance(effect, Log) or effect.event != "peer-dead":
            continue
        other = server.world.servers[str(effect.fields["peer"])]
        if _speaks_and_is_heard(other, server):
            raise InvariantViolation(f"{server.name} finds {other.name} dead, which sends as it should")
        if "unanswered" not in effect.fields:
            continue
        since = server.world.now - SETTLED_S
        joined = server.plug.reaches(other.plug) and other.plug.reaches(server.plug)
        if other.runs and not other.plug.filtered and joined and (
            max(server.plug.changed_at, other.plug.changed_at, other.ran_since) < since
        ):
            raise InvariantViolation(f"{server.name} finds {other.name} dead, whose kernel answers ARP")
        if not server.plug.works and server.plug.changed_at < since:
            raise InvariantViolation(f"{server.name} finds {other.name} dead, on a LAN that does not work")


def _speaks_and_is_heard(other: Server, server: Server) -> bool:
    """Whether all its heartbeats have come through lately, in both directions."""
    world, process = server.world, other.process
    long_ago = world.now - 2 * world.timers.deadtime_s
    return (
        other.awake and process is not None and process.started < long_ago
        and world.now < process.last_sent_at + 2 * other.config.timers.interval_s
        and world.disrupted_at < long_ago and world.network.loss == world.network.jitter_s == 0.0
        and world.connected(other.name, server.name) and world.connected(server.name, other.name)
    )
