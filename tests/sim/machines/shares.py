"""Two servers that give groups to machines by load, in virtual time: real tables, decisions, steering and
replication over a network that loses, delays and doubles; machines that ask, wait, install, are switched off;
servers that die and come back; and a judge.

One server at a time may be away, and dies without a warning: what it has told nobody is lost with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from replicationworld import LossyNetwork
from twinboot.adapters.steer_links import GROUPS, INSTALL, LOCAL, QUEUE, Way
from twinboot.agent.machines.steering import Steering
from twinboot.machines.by_load import sharing
from twinboot.machines.by_load.least_work import Group, Rules
from twinboot.machines.facts import Facts
from twinboot.machines.record import Order, Step, decode, encode
from twinboot.machines.reports import Event, Report
from twinboot.machines.table import MachineTable
from twinboot.replication.node import PeerStatus, ReplicationNode, RowChange

TABLE = "machines"
HOMES = {"first": "server1", "second": "server2"}
SERVERS = tuple(HOMES.values())
AT_ONCE = 2
HOSTS = tuple(f"m{number}" for number in range(8))
FACTS = {
    name: Facts("rh9", group="second" if number % 2 else "first", addresses=(f"192.168.0.{number}",),
                macs=(f"52:54:00:00:00:{number:02x}",), retries=number % 3 // 2)
    for number, name in enumerate(HOSTS)
}  # fmt: skip
RULES = Rules({name: Group(1, home) for name, home in HOMES.items()}, AT_ONCE)
ACTS, WHOM = 12, 8
STEP_S, DETECTION_S, SPREAD_S, POLL_S, LIMIT_S = 0.02, 0.3, 1.0, 0.5, 4.0


@dataclass
class Server:
    name: str
    node: ReplicationNode
    table: MachineTable
    sharing: sharing.Sharing
    links: dict[str, Way]
    steering: Steering | None = None
    acts_at: float = 0.0
    asked: dict[str, int] = field(default_factory=dict)
    """Machines that wait, and the change of the table that tells of it."""


@dataclass
class Machine:
    """doing: off, waits (its loader asks now and then), installs, done. group: that it has read, and works
    by."""

    name: str
    doing: str = "off"
    group: str = ""
    token: str = ""
    heard_at: float = 0.0
    given: str = ""
    given_at: float = 0.0
    giver: str = ""
    asks_at: float = 0.0
    ends_at: float = 0.0
    begun: bool = False
    erased: int = 0


@dataclass
class World:
    """play() takes small numbers: each chooses an act and whom it concerns."""

    seed: int = 0
    now: float = 100.0
    alive: dict[str, Server] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = Random(self.seed)
        self.net = LossyNetwork(self.seed, loss=0.1, double=0.05, delay_s=0.05)
        self.machines = {name: Machine(name) for name in HOSTS}
        self.disks: dict[str, dict[str, bytes]] = {name: {} for name in SERVERS}
        self.boots: dict[str, tuple[int, bool]] = {}
        self.died_at: dict[str, float] = {}
        self._boots, self._tokens = count(1000), count(1)
        for name in SERVERS:
            self._start(name)
        self.run(1.0)

    # Acts ---------------------------------------------------------------------------------------

    def play(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            act, whom = divmod(number, WHOM)
            switch_on, passes = self._switch_on, self._time_passes
            (switch_on, switch_on, switch_on, passes, passes, passes, passes, self._switch_off, self._die,
             self._come_back, self._long_time_passes, self._crowd)[act](whom)  # fmt: skip
        self._settle()

    def _switch_on(self, whom: int) -> None:
        machine = self.machines[HOSTS[whom]]
        if machine.doing == "off":
            machine.doing, machine.asks_at = "waits", self.now + 0.05
            self._say(f"{machine.name} is switched on")
            for server in self.alive.values():
                if self.draw.random() < 0.8:  # a broadcast
                    self._hear(server, machine)

    def _crowd(self, _whom: int) -> None:
        for whom in range(WHOM):
            self._switch_on(whom)

    def _switch_off(self, whom: int) -> None:
        machine = self.machines[HOSTS[whom]]
        if machine.doing in ("waits", "installs"):
            self._say(f"{machine.name} loses its power")
            machine.doing, machine.group = "off", ""
            if machine.begun:  # it comes back as one that needs another turn
                machine.begun, machine.given = False, ""

    def _time_passes(self, whom: int) -> None:
        self.run(0.02 * 3 ** (whom % 4))

    def _long_time_passes(self, whom: int) -> None:
        """Longer than a step may take, so that what is silent lapses."""
        self.run(5.0 + whom)

    def _die(self, whom: int) -> None:
        name = SERVERS[whom % 2]
        if len(self.alive) == 2 and all(one.table.ready for one in self.alive.values()):
            self._say(f"{name} dies")
            del self.alive[name]
            self.died_at[name] = self.now

    def _come_back(self, _whom: int) -> None:
        for name in SERVERS:
            if name not in self.alive:
                self.run(DETECTION_S)
                self._start(name)

    # Time ---------------------------------------------------------------------------------------

    def run(self, for_s: float) -> None:
        end = self.now + for_s
        while self.now < end:
            self.now += STEP_S
            for to, packet in self.net.due(self.now):
                if to in self.alive:
                    self._receive(self.alive[to], packet)
            self._detect()
            for server in list(self.alive.values()):
                for outgoing in server.node.outgoing(self.now):
                    self.net.send(self.now, outgoing.peer, outgoing.packet)
                self._look(server)
            for machine in self.machines.values():
                self._live(machine)
            self._judge()

    def _settle(self) -> None:
        """Who is off stays so, or comes back; all that wait come to their turn, whoever lives."""
        if self.draw.random() < 0.5:
            self._come_back(0)
        for whom in range(WHOM):
            if self.draw.random() < 0.5:
                self._switch_on(whom)
        for _ in range(60):
            self.run(1.0)
            if not any(one.doing in ("waits", "installs") for one in self.machines.values()):
                return
        waiting = [one.name for one in self.machines.values() if one.doing in ("waits", "installs")]
        raise AssertionError(f"{waiting} wait for ever")

    # Machines -----------------------------------------------------------------------------------

    def _live(self, machine: Machine) -> None:
        holder = self._holder(FACTS[machine.name].group)
        if machine.doing == "waits" and self.now >= machine.asks_at and holder is not None:
            machine.asks_at = self.now + POLL_S
            way = holder.links.get(machine.name, Way(LOCAL))
            self._hear(holder, machine)
            if way.folder == LOCAL:
                machine.doing = "done"  # it starts its disk
            elif way.folder != QUEUE:
                self._begin(machine, way)
        elif machine.doing == "installs" and self.now >= machine.asks_at:
            self._report(machine)

    def _begin(self, machine: Machine, way: Way) -> None:
        machine.group = way.folder.partition("/")[2] if way.folder != INSTALL else FACTS[machine.name].group
        assert way.folder == INSTALL or way.folder.startswith(GROUPS)
        self._say(f"{machine.name} has read that it installs from {machine.group}")
        machine.doing, machine.token = "installs", f"token-{next(self._tokens):032d}"
        machine.heard_at = self.now
        machine.asks_at = self.now + self.draw.choice((0.1, 0.5, 1.0))
        machine.ends_at = machine.asks_at + self.draw.choice((0.5, 1.0, 4.0))

    def _report(self, machine: Machine) -> None:
        server = self._holder(machine.group)
        if server is None or not server.table.ready:
            machine.asks_at = self.now + 0.1
            return
        begun = server.table.of(machine.name).token == machine.token
        event = Event.START if not begun else Event.DONE if self.now >= machine.ends_at else Event.PROGRESS
        report = Report(machine.name, event, machine.token, number=int(10 * self.now))
        verdict = server.table.report(report, FACTS[machine.name].addresses[0], 1.7e9 + self.now)
        self._spread(server)
        machine.heard_at, machine.asks_at = self.now, self.now + 0.5
        if verdict.refused:
            self._say(f"{machine.name}: {event.value} is refused: {verdict.refused}")
            machine.doing, machine.group, machine.given = "off", "", ""
        elif event is Event.START:
            machine.erased += 1
            machine.begun = True
            assert machine.erased <= 1 + FACTS[machine.name].retries, f"{machine.name} is installed twice"
        elif event is Event.DONE:
            self._say(f"{machine.name} is done")
            machine.doing = "done"

    # The judge ----------------------------------------------------------------------------------

    def _judge(self) -> None:
        for machine in self.machines.values():
            for server in self.alive.values():
                record = server.table.of(machine.name)
                if machine.doing == "installs" and record.token == machine.token and not record.done:
                    on = server.sharing.runs_on(machine.name)
                    assert on in ("", machine.group), f"{machine.name} is at {machine.group}, not {on}"

    def _judge_gift(self, server: Server, name: str) -> None:
        """A server gives a machine a group; counted is what it can know of, and what is true."""
        machine, group = self.machines[name], server.table.of(name).place.group
        self._say(f"{server.name} gives {name} {group}")
        on = self._holds(group)
        assert on is not None, f"{name} is given {group}, which nobody holds"
        busy = [
            one.name for one in self.machines.values()
            if one is not machine and one.doing in ("waits", "installs") and one.given
            and self._holds(one.given) == on and self.now < one.heard_at + LIMIT_S / 2
            and (one.giver == server.name or self.now >= one.given_at + SPREAD_S)
        ]  # fmt: skip
        assert len(busy) < AT_ONCE, f"{busy} install on {on}, and {name} is given a group of it as well"
        machine.given, machine.given_at, machine.giver = group, self.now, server.name

    # Servers ------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        self._say(f"{name} starts")
        boot = next(self._boots)
        table = MachineTable(name, lambda: self.now)
        table.set_facts(FACTS)
        table.load({host: decode(data) for host, data in self.disks[name].items()})
        table.take_changed()
        shares = sharing.Sharing(name, table, lambda: self.now)
        shares.set_rules(RULES)
        node = ReplicationNode(name, boot, {TABLE: 100})
        server = self.alive[name] = Server(name, node, table, shares, {})

        def way(host: str) -> Way:
            if table.offered(host) is Order.LOCAL:
                return Way(LOCAL)
            group = shares.group_of(host)
            if not group:
                return Way(QUEUE)
            return Way(INSTALL if group == FACTS[host].group else f"{GROUPS}/{group}")

        server.steering = Steering(
            way=way, owes=lambda way: way.folder not in (LOCAL, QUEUE), head=lambda: node.head(TABLE),
            told=lambda head: node.delivered(TABLE, head), now=lambda: self.now,
        )  # fmt: skip
        for host, record in table.records.items():
            node.put(TABLE, host.encode(), encode(record), self.now)
        self.died_at.pop(name, None)
        self.boots[name] = (boot, True)
        self._meet()

    def _look(self, server: Server) -> None:
        """What the agent does: ready, decisions, links."""
        peers = [name for name, (_, alive) in self.boots.items() if alive and name != server.name]
        if not server.table.ready and all(server.node.complete(peer, TABLE) for peer in peers):
            server.table.ready = True
        server.sharing.holders = {
            group: one for group in HOMES if (one := self._holds(group)) is not None and one in self.alive
        }  # fmt: skip
        if self.now >= server.acts_at:
            server.acts_at = self.now + 0.1
            told = {name for name, head in server.asked.items() if server.node.delivered(TABLE, head)}
            given = server.sharing.give(lambda name: name not in server.asked or name in told)
            server.asked = {name: head for name, head in server.asked.items() if name not in told}
            for name in given:
                self._judge_gift(server, name)
            self._spread(server)
        assert server.steering is not None
        server.steering.steer(HOSTS)
        server.links.update(server.steering.take())

    def _hear(self, server: Server, machine: Machine) -> None:
        machine.heard_at = self.now
        server.table.observe(machine.name, Step.LOADER, 1.7e9 + self.now)
        new = server.sharing.ask(machine.name, 1.7e9 + self.now)
        self._spread(server)
        if new:
            server.asked[machine.name] = server.node.head(TABLE)

    def _spread(self, server: Server) -> None:
        changed = server.table.take_changed()
        server.sharing.note(changed)
        for host in changed:
            data = encode(server.table.records[host])
            server.node.put(TABLE, host.encode(), data, self.now)
            server_disk = self.disks[server.name]
            server_disk[host] = data

    def _receive(self, server: Server, packet: object) -> None:
        for news in server.node.receive(packet, self.now):  # type: ignore[arg-type]
            if isinstance(news, RowChange) and news.value is not None:
                server.table.merge(news.key.decode(), decode(news.value))
        self._spread(server)

    def _holds(self, group: str) -> str | None:
        """Its own server, when it is there and knows all; otherwise the other, when that has noticed."""
        home = HOMES[group]
        if home in self.alive and (self.alive[home].table.ready or len(self.alive) == 1):
            return home
        other = next(name for name in SERVERS if name != home)
        return None if self.boots[home][1] and home not in self.alive else other

    def _holder(self, group: str) -> Server | None:
        name = self._holds(group)
        return self.alive.get(name) if name is not None else None

    def _detect(self) -> None:
        for name, died_at in list(self.died_at.items()):
            if self.now >= died_at + DETECTION_S and self.boots[name][1]:
                self.boots[name] = (self.boots[name][0], False)
                self._meet()

    def _meet(self) -> None:
        for name, server in self.alive.items():
            others = {n: PeerStatus(*seen) for n, seen in self.boots.items() if n != name}
            server.node.set_peers(others, self.now)

    def _say(self, text: str) -> None:
        self.log.append(f"{self.now:.2f} {text}")
