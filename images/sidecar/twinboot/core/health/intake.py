"""Takes in what the senses say of this server's LAN and daemons: repair, isolation, hold-down.

The rules are lan.py's, health.py's and hold.py's; here they become effects, log lines and state. Whether
a group moves because of it is decided in decide.py, at the end of the step.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Level, RestartService
from ..events import LanObserved, ServiceProbed
from ..model import Health, LanHealth, ServiceState
from ..state import Phase, Turn
from ..vip import transitions
from . import daemon as health
from . import holddown, penalty
from . import lan as lans
from . import managed as services
from .daemon import Daemon
from .holddown import Hold
from .lan import Lan
from .managed import Command

_MAY_RUN = frozenset({ServiceState.RUNNING, ServiceState.UNKNOWN})


def lan_observed(turn: Turn, event: LanObserved) -> None:
    old = turn.state.lan
    new = lans.observe(
        old, carrier=event.carrier, hears=event.hears, mac=event.mac, now=turn.now,
        timers=turn.config.timers,
    )
    _put_lan(turn, new)
    if old.health is LanHealth.NO_CARRIER and event.carrier:
        for group in tuple(turn.state.groups.values()):
            if group.probe_fault and group.barred_until is not None:
                # The cable was what kept us from it: no need to wait for the end of the pause.
                turn.put_group(replace(group, barred_until=None, resort_at=None))


def probed(turn: Turn, event: ServiceProbed) -> None:
    """A probe's result; of a managed service only while it is to run here and, as far as we know, runs."""
    daemon = turn.state.daemons.get(event.service)
    if daemon is None:
        return
    managed = turn.state.services.get(event.service)
    if managed is not None and not (managed.wanted and managed.observed in _MAY_RUN):
        return
    if not event.fault:
        _put_daemon(turn, health.good(daemon, turn.now))
        return
    daemon = health.failed(daemon, event.fault, turn.now)
    if health.repair_due(daemon, turn.now):
        daemon = health.repaired(daemon, turn.now)
        turn.emit(RestartService(daemon.name))
        turn.log(Level.WARNING, "daemon-restart", service=daemon.name, fault=event.fault)
    _put_daemon(turn, daemon)


def not_running(turn: Turn, service: str, reason: str) -> None:
    """A managed service does not run though it is asked to, as far as the engine can tell.

    When the engine cannot be asked, a service that is seen to serve is well: no reason to move anything.
    """
    daemon = turn.state.daemons[service]
    unseen = turn.state.services[service].observed is ServiceState.UNKNOWN
    if not (unseen and daemon.health is Health.GOOD):
        _put_daemon(turn, health.failed_start(daemon, reason, turn.now))


def woke(turn: Turn) -> None:
    """We slept: what lay in between was not observed."""
    turn.state = replace(turn.state, lan=lans.forget(turn.state.lan))
    for daemon in tuple(turn.state.daemons.values()):
        turn.put_daemon(health.woke(daemon, turn.now))


def tend(turn: Turn) -> None:
    """What the clock alone changes, and the records of every server's health."""
    lan = turn.state.lan
    if lan.deaf_since is not None:
        _put_lan(turn, lans.age(lan, turn.now, turn.config.timers))
    for service in turn.state.services.values():
        if service.command is Command.START and services.overdue(service, turn.now):
            not_running(turn, service.name, "the engine does not answer")
        daemon = turn.state.daemons[service.name]
        if daemon.health is not Health.UNKNOWN:
            judge = health.wanted_here if service.wanted else health.handed_over
            _put_daemon(turn, judge(daemon, turn.now))
    _isolation(turn)
    for server in turn.config.servers:
        _record(turn, server)


def _put_lan(turn: Turn, new: Lan) -> None:
    old = turn.state.lan
    if new is old:
        return
    turn.state = replace(turn.state, lan=new)
    if new.health is old.health:
        return
    if new.bad:
        turn.log(Level.WARNING, f"lan-{new.health.value.replace(' ', '-')}")
    elif old.bad and new.health is LanHealth.GOOD:
        turn.log(Level.INFO, "lan-good")


def _put_daemon(turn: Turn, new: Daemon) -> None:
    old = turn.state.daemons[new.name]
    if new is old:
        return
    turn.put_daemon(new)
    if new.health is old.health:
        return
    if new.health is Health.FAILING:
        turn.log(Level.WARNING, "daemon-failing", service=new.name, fault=new.fault)
    elif new.health is Health.BROKEN:
        turn.log(Level.ERROR, "daemon-broken", service=new.name, fault=new.fault)
    elif new.health is Health.GOOD and old.health is not Health.UNKNOWN:
        turn.log(Level.INFO, f"daemon-{new.health.value}", service=new.name)


def _isolation(turn: Turn) -> None:
    """No carrier, and no peer heard on any link: hold nothing. With a carrier again: listen, then claim."""
    lan, now = turn.state.lan, turn.now
    if not lan.isolated and lan.health is not LanHealth.NO_CARRIER:
        return
    heard = any(peer.alive for peer in turn.state.peers.values())
    cut_off = lan.health is LanHealth.NO_CARRIER and not heard
    if not lan.isolated:
        if cut_off and turn.state.peers and turn.state.phase is Phase.ACTIVE:
            turn.state = replace(turn.state, lan=replace(lan, isolated=True, listen_until=None))
            turn.log(Level.ERROR, "isolated", reason="no carrier, and no peer is heard")
            for group in tuple(turn.state.groups.values()):
                if group.engaged:
                    transitions.drop(turn, group, "isolated")
        return
    if cut_off:
        listen_until = None
    elif lan.listen_until is None:
        listen_until = now + turn.config.timers.deadtime_s
    else:
        listen_until = lan.listen_until
    over = heard or (listen_until is not None and now >= listen_until)
    if over:
        turn.log(Level.INFO, "isolation-over", reason="a peer is heard" if heard else "the carrier is back")
        listen_until = None
    if over or listen_until != lan.listen_until:
        turn.state = replace(turn.state, lan=replace(lan, isolated=not over, listen_until=listen_until))


def _record(turn: Turn, server: str) -> None:
    """Note a loss of health, a silence, and their end."""
    old, now = turn.state.holds[server], turn.now
    new = _looked_at(turn, server, old)
    if new is old:
        return
    turn.put_hold(server, new)
    lost = holddown.flaps(new, now)
    if lost >= holddown.FLAPPING and new.losses[-1] == now:
        delay_s = holddown.steady_s(new, now, turn.config.timers.failback_delay_s)
        turn.log(Level.WARNING, "hold-down", server=server, losses=lost, steady_s=round(delay_s, 1))


def _looked_at(turn: Turn, server: str, old: Hold) -> Hold:
    peer, well = turn.state.peers.get(server), penalty.well(turn.state, server)
    if peer is not None and not peer.alive:
        if old.gone is not None or well:
            return old
        return holddown.silent(old, peer.boot, turn.now)
    if peer is not None and old.gone is not None:
        return holddown.back(old, peer.boot, well=well, now=turn.now)
    return holddown.seen(old, well=well, now=turn.now)
