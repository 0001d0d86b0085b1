"""The judge must catch deliberate breakages of the core.

Each breakage has a scenario that passes with the intact core and fails with the broken one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module

import pytest
from twinboot.agent.vip.claims import PendingClaims
from twinboot.core.health import daemon as daemons
from twinboot.core.health import holddown, intake, lan, managed, penalty
from twinboot.core.membership import liveness, peer, reach, sites, suspicion, timing, unknown_servers
from twinboot.core.membership.reach import Target
from twinboot.core.membership.suspicion import Cause, Suspicion
from twinboot.core.model import GroupState, Health, Heartbeat, LastHeard
from twinboot.core.ownership import candidates, decide, standby
from twinboot.core.state import Phase
from twinboot.core.vip import claim_probing, conflict, foreign_hosts, group, served_elsewhere, transitions

from .histories import history
from .judge import InvariantViolation
from .scenario import parse

step = import_module("twinboot.core.step")  # twinboot.core.step itself is the function

START = "servers {n}\n" + "".join(f"0.{number} start server{number}\n" for number in (1, 2))


@dataclass(frozen=True)
class Breakage:
    """One rule of the core replaced by a wrong one, and the scenario that shows it."""

    name: str
    where: object
    what: str
    wrong: object
    scenario: str


def _forget_the_gap(ctx, gap_s):
    """After a pause, renew and go on as if nothing had happened."""


def _start_ready(ctx):
    ctx.state = replace(ctx.state, phase=Phase.ACTIVE)


_hear, claim = peer.receive, transitions.claim


def _any_boot(one, link, heartbeat, *, now, echo):
    """A boot id is accepted without an echo, so replayed messages of an earlier boot count."""
    heard = {**heartbeat.heard, echo.me: LastHeard(echo.boot_id, echo.min_seq, ("lan",))}
    return _hear(one, link, replace(heartbeat, heard=heard), now=now, echo=echo)


def _any_seq(one, link, heartbeat, *, now, echo):
    """Every message of the known boot is a sign of life, however old."""
    got, verdict = _hear(one, link, heartbeat, now=now, echo=echo)
    if verdict is peer.HeartbeatKind.REPLAYED and heartbeat.boot_id == one.boot_id:
        return replace(one, heard_at=now), peer.HeartbeatKind.NEW
    return got, verdict


def _one_link_is_all(one, timers):
    """A server counts as dead when its first link is down."""
    link = next(iter(one.links.values()))
    at = link.heard_at if link.heard_at is not None else link.expected_since
    return at + timers.deadtime_s if one.alive else None


def _claim_unasked(ctx, group):
    """Claim the address without checking whether another server has it."""
    if ctx.state.phase is Phase.ACTIVE and candidates.preferred_owner(ctx.state, group) == ctx.config.me:
        transitions.claim(ctx, group, "mine")


def _release_in_word_only(ctx, group):
    """Report the group as released, but leave the address on the interface."""
    ctx.put_group(transitions.transition(group, GroupState.IDLE, now=ctx.now, reason=group.reason))


def _look_away(state, server, group):
    """Every other server's health penalty counts as zero, whatever it reports."""
    worst = penalty.health_penalty(state, server, group)
    return worst if server == state.config.me else (False, 0)


def _broken_at_once(daemon, fault, now):
    return replace(daemon, health=Health.BROKEN, fault=fault, failing_since=now, fault_at=now)


def _serve_at_once(ctx, group, reason):
    """The service is started together with the claim of the address."""
    claim(ctx, group, reason)
    ctx.put_group(replace(ctx.state.groups[group.name], may_serve=True))


def _free_by_old_words(state, group):
    """What no peer says that it has is free: whoever said it last, and however long ago."""
    return all(
        one.alive and candidates.peer_group_state(one, group) is GroupState.IDLE
        for one in state.peers.values()
    )


def _free_by_the_site_file(state, group):
    """What no server of the group's order has is free."""
    return not any(name in group.config.order for name in candidates.unaccounted(state, group))


def _by_name(heartbeat, group):
    """A group is what has the same name, whatever its address."""
    report = heartbeat.groups.get(group.name)
    return None if report is None else (group.name, report)


