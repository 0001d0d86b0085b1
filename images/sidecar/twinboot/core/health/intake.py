"""Applies the reports of probes and monitors: LAN health, daemon health, repair, isolation, hold-down.

The rules are lan.py's, daemon.py's and holddown.py's; this module turns them into state, effects and log
lines. Whether a group moves is decided later in the step, in decide.py.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel, RestartService
from ..events import LanObserved, ServiceProbed
from ..membership import reach
from ..model import Health, LanHealth, ServiceState
from ..state import Phase, StepContext
from ..vip import transitions
from . import daemon as daemons
from . import holddown, penalty
from . import lan as lans
from . import managed as services
from .daemon import Daemon
from .holddown import HoldDown
from .lan import Lan
from .managed import Command

_MAY_RUN = frozenset({ServiceState.RUNNING, ServiceState.UNKNOWN})


def lan_observed(ctx: StepContext, event: LanObserved) -> None:
    old = ctx.state.lan
    new = lans.observe(
        old, carrier=event.carrier, reachable=event.reachable, mac=event.mac, now=ctx.now,
        timers=ctx.config.timers,
    )
    _put_lan(ctx, new)
    if old.health is LanHealth.NO_CARRIER and event.carrier:
        for group in tuple(ctx.state.groups.values()):
            if group.arp_probe_fault and group.claim_backoff_until is not None:
                # The claim failed for lack of a carrier: end its back-off.
                ctx.put_group(replace(group, claim_backoff_until=None, last_resort_at=None))


def service_probed(ctx: StepContext, event: ServiceProbed) -> None:
    """Apply a probe's result; a managed service's only while it is wanted here and may be running."""
    daemon = ctx.state.daemons.get(event.service)
    if daemon is None:
        return
    managed = ctx.state.services.get(event.service)
    if managed is not None and not (managed.wanted and managed.observed in _MAY_RUN):
        return
    if not event.fault:
        _put_daemon(ctx, daemons.probe_succeeded(daemon, ctx.now))
        return
    daemon = daemons.probe_failed(daemon, event.fault, ctx.now)
    if daemons.repair_due(daemon, ctx.now):
        daemon = daemons.restart_requested(daemon, ctx.now)
        ctx.emit(RestartService(daemon.name))
        ctx.log(LogLevel.WARNING, "daemon-restart", service=daemon.name, fault=event.fault)
    _put_daemon(ctx, daemon)


def service_not_running(ctx: StepContext, service: str, reason: str) -> None:
    """A managed service that is wanted does not run, according to the engine: count a failed start.

    When the engine does not answer, a service whose probes are GOOD keeps its health.
    """
    daemon = ctx.state.daemons[service]
    unseen = ctx.state.services[service].observed is ServiceState.UNKNOWN
    if not (unseen and daemon.health is Health.GOOD):
        _put_daemon(ctx, daemons.start_failed(daemon, reason, ctx.now))


def resumed_after_sleep(ctx: StepContext) -> None:
    """After a pause of this process: silence and failures are timed from now, as nothing was observed."""
    ctx.state = replace(ctx.state, lan=lans.forget(ctx.state.lan))
    for daemon in tuple(ctx.state.daemons.values()):
        ctx.put_daemon(daemons.resumed_after_sleep(daemon, ctx.now))


def tick(ctx: StepContext) -> None:
    """Apply what time alone changes, and update every server's hold-down."""
    lan = ctx.state.lan
    if lan.unreachable_since is not None:
        _put_lan(ctx, lans.check_silence(lan, ctx.now, ctx.config.timers))
    _update_unanswered(ctx)
    for service in ctx.state.services.values():
        if service.command is Command.START and services.command_overdue(service, ctx.now):
            service_not_running(ctx, service.name, "the engine does not answer")
        daemon = ctx.state.daemons[service.name]
        if daemon.health is not Health.UNKNOWN:
            judge = daemons.wanted_here if service.wanted else daemons.handed_over
            _put_daemon(ctx, judge(daemon, ctx.now))
    _update_isolation(ctx)
    for server in ctx.config.servers:
        _update_holddown(ctx, server)


