"""One client, two servers, one virtual address: a scenario is played from the clients' start to their end."""

from __future__ import annotations

from ipaddress import IPv4Address
from random import Random
from typing import Any

from .clients import Download, End, Program
from .clock import Clock
from .files import Trees, files, tree
from .ftp_client import FtpClient
from .http_client import HttpClient
from .judge import Judge
from .kernel import Kernel
from .middlebox import Middlebox
from .network import Network, Way
from .scenario import How, Scenario, Shift, Trigger, Work
from .seams import model_kernel
from .server import Server
from .tcp import Stack

VIP, CLIENT = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.128")
NAMES = ("server1", "server2")
SETTLE_S = 1.0
"""The servers run for so long before the first client: the input hold is active by then."""
LONGEST_S = 75.0
"""After the last move every client has what it wants, or was reset. A taker waits for 15 s for input that may
have been lost, for 30 s for a data connection; a client repeats what it says after 0.2 s, then twice as long
each time: 51 s."""
REPEATED_S = 600.0
"""Likewise for a client without SACK to which packets are lost: what may have arrived is all sent again, and
each that is lost once more doubles the time-out, which only an answer to new bytes shortens (RFC 6298 section
5.7 and Karn's algorithm, section 3). So it is slow, but does not wait in vain."""
REBOOT_S, READY_S = 3.0, 0.1
"""After a claim the dead server starts again; so much later it has the records of the holder."""