PAIR = START.format(n=2)

BREAKAGES = [
    Breakage(
        "renews after a freeze",
        step,
        "_handle_pause",
        _forget_the_gap,
        PAIR + "8 freeze server1\n11.05 thaw server1\nend 15\n",
    ),
    Breakage(
        "claims while starting",
        step,
        "_end_starting_phase",
        _start_ready,
        PAIR + "8 power-off server1\n12 start server1\nend 14\n",
    ),
    Breakage(
        "never yields",
        decide,
        "_yield_to_rival",
        lambda ctx, group: False,
        PAIR + "8 lan-split server2\n8 cut all server1 server2\n12 heal\n12 lan-join\nend 16\n",
    ),
    Breakage(
        "keeps what a server that does not hear us holds, too",
        candidates,
        "does_not_hear_us",
        lambda state, one: False,
        PAIR + "8 lan-split server2\n8 cut all server1 server2 one-way\n12 arp-loss server2 1\n12 lan-join\n"
        "end 18\n",
    ),
    Breakage(
        "does not wait for the release",
        decide,
        "_claim_if_free",
        _claim_unasked,
        PAIR + "8 power-off server1\n12 start server1\nend 20\n",
    ),
    Breakage(
        "releases in word only",
        transitions,
        "request_drop",
        _release_in_word_only,
        PAIR + "8 standby server1\nend 12\n",
    ),
    Breakage(
        "believes any boot id",
        peer,
        "receive",
        _any_boot,
        PAIR
        + "8 power-off server1\n8 power-off server2\n12 start server1\n12 start server2\n"
        + "20 replay 60 lan\n20.2 replay 60 lan\nend 24\n",
    ),
    Breakage(
        "believes any sequence number",
        peer,
        "receive",
        _any_seq,
        PAIR
        + "8 power-off server2\n"
        + "".join(f"{8 + n / 10} replay 10 lan\n" for n in range(1, 300))
        + "end 38\n",
    ),
    Breakage(
        "one link lost is a death",
        peer,
        "dead_at",
        _one_link_is_all,
        PAIR + "8 cut crossover server1 server2\nend 12\n",
    ),
    Breakage(
        "claims without a probe",
        candidates,
        "known_to_be_free",
        lambda state, group: True,
        PAIR + "8 cut all server1 server2\nend 14\n",
    ),
    Breakage(
        "takes no answer for an answer",
        claim_probing,
        "answered",
        lambda ctx, group, mac, simultaneous_probe: None,
        PAIR + "8 cut all server1 server2\nend 14\n",
    ),
    Breakage(
        "hands over to one that is as bad",
        decide,
        "health_penalty",
        _look_away,
        "failback manual\n" + PAIR + "8 power-off server1\n12 start server1\n"
        "18 break server1 vsftpd hard\n18 break server2 vsftpd hard\nend 34\n",
    ),
    Breakage(
        "moves at the first fault",
        daemons,
        "probe_failed",
        _broken_at_once,
        PAIR + "8 still\n8 swap server1 vsftpd\nend 14\n",
    ),
    Breakage(
        "never repairs",
        daemons,
        "repair_due",
        lambda daemon, now: False,
        PAIR + "8 still\n8 break server1 vsftpd soft\nend 20\n",
    ),
    Breakage(
        "does not see that the cable is out",
        lan,
        "observe",
        lambda old, **seen: old,
        PAIR + "8 lan-down server1\nend 24\n",
    ),
    Breakage(
        "keeps its address when it is cut off from all",
        intake,
        "_update_isolation",
        lambda ctx: None,
        PAIR + "8 cut all server1 server2\n11 lan-down server1\nend 20\n",
    ),
    Breakage(
        "no hold-down",
        holddown,
        "required_healthy_s",
        lambda one, now, failback_delay_s: 0.0,
        PAIR
        + "".join(f"{8 + 4 * n} lan-down server1\n{9 + 4 * n} lan-up server1\n" for n in range(9))
        + "end 46\n",
    ),
    Breakage(
        "does not believe the LAN",
        conflict,
        "seen",
        lambda ctx, group, mac: None,
        PAIR + "8 lan-split server2\n8 cut all server1 server2\n11 lan-join\nend 24\n",
    ),
    Breakage(
        "starts dhcpd before the address is up",
        transitions,
        "claim",
        _serve_at_once,
        PAIR + "8 standby server1\nend 12\n",
    ),
    Breakage(
        "takes an old word for news",
        candidates,
        "known_to_be_free",
        _free_by_old_words,
        "servers 3\nfailback manual\ntimers dense\n0 start server1\n0 start server2\n"
        "0.3 start server3\n0.3 cut all server1 server2\nend 5\n",
    ),
    Breakage(
        "never gives back",
        decide,
        "_fail_back",
        lambda ctx, group: None,
        PAIR + "8 power-off server1\n12 start server1\nend 14\n",
    ),
    Breakage(
        "starts dhcpd without waiting for the other's stop",
        candidates,
        "peers_running_services",
        lambda state, group: (),
        PAIR + "6 engine-slow server1 2.9\n8 standby server1\nend 16\n",
    ),
    Breakage(
        "gives up after the first failed start",
        managed,
        "due_command",
        lambda one, now: None if one.retry_at is not None else service_due(one, now),
        PAIR + "8 engine-fails server2 1\n8.5 power-off server1\nend 12\n",
    ),
]
service_due = managed.due_command
SUSPICIOUS = [
    Breakage(
        "a lost carrier is a death",
        liveness,
        "_is_found_dead",
        lambda ctx, one: one.suspicion is not None and one.suspicion.cause is Cause.CARRIER,
        PAIR + "8 still\n8 unplug-cable\n12 heal\nend 14\n",
    ),
    Breakage(
        "silence of two intervals is a death",
        liveness,
        "_is_found_dead",
        lambda ctx, one: one.suspicion is not None,
        PAIR + "8 stall server1 0.4\n10 stall server2 0.4\nend 14\n",
    ),
    Breakage(
        "an answer by ARP is no sign of life",
        suspicion,
        "peer_answered",
        lambda one, now: one,
        PAIR + "8 freeze server1\n8.9 thaw server1\nend 12\n",
    ),
    Breakage(
        "one request without an answer is enough",
        suspicion,
        "ROUNDS",
        1,
        PAIR + "6 arp-loss server1 0.4\n"
        + "".join(f"{8 + 2 * n} stall server1 0.9\n" for n in range(20)) + "end 50\n",
    ),
    Breakage(
        "our own LAN is not proven",
        Suspicion,
        "proven_by",
        "nobody",
        PAIR + "8 cut all server1 server2\n8 lan-rx-dead server2\nend 9\n",
    ),
    Breakage(
        "what the LAN showed a while ago still counts",
        suspicion,
        "verdict_due",
        lambda one, now: one.asked >= suspicion.ROUNDS and now >= one.due_at,
        "servers 3\ntimers dense\n0 start server2\n0 start server3\n0 start server1\n4 lan-split server3\n"
        "4.3 lan-join\n4.493 lan-split server3 server1\n4.5 cut all server3 server2\n5.1 lan-join\nend 6.6\n",
    ),
    Breakage(
        "one answer proves our own LAN",
        Suspicion,
        "proven_by",
        property(lambda one: next((host for host, _ in one.answers), "")),
        PAIR + "6 arp-loss server2 0.8\n"
        + "".join(f"{8 + 2 * n} stall server1 0.9\n" for n in range(40)) + "end 90\n",
    ),
    Breakage(
        "loss near the other does not matter",
        peer,
        "lossy",
        lambda one, links, now, timers: False,
        PAIR + "6 arp-loss server1 0.6\n6 weather 0.6 0.001 0 0 lan\n"
        + "".join(f"{10 + n / 2} unplug-cable\n{10.4 + n / 2} heal\n" for n in range(200)) + "end 112\n",
    ),
]
"""Rules of the suspicion (core/membership/suspicion.py)."""
TRIO = "servers 3\n0 start server1\n0 start server2\n0 start server3\n"
DIFFERING = [
    Breakage(
        "believes that its site file names every server",
        candidates,
        "known_to_be_free",
        _free_by_the_site_file,
        TRIO + "8 power-off server2\n8 cut all server1 server2\n10 site server1 without-another\n"
        "12 start server2\n20 power-off server3\nend 30\n",
    ),
    Breakage(
        "ignores servers that its site file does not name",
        unknown_servers,
        "_new",
        lambda ctx, event: None,
        "servers 3\n0 site server1 without-another\n0 site server2 dhcpd-moved\n" + TRIO[10:] + "end 20\n",
    ),
    Breakage(
        "knows a group by its name",
        Heartbeat,
        "on_address",
        _by_name,
        "servers 3\n0 start server1\n0 start server2\n0 start server3\n8 site server1 address-changed\n"
        "end 40\n",
    ),
    Breakage(
        "asks for dhcpd under the same group only",
        candidates,
        "peers_serving",
        lambda state, group: (),
        "servers 2\n0 site server2 dhcpd-moved\n0 start server1\n0 start server2\nend 20\n",
    ),
    Breakage(
        "does not give dhcpd up to one that runs it under another group",
        candidates,
        "serving_peer_that_stays",
        lambda state, group: None,
        "servers 2\n0 site server2 dhcpd-moved\n0 start server1\n0 start server2\n"
        "8 cut all server1 server2\n9 engine-slow server2 4\n9 kill-service server2\n"
        "12 engine-slow server2 0.15\n12 heal\nend 20\n",
    ),
    Breakage(
        "starts dhcpd though another server answers for it on the LAN",
        served_elsewhere,
        "holds_off",
        lambda group, now: False,
        "servers 2\n0 site server2 dhcpd-moved\n0 start server1\n0 start server2\n"
        "8 cut all server1 server2\nend 30\n",
    ),
    Breakage(
        "goes on with dhcpd though another server answers for it on the LAN",
        served_elsewhere,
        "_comes_first",
        lambda address, group: False,
        "servers 2\n0 site server2 dhcpd-moved\n0 start server1\n0 start server2\n"
        "8 cut all server1 server2\n9 engine-slow server2 4\n9 kill-service server2\n"
        "20 engine-slow server2 0.15\nend 40\n",
    ),
    Breakage(
        "leaves a group to the first of its order, for ever",
        decide,
        "unclaimed_at",
        lambda state, group: None,
        "servers 2\n0 site server1 order-reversed\n0 start server1\n0 start server2\nend 20\n",
    ),
    Breakage(
        "gives back to a server whose order differs",
        sites,
        "decides_alike",
        lambda state, server: True,
        PAIR + "8 site server2 order-reversed\n9 site server1 order-reversed\n20 site server2 agreed\n"
        "end 80\n",
    ),
    Breakage(
        "yields to nobody that it does not hear",
        conflict,
        "_keeps",
        lambda state, group, other: False,
        PAIR + "8 lan-split server2\n8 cut all server1 server2\n12 lan-join\nend 24\n",
    ),
    Breakage(
        "measures another's silence by its own timers alone",
        timing,
        "note",
        lambda one, ours: one,
        PAIR + "8 site server1 drowsy\nend 60\n",
    ),
]
"""Rules for servers whose site files differ (core/membership/sites.py, unknown_servers.py)."""
NEIGHBOURS = [
    Breakage(
        "does not hear that its kernel answers nobody",
        reach,
        "arp_silence_reported_by",
        lambda state: (),
        PAIR + "8 arp-filter server1\nend 24\n",
    ),
    Breakage(
        "believes whoever gets no answer from it",
        reach,
        "arp_silence_reported_by",
        lambda state: tuple(
            one.name for one in state.peers.values()
            if one.last_heartbeat is not None and state.config.me in one.last_heartbeat.unanswered
        ),
        PAIR + "8 still\n8 lan-split server2\n14 lan-join\nend 20\n",
    ),
    Breakage(
        "takes one that has lost an answer for unreachable",
        Target,
        "silent",
        property(lambda one: not one.answered & 1),
        PAIR + "5 arp-loss server1 0.2\n8 still\nend 60\n",
    ),
    Breakage(
        "never asks who else has its address",
        conflict,
        "answered",
        lambda ctx, event: None,
        PAIR + "8 foreign-host first\nend 12\n",
    ),
    Breakage(
        "leaves an address to a host that is no server, for ever",
        foreign_hosts,
        "ROUNDS",
        10**6,
        PAIR + "8 foreign-host first\n9 power-off server1\nend 24\n",
    ),
    Breakage(
        "yields what it has claimed to a host that is no server",
        foreign_hosts,
        "is_overruled",
        lambda group, mac: False,
        PAIR + "8 foreign-host first\n9 power-off server1\nend 24\n",
    ),
    Breakage(
        "takes a server that its site file does not name for a host that is none",
        foreign_hosts,
        "_is_ours",
        lambda state, group: True,
        TRIO + "8 power-off server2\n8 cut all server1 server2\n10 site server1 without-another\n"
        "12 start server2\n20 power-off server3\nend 30\n",
    ),
    Breakage(
        "takes any host for one that is no server",
        foreign_hosts,
        "may_be_one",
        lambda state, group, mac: True,
        PAIR + "8 cut all server1 server2\nend 24\n",
    ),
]
"""Rules for other hosts of the LAN (core/membership/reach.py, vip/foreign_hosts.py)."""
BREAKAGES += DIFFERING
BREAKAGES += NEIGHBOURS

