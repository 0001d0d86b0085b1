"""One sidecar process: the agent's loop around the real core, in virtual time.

Its work pauses while it gets no CPU, and ends with the process. Its clock has an origin and a rate of its
own: nothing may depend on two servers having the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twinboot.agent.vip.claims import PendingClaim, PendingClaims
from twinboot.agent.vip.command_queue import CommandQueue
from twinboot.core import initial, next_deadline, step
from twinboot.core.effects import (
    AnnounceVip,
    AskForService,
    AskWhoAnswers,
    ClaimVip,
    DropVip,
    Effect,
    Exit,
    Log,
    RenewVip,
    RestartService,
    SendArpProbe,
    SendArpRequests,
    SendHeartbeat,
    StartService,
    StopService,
)
from twinboot.core.events import (
    ArpProbeFailed,
    Event,
    ReadinessObserved,
    ServiceObserved,
    Tick,
    VipClaimFailed,
    VipObserved,
)

from . import asking, lan

if TYPE_CHECKING:
    from .host import Server

OBSERVE_INTERVAL_S = 1.0


class Process:
    def __init__(self, server: Server, *, boot: int, zero_s: float) -> None:
        self.server = server
        self.world = server.world
        self.boot_id = boot
        self.started = self.world.now
        self.pending: list[Event | Callable[[], None]] = []
        self.engine_free_at = 0.0
        self.vip_busy = 0
        self._commands: CommandQueue[tuple[ClaimVip | RenewVip | DropVip, PendingClaim | None]]
        self._commands = CommandQueue()
        self._claims = PendingClaims()
        self.steps = 0
        self.last_sent_at = 0.0
        self._rate = server.clock_rate
        self._zero_s = zero_s
        self._looks = 0
        self._failing: set[str] = set()
        self._armed: float | None = None
        self._timer = 0
        self.state, self._first = initial(server.config, boot, self.clock())

    def clock(self) -> float:
        return self.world.now * self._rate + self._zero_s

    def jump(self, seconds: float) -> None:
        """Set the clock, which cannot happen to the agent's real one."""
        self._zero_s += seconds
        self._armed = None
        self._arm()

    def begin(self) -> None:
        self._carry_out(self._first)
        self._arm()
        self.deliver(self.server.plug.observation())
        self.world.at(self.world.now + OBSERVE_INTERVAL_S, self._when_awake, self._observe)

    @property
    def lives(self) -> bool:
        return self.server.process is self

    # The loop ------------------------------------------------------------------------------------

    def deliver(self, event: Event) -> None:
        """One turn of the agent's loop."""
        if not self.lives:
            return
        if not self.server.awake:
            if not isinstance(event, Tick):
                self.pending.append(event)
            return
        self.steps += 1
        before = self.state
        self._claims.ran(self.clock())
        self.state, effects = step(before, event, self.clock())
        if effects:
            self.world.judge.stepped(self.server, before, effects)
            self._carry_out(effects)
        else:
            self.world.judge.no_spinning(self.server)
        self._arm()

    def catch_up(self) -> None:
        waiting, self.pending = self.pending, []
        if self.world.rng.random() < 0.5:
            self.deliver(Tick())
        for item in waiting:
            if callable(item):
                item()
            else:
                self.deliver(item)
        self._armed = None
        self._arm()

    def _arm(self) -> None:
        at = next_deadline(self.state)
        if at == self._armed:
            return
        self._armed = at
        self._timer += 1
        if at is not None:
            # A microsecond later: timers never ring early, and sums with the zero are rounded.
            moment = (at - self._zero_s) / self._rate
            self.world.at(max(moment, self.world.now) + 1e-6, self._ring, self._timer)

    def _ring(self, timer: int) -> None:
        if self._timer == timer and self.lives:
            self._armed = None
            self.deliver(Tick())

    def _when_awake(self, act: Callable[[], None]) -> None:
        """Work inside the process pauses and ends with it."""
        if not self.lives:
            return
        if self.server.awake:
            act()
        else:
            self.pending.append(lambda: self._when_awake(act))

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        server = self.server
        for effect in effects:
            match effect:
                case SendHeartbeat():
                    self.last_sent_at = self.world.now
                    self.world.broadcast(server, effect)
                case Log():
                    self.world.record_log(server, effect)
                case ClaimVip() | RenewVip() | DropVip():
                    self._netlink(effect)
                case StartService() | StopService() | RestartService():
                    server.engine.carry_out(self, effect)
                case SendArpProbe(group=group):
                    self._probe(group)
                case SendArpRequests():
                    asking.carry_out(server, effect)
                case AskForService(service=service):
                    asking.who_serves(server, service)
                case AskWhoAnswers():
                    asking.who_answers(server, effect)
                case AnnounceVip(group=group):
                    self.world.note(server, f"announce {group}")
                    lan.broadcast(server, group, probe=False)
                    self.world.judge.announced(server, group)
                case Exit():
                    server.exited()

    # Effects -------------------------------------------------------------------------------------

    def _netlink(self, effect: ClaimVip | RenewVip | DropVip) -> None:
        """One command after the other, as the thread of the virtual addresses does (agent.vip.vips)."""
        claim = self._claims.decided(effect, self.clock()) if isinstance(effect, ClaimVip) else None
        if isinstance(effect, DropVip):
            self._claims.withdraw(effect.group)
        self._commands.put((effect, claim), effect)
        if not self.vip_busy:
            self._next_netlink()

    def _next_netlink(self) -> None:
        taken = self._commands.take()
        if taken is None:
            return
        effect, claim = taken
        self.vip_busy = 1

        def run() -> None:
            self.vip_busy = 0
            answer: Event | None
            if claim is not None and not self._claims.holds(claim, self.clock()):
                answer = None if claim.withdrawn else VipClaimFailed(effect.group, "paused", late=True)
            else:
                answer = self.server.kernel.change(effect)
            if claim is not None:
                self._claims.done(claim)
            if answer is not None:
                self.deliver(answer)
            if not self.vip_busy:
                self._next_netlink()

        self.world.at(self.world.now + self.server.kernel.slow_s, self._when_awake, run)

    def _probe(self, group: str) -> None:
        plug = self.server.plug
        if plug.cable and plug.probes_fail <= 0:
            lan.broadcast(self.server, group, probe=True)
            return
        plug.probes_fail -= 1 if plug.cable else 0
        reason = "kernel says no" if plug.cable else "no carrier"
        self.world.at(self.world.now, self.deliver, ArpProbeFailed(group, reason))

    # Observations --------------------------------------------------------------------------------

    def _observe(self) -> None:
        """The agent reads the kernel's state again periodically, never between a command and its outcome."""
        server = self.server
        if self.vip_busy == 0:
            for one in server.config.groups:
                self.deliver(VipObserved(one.name, one.address in server.addresses))
        if not server.engine.hangs:
            for service in server.engine.running:
                self.deliver(ServiceObserved(service, server.engine.observed_state(service)))
            self.deliver(ReadinessObserved(server.engine.lacks()))
        self.deliver(server.plug.observation())
        self._probe_daemons()
        self.world.at(self.world.now + OBSERVE_INTERVAL_S, self._when_awake, self._observe)

    def _probe_daemons(self) -> None:
        """Probe daemons as a client would: every other second, and every second what failed last time."""
        engine = self.server.engine
        self._looks += 1
        self.world.judge.repairs(self.server)
        for name in engine.daemons:
            if engine.running.get(name, True) and (self._looks % 2 == 1 or name in self._failing):
                probed = engine.probed(name)
                (self._failing.add if probed.fault else self._failing.discard)(name)
                self.deliver(probed)