def _update_unanswered(ctx: StepContext) -> None:
    """Apply what the peers say of our own answers."""
    old, found = ctx.state.lan, reach.arp_silence_reported_by(ctx.state)
    if found == old.unanswered_by:
        return
    if bool(found) is not bool(old.unanswered_by):
        if found:
            ctx.log(LogLevel.WARNING, "arp-unanswered", peers=",".join(found))
        else:
            ctx.log(LogLevel.INFO, "arp-answered-again")
    _put_lan(ctx, lans.unanswered(old, found))


def _put_lan(ctx: StepContext, new: Lan) -> None:
    old = ctx.state.lan
    if new is old:
        return
    ctx.state = replace(ctx.state, lan=new)
    if new.health is old.health:
        return
    if new.bad:
        ctx.log(LogLevel.WARNING, f"lan-{new.health.value.replace(' ', '-')}")
    elif old.bad and new.health is LanHealth.GOOD:
        ctx.log(LogLevel.INFO, "lan-good")


def _put_daemon(ctx: StepContext, new: Daemon) -> None:
    old = ctx.state.daemons[new.name]
    if new is old:
        return
    ctx.put_daemon(new)
    if new.health is old.health:
        return
    if new.health is Health.FAILING:
        ctx.log(LogLevel.WARNING, "daemon-failing", service=new.name, fault=new.fault)
    elif new.health is Health.BROKEN:
        ctx.log(LogLevel.ERROR, "daemon-broken", service=new.name, fault=new.fault)
    elif new.health is Health.GOOD and old.health is not Health.UNKNOWN:
        ctx.log(LogLevel.INFO, f"daemon-{new.health.value}", service=new.name)


def _update_isolation(ctx: StepContext) -> None:
    """Isolated: no carrier, and no peer heard on any link; every group is dropped. It ends when a peer is
    heard, or a deadtime after the carrier is back."""
    lan, now = ctx.state.lan, ctx.now
    if not lan.isolated and lan.health is not LanHealth.NO_CARRIER:
        return
    heard = any(peer.alive for peer in ctx.state.peers.values())
    cut_off = lan.health is LanHealth.NO_CARRIER and not heard
    if not lan.isolated:
        if cut_off and ctx.state.peers and ctx.state.phase is Phase.ACTIVE:
            ctx.state = replace(ctx.state, lan=replace(lan, isolated=True, listen_until=None))
            ctx.log(LogLevel.ERROR, "isolated", reason="no carrier, and no peer is heard")
            for group in tuple(ctx.state.groups.values()):
                if group.holds_or_claims:
                    transitions.drop(ctx, group, "isolated")
        return
    if cut_off:
        listen_until = None
    elif lan.listen_until is None:
        listen_until = now + ctx.config.timers.deadtime_s
    else:
        listen_until = lan.listen_until
    over = heard or (listen_until is not None and now >= listen_until)
    if over:
        ctx.log(LogLevel.INFO, "isolation-over", reason="a peer is heard" if heard else "the carrier is back")
        listen_until = None
    if over or listen_until != lan.listen_until:
        ctx.state = replace(ctx.state, lan=replace(lan, isolated=not over, listen_until=listen_until))


def _update_holddown(ctx: StepContext, server: str) -> None:
    """Record the start and end of a server's silence or loss of health."""
    old, now = ctx.state.holddowns[server], ctx.now
    new = _next_holddown(ctx, server, old)
    if new is old:
        return
    ctx.put_holddown(server, new)
    lost = holddown.recent_losses(new, now)
    if lost >= holddown.FLAPPING_LOSSES and new.losses[-1] == now:
        delay_s = holddown.required_healthy_s(new, now, ctx.config.timers.failback_delay_s)
        ctx.log(LogLevel.WARNING, "hold-down", server=server, losses=lost, steady_s=round(delay_s, 1))


def _next_holddown(ctx: StepContext, server: str, old: HoldDown) -> HoldDown:
    peer, well = ctx.state.peers.get(server), penalty.is_healthy(ctx.state, server)
    if peer is not None and not peer.alive:
        if old.silent_boot_id is not None or well:
            return old
        return holddown.went_silent(old, peer.boot_id, ctx.now)
    if peer is not None and old.silent_boot_id is not None:
        return holddown.came_back(old, peer.boot_id, healthy=well, now=ctx.now)
    return holddown.health_observed(old, healthy=well, now=ctx.now)