class World:
    """Plays one scenario. transcript: what happened, for people."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock, self.draw = Clock(), Random(f"takeover {scenario.seed}")
        self.transcript: list[str] = []
        net, told = scenario.net, scenario.replication
        self.network = Network(
            self.clock,
            self.draw,
            Way(net.delay, net.jitter, net.loss, net.double),
            Way(told.delay, told.jitter, told.loss),
            Middlebox(net.box),
            hears_arp=scenario.client.arp,
        )
        one = scenario.client
        stack = Stack(
            one.mss, one.scale, one.sack, one.timestamps, one.window, one.delack, challenges=one.challenges
        )
        self.client = Kernel(self.clock, self.draw, stack, {CLIENT}, self.network.from_client)
        self.network.client = self.client
        self.boots = 0
        self.servers: dict[str, Server] = {}
        self.old: list[Server] = []
        self.holder = NAMES[0]
        self.programs: list[Program] = []
        self.moves_left = list(scenario.moves)
        self.moved_at = 0.0
        self.moves = 0
        self._counts_from = (0, 0, 0)
        self._moving = False
        self._ready_at = 0.0
        self.judge = Judge(self)

    def note(self, text: str) -> None:
        self.transcript.append(f"{self.clock.now - 1000.0:9.4f} {text}")

    @property
    def resets(self) -> int:
        """How many clients were reset."""
        return sum(one.end is End.RESET for one in self.programs)

    # Servers ------------------------------------------------------------------------------------

    def boot(self, name: str) -> Server:
        self.boots += 1
        trees = self.scenario.trees if name != NAMES[0] else Trees.SAME
        one = Server(
            self.clock,
            self.draw,
            name,
            self.boots,
            VIP,
            self.network,
            lingers=self.scenario.lingers,
            trees=trees,
        )
        if name in self.servers:
            self.old.append(self.servers[name])
        self.servers[name] = self.network.servers[name] = one
        one.on_record = self._look
        return one

    def meet(self) -> None:
        """The servers hear each other's heartbeats, or do not any more."""
        for name, one in self.servers.items():
            one.peers_are(
                {other: (peer.boot, peer.alive) for other, peer in self.servers.items() if other != name}
            )

    # The course of things -----------------------------------------------------------------------

    def play(self) -> World:
        with model_kernel():
            try:
                self._play()
            finally:
                for one in (*self.servers.values(), *self.old):
                    one.alive, one.on_record = False, lambda: None
                    one.loop.dispose()
        return self

    def _play(self) -> None:
        for name in NAMES:
            self.boot(name)
        self.clock.run(self.clock.now + 0.01)
        self.meet()
        self.network.holder_by_arp = self.holder
        self.servers[self.holder].claim("", planned=False, announce=lambda: None)
        self.clock.run(self.clock.now + SETTLE_S)
        self.start = self.moved_at = self.clock.now
        self._count_from_here()
        self.programs = [self._program(one) for one in self.scenario.work]
        self._watch_sending()
        self._plan_next()
        while not self._over() and self.clock.now < self._limit():
            self.clock.run(min(self._limit(), self.clock.now + 5.0), self._over)
        for place, one in enumerate(self.programs, 1):
            self.note(
                f"program {place}: {one.end.value} at {one.ended_at - 1000.0:.4f} with {one.received} bytes "
                f"{one.why}".rstrip()
            )
        self.judge.at_the_end()

    def _limit(self) -> float:
        slow = self.scenario.net.loss and not self.scenario.client.sack
        return self.moved_at + (REPEATED_S if slow else LONGEST_S)

    def _over(self) -> bool:
        return all(one.end is not End.WORKING for one in self.programs) and not self._moving

    def _program(self, work: Work) -> Program:
        pace: dict[str, Any] = {
            "bite": int(work.habit("bite", "0")),
            "pause_s": float(work.habit("pause", "0")),
        }
        downloads = tuple(_download(word) for word in work.wants)
        if work.kind == "http":
            return HttpClient(
                self.client,
                VIP,
                files(),
                downloads,
                ahead=int(work.habit("ahead", "1")),
                closes=work.habit("closes", "0") == "1",
                padding=int(work.habit("padding", "0")),
                **pace,
            )
        return FtpClient(
            self.client,
            VIP,
            files(),
            downloads,
            tree=tree(),
            mode=work.habit("mode", "EPSV").encode(),
            early=work.habit("early", "1") == "1",
            asks_size=work.habit("size", "0") == "1",
            keeps_data=work.habit("keeps", "0") == "1",
            waits_for_close=work.habit("quits", "0") == "1",
            **pace,
        )

    # Moves --------------------------------------------------------------------------------------

    def _count_from_here(self) -> None:
        one = self.servers[self.holder]
        self._counts_from = self.network.sent_by_servers, self.network.bytes_sent, one.records_sent

    def _plan_next(self) -> None:
        if self.moves_left and self.moves_left[0].trigger is Trigger.AT:
            self.clock.after(self.moves_left[0].count, self._due, self.moves_left[0])

    def _watch_sending(self) -> None:
        send = self.network.from_server

        def watched(server: Server, one: Any) -> None:
            send(server, one)
            self._look()

        self.network.from_server = watched  # type: ignore[method-assign]

    def _look(self) -> None:
        """Whether the next move's count is reached. The server dies before it does anything else."""
        if not self.moves_left or self._moving:
            return
        shift, (segments, sent, told) = self.moves_left[0], self._counts_from
        counted = {
            Trigger.SEGMENT: self.network.sent_by_servers - segments,
            Trigger.BYTE: self.network.bytes_sent - sent,
            Trigger.RECORD: self.servers[self.holder].records_sent - told,
        }.get(shift.trigger, -1)
        if counted >= shift.count and self._is_ready(shift):
            self._due(shift)

    def _is_ready(self, shift: Shift) -> bool:
        """Whether there is a server that can take the address: the holder itself, or another one that has the
        holder's records, from a holder that is done with its own claim."""
        if shift.how is How.LET_GO:
            return True
        if shift.how is How.VANISH:  # in the midst of a claim FTP's transfers may break
            return not self.servers[self.holder].claims_still(self.clock.now)
        other = self.servers[_other(self.holder)]
        if self.servers[self.holder].claims_still(self.clock.now):
            self._ready_at = self.clock.now + READY_S
        return other.alive and self.clock.now >= self._ready_at

    def _due(self, shift: Shift) -> None:
        if not self.moves_left or self.moves_left[0] is not shift or self._moving:
            return
        if not self._is_ready(shift):
            self.clock.after(0.1, self._due, shift)
            return
        self.moves_left.pop(0)
        self._moving = True
        self.note(f"{sum(one.received for one in self.programs)} bytes of files have arrived")
        old, new = self.servers[self.holder], self.servers[_other(self.holder)]
        self.moves += 1
        self.moved_at = self.clock.now
        if shift.how is How.LET_GO:
            self.note(f"{old.name} lets go")
            old.release(lambda: self._let_go(old, shift.claimed))
            return
        if shift.how is How.VANISH:
            self.note(f"the address vanishes from {old.name}")
            old.lose()
            self.clock.after(shift.claimed, self._claim_back, old)
            return
        if shift.how is How.PLANNED and old.alive and new.alive:
            self.note(f"{old.name} hands over to {new.name}")
            old.release(lambda: self._released(old, new))
            return
        self.note(f"{old.name} loses power")
        old.power_off()
        self.judge.dead(old)
        self.clock.after(shift.claimed, self._claim, old, new, False)

    def _released(self, old: Server, new: Server) -> None:
        self.judge.dead(old)
        self.clock.after(0.003, self._claim, old, new, True)

    def _claim(self, old: Server, new: Server, planned: bool) -> None:
        self.note(f"{new.name} claims")
        self.holder = new.name
        if not planned:
            self.meet()
        self.moved_at = self.clock.now
        self.judge.claims(old, new)
        new.claim(old.name, planned=planned, announce=lambda: self.network.announce(new))
        if not planned:
            self.clock.after(REBOOT_S, self._boot_again, old.name)
        self.clock.after(0.05, self._moved)

    def _let_go(self, old: Server, claimed_after_s: float) -> None:
        self.judge.dead(old)
        self.clock.after(claimed_after_s, self._claim_back, old)

    def _claim_back(self, holder: Server) -> None:
        self.note(f"{holder.name} claims it back")
        self.judge.claims(holder, holder)
        self.moved_at = self.clock.now
        holder.claim("", planned=True, announce=lambda: self.network.announce(holder), ours=True)
        self.clock.after(0.05, self._moved)

    def _boot_again(self, name: str) -> None:
        if self.moves_left:
            self.boot(name)
            self.clock.after(0.01, self.meet)
            self._ready_at = self.clock.now + READY_S

    def _moved(self) -> None:
        self._moving = False
        self._count_from_here()
        self._plan_next()


def _other(name: str) -> str:
    return NAMES[1 - NAMES.index(name)]


def _download(word: str) -> Download:
    if word == "list":
        return Download(b"/trees", listing=True)
    if word == "none":
        return Download(b"/trees/none")
    size, _, start = word.removeprefix("f").partition("+")
    return Download(b"/trees/f%d" % int(size), int(start or "0"))


def play(scenario: Scenario) -> World:
    """Play the scenario to its end. The judge raises Violation."""
    return World(scenario).play()
