"""The loop: event -> step -> effects in their order -> arm exactly one timer.

Everything here runs on one thread and never waits: what may take long is handed to vips and services
and comes back as an event. A fault in the core itself ends the process; the kernel then takes its
addresses away, and a fresh start is better than going on with a belief that may be wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from twinboot import core
from twinboot.alarms import Condition
from twinboot.core.effects import (
    AnnounceVip,
    AskForService,
    AskWhoAnswers,
    ClaimVip,
    DropVip,
    Effect,
    Exit,
    Log,
    LogLevel,
    RenewVip,
    RestartService,
    SendArpProbe,
    SendArpRequests,
    SendHeartbeat,
    StartService,
    StopService,
)
from twinboot.core.events import Event, HeartbeatReceived, LeaveRequested, Tick
from twinboot.log import log_event, log_fields
from twinboot.wire.cluster.heartbeat import DecodeError, EncodeError, HeartbeatCodec
from twinboot.wire.cluster.replication import ReplicationCodec, is_replication_packet

from .alarms import AlarmBoard
from .clocks import PeerClocks
from .health.disk import DiskMonitor
from .health.services import Services
from .history.history import History
from .intake import Intake
from .lan.questions import LanQuestions
from .lan.who_answers import WhoAnswers
from .links import Link, Links
from .loop_counters import LoopCounters
from .machines.figures import Figures
from .replication.replicator import Replicator
from .vip.arp_probes import ArpProbes
from .vip.vips import Vips
from .waiting import Waiting

log = logging.getLogger(__name__)

POLL_EVERY_S = 1.0
LEAVE_LIMIT_S = 6.0
"""The core itself leaves after 3 s at the latest; this is for what the core cannot see."""
_CLOSE_LIMIT_S = 1.0


class Agent:
    """One server's agent. Build it and its parts, call start() in the running loop, await left()."""

    def __init__(self, *, config: core.model.ClusterConfig, boot: int, codec: HeartbeatCodec,
                 now: Callable[[], float]) -> None:
        self.config = config
        self.boot = boot
        self._intake = Intake(codec)
        self.counters = self._intake.counters
        self.alarms = AlarmBoard(config.me, now)
        self.alarms.add_source(self._alarm_conditions)
        self._clocks = PeerClocks(now)
        self.alarms.add_source(self._clocks.alarm_conditions)
        self.connections: Callable[[], dict[str, Any]] = dict
        """How clients' connections are kept; empty where the site file does not want it."""
        self.machines: Callable[[], Figures] = Figures
        """How many machines are in which state, and how long their installs take."""
        self.trees: Callable[[str], dict[str, dict[str, str]]] = lambda _server: {}
        """State of each install tree on each server, in a word."""
        self.tree_copies: Callable[[], dict[str, dict[str, dict[str, Any]]]] = dict
        """How far each server's copies are, by install tree."""
        self.tree_reading: Callable[[], tuple[str, int, int] | None] = lambda: None
        """The tree whose files are being read again, bytes read, and its size."""
        self.webhooks: Callable[[], Mapping[str, Mapping[str, int]]] = dict
        """By webhook, how many events were delivered, failed, wait, were dropped."""
        self.balancing: Callable[[], dict[str, Any] | None] = lambda: None
        """What runs on each group and waits, where the site balances by load."""
        self.site_of: Callable[[str], Mapping[str, Any] | None] = lambda _server: None
        """The site that a server works by, as JSON values; None: not known here. Takes a moment where it has
        thousands of hosts."""
        self.own_site: Callable[[], Mapping[str, Any]] = dict
        """The site of this server without its hosts."""
        self.stale_arp_frames: Callable[[], Mapping[str, int]] = dict
        """Frames of clients with a stale ARP entry, by what was done with them."""
        self.settled: Callable[[], bool] = lambda: True
        """Whether all works with the rendered files that stand there now."""
        self.begin_anew = False
        """Whether this process ends only to begin anew, with another site."""
        self.after_step: list[Callable[[], None]] = []
        """Called on the loop after each step of the core; they must not wait."""
        self.loop_counters = LoopCounters()
        self.history = History(config.me, {group.name: group.address for group in config.groups})
        self._now = now
        self.started = now()
        self.links = Links()
        self._vips: Vips | None = None
        self._arp_probes: ArpProbes | None = None
        self._questions: LanQuestions | None = None
        self.ask_for_service: Callable[[str], None] = lambda _service: None
        self.who_answers: WhoAnswers | None = None
        """Set it before start(); without it nobody is asked whether clients reach the servers."""
        self._services: Services | None = None
        self._replicator: Replicator | None = None
        self._disk: DiskMonitor | None = None
        self._state: core.State | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._poll_timer: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[int] | None = None
        self._waiting = Waiting()

    # Life ---------------------------------------------------------------------------------------

    def start(self, *, links: Mapping[str, Link], vips: Vips, arp_probes: ArpProbes, services: Services,
              questions: LanQuestions | None = None, replicator: Replicator | None = None,
              disk: DiskMonitor | None = None) -> None:
        """Take the parts over and begin. Without `questions` no server is found dead before the deadtime."""
        self.links = Links(links)
        self._vips, self._arp_probes, self._services = vips, arp_probes, services
        self._questions, self._replicator, self._disk = questions, replicator, disk
        if disk is not None:
            disk.start()
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self.links.start()
        if questions is not None:
            questions.start()
        self._state, effects = core.initial(self.config, self.boot, self._now())
        self._carry_out(effects)
        self._arm()
        self._poll()

    async def wait_closed(self) -> int:
        """Wait for the end, close the parts, and return the exit code."""
        assert self._ended is not None
        code = await self._ended
        for timer in (self._timer, self._poll_timer):
            if timer is not None:
                timer.cancel()
        done = self._vips is not None and self._vips.close(_CLOSE_LIMIT_S)
        if self._arp_probes is not None:
            self._arp_probes.close()
        if self._questions is not None:
            self._questions.close()
        if self.who_answers is not None:
            self.who_answers.close()
        if self._services is not None:
            self._services.close(0.0)
        if self._replicator is not None:
            self._replicator.close()
        if self._disk is not None:
            self._disk.close()
        self.links.close()
        if not done:
            log_event(
                log, LogLevel.WARNING, "vips-unfinished", reason="the kernel removes them when they expire"
            )
        return code

    def leave(self, reason: str, *, begin_anew: bool = False) -> None:
        """Hand everything over and end with code 0."""
        if self._ended is None or self._ended.done():
            return
        self.begin_anew = begin_anew
        log_event(log, LogLevel.INFO, "leave-asked", reason=reason)
        self._loop.call_later(LEAVE_LIMIT_S, self._end, 1)
        self.handle(LeaveRequested())

    # Events -------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """handle(), from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to hear of it
            self._loop.call_soon_threadsafe(self.handle, event)

    def handle(self, event: Event) -> None:
        """One event through the core."""
        if self._state is None or self._ended is None or self._ended.done():
            return
        before, now = self._state, self._now()
        if self._vips is not None:
            self._vips.claims.ran(now)
        try:
            self._state, effects = core.step(self._state, event, now)
            self._carry_out(effects)
        except Exception:
            log.exception("the core failed on %r", event)
            self._abort()
            return
        self.loop_counters.record_step(before, self._state)
        self.history.record_step(event, before, self._state, effects)
        self._arm()
        self._waiting.notify(self.view)
        for call in self.after_step:
            call()

    def record_event(self, group: str, what: str, at: float) -> None:
        """Something that belongs to a group's move was done at that time; from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.history.record_event, group, what, at)

    def deliver(self, link: str, data: bytes) -> bool:
        """A datagram came in on a link; whether it was a new heartbeat of this cluster."""
        self.counters.received += 1
        try:
            if is_replication_packet(data) and self._replicator is not None:
                self._replicator.receive(data)
                return False
            heartbeat = self._intake.accept(link, data)
        except DecodeError as exc:
            self._intake.count_refusal(exc)
            return False
        if heartbeat is None:
            return False
        self._clocks.hear(heartbeat)
        self.handle(HeartbeatReceived(link, heartbeat))
        if self._replicator is not None:
            self._replicator.update_peers(self.state)
        return True

    def rekey(self, codec: HeartbeatCodec, replication_codec: ReplicationCodec) -> None:
        """Sign and accept with other keys from now on."""
        self._intake.codec = codec
        if self._replicator is not None:
            self._replicator.rekey(replication_codec)

    # Questions ----------------------------------------------------------------------------------

    @property
    def state(self) -> core.State:
        assert self._state is not None
        return self._state

    def view(self) -> core.View:
        return core.view(self.state, self._now())

    def now(self) -> float:
        """The time the core is fed with."""
        return self._now()

    def uptime_s(self) -> float:
        return self._now() - self.started

    def replayed(self) -> int:
        return self.counters.replayed + self.state.replayed

    def renewals(self) -> dict[str, int]:
        return dict(self._vips.renewals) if self._vips is not None else {}

    async def until(self, condition: Callable[[core.View], bool], limit_s: float) -> bool:
        """Wait until the view fulfils the condition; False when it did not in time."""
        return await self._waiting.until(condition, self.view, limit_s)

    # Inside -------------------------------------------------------------------------------------

    def _alarm_conditions(self, server: str) -> Iterator[Condition]:
        """The alarm conditions of the core, and of the parts that the loop itself has."""
        yield from core.alarm_conditions(self.state)
        yield from self.links.alarm_conditions()
        if self._services is not None:
            yield from self._services.alarm_conditions(server)
        if self._disk is not None:
            yield from self._disk.alarm_conditions(server)

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        assert self._vips is not None
        assert self._arp_probes is not None
        assert self._services is not None
        asked = self._now()
        for effect in effects:
            match effect:
                case SendHeartbeat(heartbeat=heartbeat):
                    self._send(heartbeat)
                case ClaimVip() | RenewVip() | DropVip() | AnnounceVip():
                    self._vips.carry_out(effect, asked)
                case SendArpProbe():
                    self._arp_probes.carry_out(effect)
                case SendArpRequests():
                    if self._questions is not None:
                        self._questions.carry_out(effect)
                case AskForService(service=service):
                    self.ask_for_service(service)
                case AskWhoAnswers():
                    if self.who_answers is not None:
                        self.who_answers.carry_out(effect)
                case StartService() | StopService() | RestartService():
                    self._services.carry_out(effect)
                case Log(level=level, event=event, fields=fields):
                    log_fields(log, level, event, fields)
                case Exit():
                    self._end(0)

    def _send(self, heartbeat: core.model.Heartbeat) -> None:
        try:
            data = self._intake.codec.encode(replace(heartbeat, time_of_day=self._clocks.wall()))
        except EncodeError:
            log.exception("a heartbeat could not be made")
            return
        self.links.send(data)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = core.next_deadline(self.state)
        if deadline is not None:
            self._timer = self._loop.call_later(max(0.0, deadline - self._now()), self._tick, deadline)

    def _tick(self, due: float) -> None:
        self.loop_counters.record_tick(self._now() - due)
        self.handle(Tick())

    def _poll(self) -> None:
        """Once a second: is the world as we believe it is?"""
        self._poll_timer = self._loop.call_later(POLL_EVERY_S, self._poll)
        assert self._vips is not None
        assert self._services is not None
        self._vips.observe()
        self._services.observe()
        if self._replicator is not None:
            self._replicator.update_peers(self.state)
        self.links.check()
        self.alarms.look()

    def _end(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    def _abort(self) -> None:
        """The core cannot be trusted any more: let go of everything at once, and end."""
        if self._vips is not None and self._services is not None:
            for group in self.config.groups:
                self._vips.carry_out(DropVip(group.name), self._now())
                for service in group.services:
                    self._services.carry_out(StopService(service))
        self._end(1)