TRIO = START.format(n=3) + "0.3 start server3\n"
BREAKAGES += [
    Breakage(
        "claims what it had decided before it was paused",
        PendingClaims,
        "holds",
        lambda claims, group, now: True,
        TRIO + "6 cut all server2 server3\n6 kernel-slow server2 0.2\n6 kernel-slow server3 0.1\n"
        "8 power-off server1\n8.4 stall server2 0.8\nend 20\n",
    ),
    Breakage(
        "carries out a claim that it has withdrawn",
        PendingClaims,
        "withdraw",
        lambda claims, group: None,
        PAIR + "6 kernel-slow server2 0.4\n8 cut all server1 server2\n10 arp-loss server2 1\n"
        "10.7 arp-loss server2 0\nend 14\n",
    ),
    Breakage(
        "gives back to a server that could not serve",
        candidates.readiness,
        "unserved_after",
        lambda state, target, group: (),
        PAIR + "8 power-off server1\n9 lose-trees server1\n12 start server1\nend 24\n",
    ),
    Breakage(
        "takes a service without a container for one that is only stopped",
        candidates.readiness,
        "not_startable",
        lambda lacks: frozenset(),
        TRIO + "6 prune server2\n9 power-off server1\nend 16\n",
    ),
    Breakage(
        "hands over on standby, whoever is left",
        standby,
        "_refusal",
        lambda state, group: "",
        PAIR + "6 prune server2\n9 standby server1\nend 12\n",
    ),
]
"""What a server lacks to take over (core/health/readiness.py)."""


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.name)
def test_a_broken_core_is_noticed(breakage: Breakage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Announcements to silent servers would repair some breakages after a second: they are off here.
    monkeypatch.setattr(group, "ANNOUNCE_TO_SILENT_S", 1e6)
    monkeypatch.setattr(breakage.where, breakage.what, breakage.wrong)
    with pytest.raises(InvariantViolation):
        history(parse(breakage.scenario))


def test_a_pause_in_the_announcements_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = transitions.announce

    def after_the_series_alone(ctx, one):
        if not one.announce or ctx.now >= one.announce[0]:
            whole(ctx, one)
        one = ctx.state.groups[one.name]
        if len(one.announce) > 1:
            ctx.put_group(replace(one, announce=one.announce[1:]))

    monkeypatch.setattr(transitions, "announce", after_the_series_alone)
    with pytest.raises(InvariantViolation, match="has not announced"):
        history(parse(PAIR + "20 power-off server1\nend 40\n"))


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.name)
def test_the_whole_core_survives_the_same(breakage: Breakage) -> None:
    history(parse(breakage.scenario))
