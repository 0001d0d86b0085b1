"""The LAN that the clients are on: cables, switch ports, partitions, and the ARP frames on it.

Frames are not delayed here, and lost only where an attachment's `loss` says so. Every partition has clients
of its own; a client reaches the servers in its partition whose cable is plugged in and whose port is WHOLE.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING

from twinboot.core.events import AddressConflict, ArpProbeAnswered, LanObserved

if TYPE_CHECKING:
    from .host import Server

ARP_S = 0.0005


class SwitchPort(Enum):
    """The switch port of a server whose carrier is there."""

    WHOLE = "whole"
    RX_DEAD = "rx-dead"
    """Frames go out, none comes in."""
    TX_DEAD = "tx-dead"
    """Frames come in, none goes out: nobody answers its ARP requests."""
    DEAD = "dead"
    """Nothing passes: the port is in a wrong VLAN."""


class LanAttachment:
    """One server's connection to the LAN."""

    def __init__(self, owner: Server, number: int) -> None:
        self.owner = owner
        self.mac = bytes((2, 0, 0, 0, 0, number))
        self.cable = True
        self.port = SwitchPort.WHOLE
        self.partition = 0
        self.probes_fail = 0
        self.filtered = False
        """The kernel drops ARP that comes in; packet sockets, and so the sidecar's, see it all the same."""
        self.loss = 0.0
        """Share of the ARP frames that its port loses, in each direction."""
        self.changed_at = 0.0
        """When its cable, port or partition last changed."""
        self._silent_since: float | None = None

    @property
    def works(self) -> bool:
        """Frames pass both ways."""
        return self.cable and self.port is SwitchPort.WHOLE

    @property
    def whole(self) -> bool:
        """Clients reach it."""
        return self.works and not self.filtered

    @property
    def receives(self) -> bool:
        return self.cable and self.port in (SwitchPort.WHOLE, SwitchPort.TX_DEAD)

    @property
    def transmits(self) -> bool:
        return self.cable and self.port in (SwitchPort.WHOLE, SwitchPort.RX_DEAD)

    def set_state(self, *, cable: bool = True, port: SwitchPort = SwitchPort.WHOLE) -> None:
        """Set cable and port; the sidecar observes a change at once, and silence after a deadtime."""
        world = self.owner.world
        self.cable, self.port, self.changed_at = cable, port, world.now
        self._silent_since = None if self.works else world.now
        self._tell()
        if not self.works:
            world.at(world.now + world.timers.deadtime_s + 1e-3, self._tell)

    def _tell(self) -> None:
        if self.owner.runs and self.owner.process is not None:
            self.owner.process.deliver(self.observation())

    def reaches(self, other: LanAttachment) -> bool:
        """Whether a frame of ours arrives there if both hosts run."""
        return self.transmits and other.receives and self.partition == other.partition

    def observation(self) -> LanObserved:
        """What the agent observes: reachable is false after a deadtime of silence."""
        since = self._silent_since
        quiet = since is not None and self.owner.world.now >= since + self.owner.world.timers.deadtime_s
        return LanObserved(self.cable, self.cable and not quiet, self.mac)


def delivered(*ports: LanAttachment) -> bool:
    """Whether a frame survives the loss of these ports."""
    return all(port.loss == 0.0 or port.owner.world.arp_rng.random() >= port.loss for port in ports)


def broadcast(sender: Server, group: str, *, probe: bool) -> None:
    """Send an ARP probe or announcement for the group's address."""
    if not sender.runs:
        return
    world, address = sender.world, sender.address_of(group)
    mac = world.foreign_hosts.get(address)
    if probe and mac is not None and hears_foreign_hosts(sender):
        world.at(world.now + 2 * ARP_S, _foreign_host_answers, sender, group, mac)
    for other in world.servers.values():
        if other is not sender and sender.plug.reaches(other.plug) and delivered(sender.plug, other.plug):
            world.at(world.now + ARP_S, _arrives, other, address, sender, probe)


def _arrives(receiver: Server, address: str, sender: Server, probe: bool) -> None:
    """The kernel answers a probe whatever the sidecar does; a running sidecar sees the frame."""
    if not receiver.runs or not sender.plug.reaches(receiver.plug):
        return
    has = address in receiver.addresses
    answers = probe and has and not receiver.plug.filtered
    if answers and receiver.plug.reaches(sender.plug) and delivered(sender.plug, receiver.plug):
        world = receiver.world
        world.at(world.now + ARP_S, _arrives, sender, address, receiver, False)
    process = receiver.process
    if process is None:
        return
    group = next((one.name for one in receiver.config.groups if one.address == address), None)
    if group is None:
        return
    listens = process.state.groups[group].watches_arp
    if listens and (not probe or sender.plug.mac < receiver.plug.mac):
        process.deliver(ArpProbeAnswered(group, _text(sender.plug.mac), simultaneous_probe=probe))
    if has and not probe:
        process.deliver(AddressConflict(group, sender.plug.mac))


def hears_foreign_hosts(server: Server) -> bool:
    """Hosts that are no servers are in partition 0."""
    return server.runs and server.plug.works and server.plug.partition == 0 and delivered(server.plug)


def _foreign_host_answers(prober: Server, group: str, mac: bytes) -> None:
    if prober.runs and prober.process is not None and hears_foreign_hosts(prober):
        prober.process.deliver(ArpProbeAnswered(group, _text(mac)))


def split(servers: Iterable[Server], apart: Iterable[str]) -> None:
    """Partition the LAN: the named servers on one side, the rest on the other."""
    names = set(apart)
    for one in servers:
        partition = 1 if one.name in names else 0
        if one.plug.partition != partition:
            one.plug.partition, one.plug.changed_at = partition, one.world.now


def _text(mac: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in mac)
