"""The world and its judge.

The judge: an event that a live server, or a disk, knows of all the time reaches every receiver that wants it,
and all that a receiver gets of one happening has one id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from random import Random

from replicationworld import LossyNetwork
from twinboot.replication.node import PeerStatus, ReplicationNode, RowChange, TableReset
from twinboot.webhooks.answer import Answer, judged, not_reached
from twinboot.webhooks.delivery_queue import DeliveryQueue
from twinboot.webhooks.event import Event, EventKind, identify
from twinboot.webhooks.hook import Hook

TABLE, FAILING = "webhooks", b"failing"
SERVERS = ("server1", "server2", "server3")
HOOKS = {name: Hook(name=name, url=f"https://{name}/") for name in ("one", "two")}
ACTS, WHOM = 12, 6
STEP_S, DETECTION_S, SAVE_S, ALONE_S, HANG_S = 0.05, 0.5, 0.2, 8.0, 15.0
MODES = ("up", "up", "up", "down", "refuses", "hangs", "mute")
"""mute: it takes the event, and its answer is lost."""


@dataclass
class Server:
    name: str
    node: ReplicationNode
    queue: DeliveryQueue
    born: float
    loaded_at: float
    saves_at: float | None = None
    told_failing: frozenset[str] = frozenset()
    ready: bool = False


@dataclass
class Attempt:
    server: Server
    hook: str
    event: Event
    takes_at: float | None
    ends_at: float
    answer: Answer


@dataclass
class Happening:
    """known_at: by server, when it notices. lost: no live server and no disk knew of it for a moment."""

    subject: str
    at: float
    known_at: dict[str, float]
    noticed: set[str] = field(default_factory=set)
    lost: bool = False


class World:
    """play() takes small numbers: each chooses an act and whom it concerns. rough: the network loses."""

    def __init__(self, seed: int = 0, *, rough: bool = True) -> None:
        self.draw, self.now, self.log = Random(seed), 1000.0, list[str]()
        self.net = LossyNetwork(seed, loss=0.1 if rough else 0.0, double=0.05 if rough else 0.0,
                                delay_s=0.05)  # fmt: skip
        self.alive: dict[str, Server] = {}
        self.disks: dict[str, dict[str, bytes]] = {name: {} for name in SERVERS}
        self.boots: dict[str, int] = {}
        self.died_at: dict[str, float] = {}
        self.modes = dict.fromkeys(HOOKS, "up")
        self.hooks: dict[str, dict[str, Hook]] = {name: dict(HOOKS) for name in SERVERS}
        self.blocked: set[tuple[str, str]] = set()
        self.attempts: list[Attempt] = []
        self.happenings: dict[str, Happening] = {}
        self.got: dict[str, list[tuple[str, str]]] = {name: [] for name in HOOKS}
        """By receiver: happening and id."""
        self._boots, self._numbers = count(1), count(1)
        for name in SERVERS:
            self.start(name)
        self.run(1.0)

    # Acts ---------------------------------------------------------------------------------------

    def play(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            act, whom = divmod(number, WHOM)
            (self.happen, self.happen, self.happen, self._pass, self._pass, self._pass, self._die, self._back,
             self._change, self._change, self._cut, self._block)[act](whom)  # fmt: skip
        self.settle()

    def happen(self, whom: int) -> str:
        """Some servers notice it, each in its time."""
        subject = f"m{next(self._numbers)}"
        living = sorted(self.alive)
        who = living if whom % 3 else [self.draw.choice(living)]
        known = {name: self.now + self.draw.random() * 0.4 for name in who}
        self.happenings[subject] = Happening(subject, self.now, known)
        self._say(f"{subject} happens, noticed by {', '.join(who)}")
        return subject

    def die(self, name: str) -> None:
        self._say(f"{name} dies")
        del self.alive[name]
        self.died_at[name] = self.now
        self.attempts = [one for one in self.attempts if one.server.name != name or one.takes_at is not None]

    def start(self, name: str) -> None:
        self._say(f"{name} starts")
        boot = self.boots[name] = next(self._boots)
        queue = DeliveryQueue(name)
        node = ReplicationNode(name, boot, {TABLE: 10_000})
        made = self.alive[name] = Server(name, node, queue, self.now, self.now + 0.1)
        queue.set_site(self.hooks[name], SERVERS)
        made.saves_at = None

    def _pass(self, whom: int) -> None:
        self.run((0.05, 0.1, 0.3, 1.0, 3.0, 20.0)[whom])

    def _die(self, whom: int) -> None:
        name = SERVERS[whom % 3]
        if name in self.alive and len(self.alive) > 1:
            self.die(name)

    def _back(self, _whom: int) -> None:
        for name in SERVERS:
            if name not in self.alive and self.now >= self.died_at[name] + 2 * DETECTION_S:
                self.start(name)

    def _change(self, whom: int) -> None:
        hook = sorted(HOOKS)[whom % 2]
        self.modes[hook] = self.draw.choice(MODES)
        self._say(f"{hook} is {self.modes[hook]}")

    def _cut(self, whom: int) -> None:
        self.net.cut = {frozenset((SERVERS[whom % 3], SERVERS[(whom + 1) % 3]))} if whom > 2 else set()
        self._say(f"cut: {[sorted(one) for one in self.net.cut]}")

    def _block(self, whom: int) -> None:
        pair = SERVERS[whom % 3], sorted(HOOKS)[whom // 3]
        self.blocked = {pair} if pair not in self.blocked else set()
        self._say(f"blocked: {self.blocked}")

    # Time ---------------------------------------------------------------------------------------

    def run(self, for_s: float, step_s: float = STEP_S) -> None:
        end = self.now + for_s
        while self.now < end:
            self.now += step_s
            for to, packet in self.net.due(self.now):
                if to in self.alive:
                    self._receive(self.alive[to], packet)
            for server in list(self.alive.values()):
                self._turn(server)
            self._attempts_go_on()
            self._look()

    def settle(self) -> None:
        """All comes right, but for what one server cannot reach; then everything is delivered."""
        self.net.cut.clear()
        self.modes = dict.fromkeys(HOOKS, "up")
        self.run(2 * DETECTION_S)
        self._back(0)
        self._say("settles")
        for _ in range(1600):
            self.run(0.5, 0.25)
            if not self._missing():
                break
        self.judge()

    def judge(self) -> None:
        missing = self._missing()
        if missing:
            raise AssertionError(f"never delivered: {missing}")
        for hook, got in self.got.items():
            ids: dict[str, set[str]] = {}
            for subject, event_id in got:
                ids.setdefault(subject, set()).add(event_id)
            if twins := {subject: found for subject, found in ids.items() if len(found) > 1}:
                raise AssertionError(f"{hook} got twins with other ids: {twins}")

    def _missing(self) -> list[tuple[str, str]]:
        return [
            (hook, subject) for hook, got in self.got.items() for subject, one in self.happenings.items()
            if not one.lost and subject not in {each for each, _ in got} and one.noticed
        ]

    # Servers ------------------------------------------------------------------------------------

    def _peers(self, server: Server) -> dict[str, PeerStatus]:
        found = {}
        for name, boot in self.boots.items():
            if name != server.name:
                dead = name not in self.alive and self.now >= self.died_at[name] + DETECTION_S
                cut = frozenset((name, server.name)) in self.net.cut
                found[name] = PeerStatus(boot, not dead and not cut)
        return found

    def living_peers(self, server: Server) -> list[str]:
        return [name for name, peer in self._peers(server).items() if peer.alive]

    def _turn(self, server: Server) -> None:
        queue, node = server.queue, server.node
        node.set_peers(self._peers(server), self.now)
        if server.loaded_at <= self.now and server.saves_at is None:
            server.saves_at = self.now
            for event_id, row in self.disks[server.name].items():
                queue.hear(event_id, row, self.now)
        for one in self.happenings.values():
            there = server.born <= one.at and server.name not in one.noticed
            if there and one.known_at.get(server.name, self.now + 1) <= self.now:
                one.noticed.add(server.name)
                queue.note(made(one, server.name), self.now)
        self._ready(server)
        if server.ready:
            for hook, event in queue.due(self.now, self.living_peers(server)):
                self._begin(server, hook, event)
        self._tell(server)
        for outgoing in node.outgoing(self.now):
            self.net.send(self.now, outgoing.peer, outgoing.packet)

    def _ready(self, server: Server) -> None:
        if server.ready or server.saves_at is None:
            return
        peers = self.living_peers(server)
        known = all(server.node.complete(peer, TABLE) for peer in peers)
        server.ready = known if peers else self.now >= server.born + ALONE_S

    def _tell(self, server: Server) -> None:
        changes = server.queue.changes()
        for event_id, row in changes:
            if row is None:
                server.node.remove(TABLE, event_id.encode(), self.now)
            else:
                server.node.put(TABLE, event_id.encode(), row, self.now)
        failing = server.queue.failing(self.now)
        if failing != server.told_failing:
            server.told_failing = failing
            server.node.put(TABLE, FAILING, ",".join(sorted(failing)).encode(), self.now)
        if server.saves_at is not None and self.now >= server.saves_at:
            server.saves_at = self.now + SAVE_S
            self.disks[server.name] = dict(server.queue.rows)

    def _receive(self, server: Server, packet: object) -> None:
        for news in server.node.receive(packet, self.now):  # type: ignore[arg-type]
            if isinstance(news, TableReset):
                server.queue.hear_failing(news.peer, ())
            elif isinstance(news, RowChange) and news.key == FAILING:
                hooks = (news.value or b"").decode().split(",")
                server.queue.hear_failing(news.peer, [one for one in hooks if one])
            elif news.value is not None:
                server.queue.hear(news.key.decode(), news.value, self.now)

    # Receivers ----------------------------------------------------------------------------------

    def _begin(self, server: Server, hook: Hook, event: Event) -> None:
        mode = "down" if (server.name, hook.name) in self.blocked else self.modes[hook.name]
        reaches = self.now + self.draw.random() * 0.2
        answers = reaches + self.draw.random() * 0.2
        takes, ends, answer = {
            "up": (reaches, answers, judged(200)), "down": (None, answers, not_reached("refused")),
            "refuses": (None, answers, judged(400)),
            "hangs": (None, self.now + HANG_S, not_reached("no answer")),
            "mute": (reaches, self.now + HANG_S, not_reached("no answer")),
        }[mode]  # fmt: skip
        self.attempts.append(Attempt(server, hook.name, event, takes, ends, answer))

    def _attempts_go_on(self) -> None:
        for one in list(self.attempts):
            if one.takes_at is not None and self.now >= one.takes_at:
                one.takes_at = None
                self.got[one.hook].append((one.event.subject, one.event.id))
                self._say(f"{one.hook} gets {one.event.subject} from {one.server.name}")
            if one.takes_at is None and self.now >= one.ends_at:
                self.attempts.remove(one)
                if self.alive.get(one.server.name) is one.server:
                    one.server.queue.ended(one.hook, one.event.id, one.answer, now=self.now,
                                             draw=self.draw.random())  # fmt: skip

    def _look(self) -> None:
        for one in self.happenings.values():
            if one.noticed and not one.lost:
                ids = {identify_of(one.subject, name) for name in SERVERS}
                one.lost = not any(
                    server.queue.outbox.has(each) for server in self.alive.values() for each in ids
                ) and not any(each in disk for disk in self.disks.values() for each in ids)

    def _say(self, text: str) -> None:
        self.log.append(f"{self.now:9.2f} {text}")


@cache
def identify_of(subject: str, _server: str) -> str:
    return identify("lab", EventKind.MACHINE_DONE, subject, 0, 0)


def made(one: Happening, server: str) -> Event:
    """As this server sees it: its own words, everybody's id."""
    return Event(id=identify_of(one.subject, server), kind=EventKind.MACHINE_DONE, at=one.at,
                 subject=one.subject, text=f"{one.subject} as {server} says")  # fmt: skip


