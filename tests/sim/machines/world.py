"""Two servers, machines that start from the network, an operator, and whoever pulls plugs or restores old
backups. Virtual time.

The tables, their records and their replication are the real ones; the disk, the network and the machines are
models. One server at a time may be away, and only when the other knows all that it knew: what is promised is
promised for the death of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from replicationworld import LossyNetwork
from twinboot.machines import durability, restored
from twinboot.machines.durability import DurabilityMark
from twinboot.machines.facts import Facts
from twinboot.machines.record import Order, Record, decode, encode
from twinboot.machines.reports import Event, Report
from twinboot.machines.table import MachineTable
from twinboot.replication.node import PeerStatus, ReplicationNode, RowChange

TABLE = "machines"
SERVERS = ("server1", "server2")
HOSTS = ("one", "two")
STEP_S = 0.001
ACTS, WHOM = 18, 8
"""Acts that play() knows, and in how many ways each."""
DETECTION_S = 0.3
"""A silent server is found dead so much later."""
WRITES_S = 0.25
"""So long a disk may take."""
FACTS = {name: Facts("rh9", addresses=(f"192.168.0.{n}",), macs=(f"52:54:00:00:00:{n:02x}",))
         for n, name in enumerate(HOSTS, start=10)}  # fmt: skip


@dataclass
class Server:
    """disk: what outlives it. waiting: answers that it owes, with what is to be done when it gives them."""

    name: str
    boot: int
    node: ReplicationNode
    table: MachineTable
    disk: dict[str, bytes]
    clock_skew_s: float = 0.0
    writes: int = 0
    written: int = 0
    to_write: dict[str, bytes] = field(default_factory=dict)
    dirty_since: float = 0.0
    waiting: list[tuple[DurabilityMark, Callable[[], None]]] = field(default_factory=list)


@dataclass
class Machine:
    """One machine: what it is doing, and the token of its installer."""

    name: str
    doing: str = "off"
    token: str = ""
    asked: int = 0


class Judge:
    """Counts what was asked for and what was erased. said: in words, for a failure."""

    def __init__(self) -> None:
        self.allowed = dict.fromkeys(HOSTS, 1)
        self.erased = dict.fromkeys(HOSTS, 0)
        self.safe = dict.fromkeys(HOSTS, False)
        """The machine was told that its install has begun or ended, or an operator that it starts from its
        disk; and nobody has asked for an install since."""

    def install_asked(self, host: str) -> None:
        self.allowed[host] += 1
        self.safe[host] = False

    def erase(self, host: str) -> None:
        assert not self.safe[host], f"{host} is erased after it, or an operator, was told that it is safe"
        self.erased[host] += 1
        assert self.erased[host] <= self.allowed[host], f"{host} is erased, and nobody asked for it"

    def look(self, servers: Sequence[Server]) -> None:
        for server in servers:
            for host, safe in self.safe.items():
                if safe:
                    offers = server.table.offered(host)
                    assert offers is Order.LOCAL, f"{server.name} offers {host} an install"


class World:
    """play() takes a list of small numbers: each chooses an act and whom it concerns."""

    def __init__(self, seed: int = 0, *, loss: float = 0.2, double: float = 0.1) -> None:
        self.net = LossyNetwork(seed, loss=loss, double=double, delay_s=0.05)
        self.now = 100.0
        self.judge = Judge()
        self.machines = {name: Machine(name) for name in HOSTS}
        self._boots, self._tokens = count(1000), count(1)
        self.disks: dict[str, dict[str, bytes]] = {name: {} for name in SERVERS}
        self.backups: dict[str, dict[str, bytes]] = {name: {} for name in SERVERS}
        self.alive: dict[str, Server] = {}
        self.known_boots: dict[str, tuple[int, bool]] = {}
        self._died_at: dict[str, float] = {}
        self.log: list[str] = []
        for name in SERVERS:
            self._start(name)
        self.run(1.0)

    # Acts ---------------------------------------------------------------------------------------

    def play(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            act, whom = divmod(number, WHOM)
            speaks = self._installer_speaks
            acts = (
                self._boot_machine, self._boot_machine, speaks, speaks, speaks, speaks, self._time_passes,
                self._time_passes, self._disk_writes, self._order_install, self._order_local, self._pull_plug,
                self._server_dies, self._server_starts, self._set_clock_back, self._restart_both,
                self._restart_alone, self._backup_or_restore,
            )  # fmt: skip
            acts[act](whom)
            self.judge.look(list(self.alive.values()))
        self._settle()

    def _boot_machine(self, whom: int) -> None:
        machine, server = self._pair(whom)
        if machine.doing == "off":
            wanted = server.table.offered(machine.name)
            self._say(f"{machine.name} boots by {server.name}: {wanted.name}")
            if wanted is Order.INSTALL:
                machine.doing, machine.token = "asks", f"token-{next(self._tokens):032d}"

    def _installer_speaks(self, whom: int) -> None:
        machine, server = self._pair(whom)
        events = {"asks": Event.START, "installs": Event.PROGRESS if whom & 4 else Event.DONE}
        event = events.get(machine.doing)
        if event is None:
            return
        report = Report(machine.name, event, machine.token, number=whom)
        verdict = server.table.report(report, FACTS[machine.name].addresses[0], self._wall(server))
        self._say(f"{machine.name} says {event.value} to {server.name}: {verdict.refused or 'counts'}")
        self._spread(server)
        if verdict.refused:
            if event is Event.START:
                machine.doing = "off"
            return
        token = machine.token

        def answer() -> None:
            if machine.token == token and server.table.stands(report):
                self._answered(machine, event)

        self._owe(server, answer)

    def _answered(self, machine: Machine, event: Event) -> None:
        if event is Event.START and machine.doing == "asks":
            self._say(f"{machine.name} erases its disk")
            machine.doing = "installs"
            self.judge.erase(machine.name)
            # unless an operator has ordered another install at the same moment
            records = [one.table.of(machine.name) for one in self.alive.values()]
            self.judge.safe[machine.name] = all(one.begun for one in records)
        elif event is Event.DONE and machine.doing == "installs":
            machine.doing = "off"

    def _order_install(self, whom: int) -> None:
        machine, server = self._pair(whom)
        if server.table.order([machine.name], Order.INSTALL, self._wall(server)):
            self.judge.install_asked(machine.name)
            self._say(f"an operator of {server.name} has {machine.name} installed")
            self._spread(server)

    def _order_local(self, whom: int) -> None:
        machine, server = self._pair(whom)
        if server.table.order([machine.name], Order.LOCAL, self._wall(server)):
            self._say(f"an operator of {server.name} has {machine.name} start from its disk")
            self._spread(server)

            def answer() -> None:  # unless another operator has ordered an install at the same moment
                orders = {one.table.of(machine.name).order for one in self.alive.values()}
                if orders == {Order.LOCAL}:
                    self.judge.safe[machine.name] = True

            self._owe(server, answer)

    def _pull_plug(self, whom: int) -> None:
        machine, _ = self._pair(whom)
        machine.doing, machine.token = "off", ""

    def _set_clock_back(self, whom: int) -> None:
        _, server = self._pair(whom)
        server.clock_skew_s -= 3600.0 * (1 + whom)

    def _time_passes(self, whom: int) -> None:
        self.run(0.01 * 4**(whom % 4))

    def _disk_writes(self, whom: int) -> None:
        self._write(self._pair(whom)[1])
        self._give_answers()

    def _write(self, server: Server) -> None:
        server.disk.update(server.to_write)
        server.to_write, server.written = {}, server.writes

    def _server_dies(self, whom: int) -> None:
        name = SERVERS[whom % 2]
        if len(self.alive) == 2 and self._knows_all(name):
            self._say(f"{name} dies")
            del self.alive[name]
            self._died_at[name] = self.now
            self.run(2 * DETECTION_S)

    def _server_starts(self, whom: int) -> None:
        for name in SERVERS:
            if name not in self.alive:
                self.run(DETECTION_S)
                self._start(name)
                self.run(0.05 * (whom % 3))

    def _restart_both(self, whom: int) -> None:
        """The mains fail, after both disks have all that was said; they come back one after the other."""
        if len(self.alive) < 2:
            return
        self._settle()
        self._say("both servers start anew")
        self.alive = {}
        for name in SERVERS if whom & 1 else reversed(SERVERS):
            self._start(name)
            self.run(0.1)

    def _restart_alone(self, whom: int) -> None:
        """The only server that lives starts anew, with what its disk has."""
        if len(self.alive) == 1:
            (name,) = self.alive
            self._say(f"{name}, alone, starts anew")
            self._start(name)
            self.run(0.05)

    def _backup_or_restore(self, whom: int) -> None:
        """A restore is rare: what was installed is forgotten by it."""
        if whom < 4:
            _, server = self._pair(whom)
            self.backups[server.name] = dict(server.disk)
        elif whom < 6:
            self._restore_one(whom)
        else:
            self._restore_both(whom)

    def _restore_one(self, whom: int) -> None:
        """The server that is away comes back with a disk made of an old backup; the other has lived on."""
        for name in SERVERS:
            if name not in self.alive:
                self._say(f"{name} is restored")
                self._restore(name)
                self._server_starts(whom)

    def _restore_both(self, whom: int) -> None:
        if len(self.alive) < 2:
            return
        self._settle()
        self._say("both servers are lost, and restored")
        self.alive = {}
        for name in SERVERS if whom & 1 else reversed(SERVERS):
            self._restore(name)
            self._start(name)
            self.run(0.1)

    def _restore(self, name: str) -> None:
        read = {host: decode(data) for host, data in self.backups[name].items()}
        made, _ = restored.after_restore(read, FACTS)
        self.disks[name] = {host: encode(record) for host, record in made.items()}

    # Time ---------------------------------------------------------------------------------------

    def run(self, for_s: float) -> None:
        end = self.now + for_s
        while self.now < end:
            self.now += STEP_S
            for to, packet in self.net.due(self.now):
                if to in self.alive:
                    self._receive(self.alive[to], packet)
            self._detect()
            for server in self.alive.values():
                deadline = server.node.next_deadline(self.now)
                if deadline is not None and deadline <= self.now:
                    for outgoing in server.node.outgoing(self.now):
                        self.net.send(self.now, outgoing.peer, outgoing.packet)
            for server in self.alive.values():
                if server.to_write and self.now >= server.dirty_since + WRITES_S:
                    self._write(server)
            self._look_ready()
            self._give_answers()

    def _settle(self) -> None:
        """All are there, and all is told."""
        self._server_starts(0)
        for _ in range(20):
            self.run(0.5)
            for number in (0, 1):
                self._disk_writes(number << 1)
            if not any(self._owes_peer(one) or one.waiting or one.to_write for one in self.alive.values()):
                break
        assert all(one.table.ready for one in self.alive.values())
        for host in HOSTS:
            records = {one.table.of(host) for one in self.alive.values()}
            assert len(records) == 1, f"the servers do not agree on {host}: {records}"
        self.judge.look(list(self.alive.values()))

    # Inside -------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        boot = next(self._boots)
        table = MachineTable(name, lambda: self.now)
        table.set_facts(FACTS)
        table.load({host: decode(data) for host, data in self.disks[name].items()})
        table.take_changed()
        node = ReplicationNode(name, boot, {TABLE: 100})
        server = self.alive[name] = Server(name, boot, node, table, self.disks[name])
        for host, record in table.records.items():
            node.put(TABLE, host.encode(), encode(record), self.now)
        self._died_at.pop(name, None)
        self.known_boots[name] = (boot, True)
        self._say(f"{name} starts")
        self._meet()
        assert server.table is table

    def _meet(self) -> None:
        for name, server in self.alive.items():
            others = {n: PeerStatus(*seen) for n, seen in self.known_boots.items() if n != name}
            server.node.set_peers(others, self.now)

    def _detect(self) -> None:
        for name, died_at in list(self._died_at.items()):
            if self.now >= died_at + DETECTION_S and self.known_boots[name][1]:
                self.known_boots[name] = (self.known_boots[name][0], False)
                self._meet()

    def _look_ready(self) -> None:
        for server in self.alive.values():
            peers = [name for name, (_, alive) in self.known_boots.items() if alive and name != server.name]
            if not server.table.ready and all(server.node.complete(peer, TABLE) for peer in peers):
                server.table.ready = True

    def _receive(self, server: Server, packet: object) -> None:
        for news in server.node.receive(packet, self.now):  # type: ignore[arg-type]
            if isinstance(news, RowChange) and news.value is not None:
                server.table.merge(news.key.decode(), decode(news.value))
        self._spread(server)

    def _spread(self, server: Server) -> None:
        for host in server.table.take_changed():
            data = encode(server.table.records[host])
            server.node.put(TABLE, host.encode(), data, self.now)
            if not server.to_write:
                server.dirty_since = self.now
            server.to_write[host] = data
            server.writes += 1

    def _owe(self, server: Server, answer: Callable[[], None]) -> None:
        server.waiting.append((DurabilityMark(server.writes, server.node.head(TABLE)), answer))
        self._give_answers()

    def _give_answers(self) -> None:
        for server in self.alive.values():
            rest = []
            for owed, answer in server.waiting:
                delivered = server.node.delivered(TABLE, owed.head)
                if durability.is_durable(owed, written=server.written, delivered_upto=delivered):
                    answer()
                else:
                    rest.append((owed, answer))
            server.waiting = rest

    def _knows_all(self, name: str) -> bool:
        """The other server has all that this one has told anybody."""
        return all(one.table.ready for one in self.alive.values()) and not any(
            self._owes_peer(one) for one in self.alive.values() if one.waiting or one.name != name
        )

    def _owes_peer(self, server: Server) -> bool:
        return not server.node.delivered(TABLE)

    def _pair(self, whom: int) -> tuple[Machine, Server]:
        servers = list(self.alive.values())
        return self.machines[HOSTS[whom & 1]], servers[(whom >> 1 & 1) % len(servers)]

    def _wall(self, server: Server) -> float:
        return 1.7e9 + self.now + server.clock_skew_s

    def _say(self, text: str) -> None:
        self.log.append(f"{self.now:.3f} {text}")


def record_of(world: World, host: str) -> Record:
    """As the first live server has it."""
    return next(iter(world.alive.values())).table.of(host)
