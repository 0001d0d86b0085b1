"""Builds one agent from what it works by, and runs it until it has left.

Exit codes: 0 left in order, 1 a fault while running, 2 configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from twinboot import daemons, kept, paths
from twinboot.adapters import clock, disk, priority
from twinboot.adapters.engine import EngineProxyClient
from twinboot.adapters.exporter import Exporter
from twinboot.adapters.lan.address import AddressTable
from twinboot.adapters.lan.arp import ArpProber, ArpSender
from twinboot.adapters.lan.stale_arp import StaleArpRules
from twinboot.adapters.links.serial import SerialLink, SerialSpec
from twinboot.adapters.links.udp import UdpLink, UdpSpec, in_use
from twinboot.adapters.statefile import StateFile
from twinboot.core.effects import LogLevel
from twinboot.core.events import ServiceHeard, SiteApplied
from twinboot.errors import ResourceError
from twinboot.log import LogHandler, log_event, start_logging
from twinboot.replication.node import ReplicationNode
from twinboot.wire.cluster.heartbeat import HeartbeatCodec
from twinboot.wire.cluster.replication import ReplicationCodec

from . import memory
from .configuration import AgentFiles, ConfigError, heartbeat_codec, read_keys, read_settings
from .control.build import Controls
from .dhcp import leases
from .dhcp.dhcp import build_dhcp
from .health import tree_comparison
from .health.disk import DiskMonitor
from .health.monitors import LanAdapters, build_monitors
from .health.readiness import build_readiness
from .health.services import Services
from .history.keeper import MAX_BYTES, HistoryKeeper
from .lan.questions import LanQuestions
from .lan.who_answers import WhoAnswers
from .links import Link
from .loop import Agent
from .machines import discovery, fetches, keeper, sharing
from .machines.build import Machines, build_machines
from .metrics.metrics import Metrics
from .reload import SIDECAR, Reloader
from .replication import asking, site_copies
from .replication.replicator import Replicator
from .replication.site_copies import SiteCopies
from .rollout import driver as rollouts
from .rollout.build import Start, build_rollout, take_site
from .settings import Settings
from .takeover import moves
from .takeover.takeover import build_takeover
from .trees import tree_sync
from .vip import stale_arp
from .vip.address_watch import watch_addresses
from .vip.arp_probes import ArpProbes
from .vip.vips import Vips
from .webhooks import driver as webhooks
from .webhooks.build import build_webhooks

log = logging.getLogger(__name__)

_FILES = AgentFiles()

REPLICATED_TABLES: Mapping[str, int] = {
    leases.TABLE: leases.MAX_LEASES,
    moves.CONNECTIONS_TABLE: moves.MAX_RECORDS,
    site_copies.TABLE: site_copies.MAX_ROWS,
    rollouts.TABLE: site_copies.MAX_ROWS,
    tree_comparison.TABLE: site_copies.MAX_ROWS,
    keeper.TABLE: keeper.MAX_ROWS,
    discovery.TABLE: discovery.MAX_ROWS,
    sharing.TABLE: sharing.MAX_ROWS,
    tree_sync.TABLE: site_copies.MAX_ROWS,
    webhooks.TABLE: webhooks.MAX_ROWS,
    asking.QUESTIONS: asking.MAX_QUESTION_ROWS,
    asking.REPLIES: asking.MAX_ROWS,
    fetches.TABLE: fetches.MAX_ROWS,
}
"""What this server tells its peers by replication, and how many keys it may have."""
BULK_TABLES = frozenset((keeper.TABLE, discovery.TABLE))
"""What many machines change many times a second: several changes go in one packet."""
URGENT_TABLES = frozenset((moves.CONNECTIONS_TABLE,))
"""What they must know at once: what is not told when a server dies is lost."""


def main(environ: Mapping[str, str] = os.environ, files: AgentFiles = _FILES) -> int:
    """Run the agent; returns its exit code."""
    server = environ.get("TWINBOOT_SERVER", "")
    handler = start_logging(server or "-", debug=environ.get("TWINBOOT_DEBUG", "") not in ("", "0"))
    try:
        if not server:
            raise ConfigError(["TWINBOOT_SERVER is not set: .env gives it this server's name in the site"])
        start = take_site(server, files, EngineProxyClient(paths.ENGINE_PROXY_SOCKET))
        settings = read_settings(files.site, server)
        found = read_keys(settings, files.config)
        codec = heartbeat_codec(settings, found)
        for spec in settings.links:
            if isinstance(spec, UdpSpec) and in_use(spec):
                # Going on would drop, at once, the addresses that the other one holds.
                port = f"port {spec.port}/udp of {spec.address}"
                raise ResourceError(port, "is in use: another agent runs here")
        how = priority.raise_priority()
        log_event(log, LogLevel.INFO, "scheduling", priority=how)
        code, begin_anew = asyncio.run(_run(settings, codec, found, environ, files, handler, start))
    except ConfigError as exc:
        for fault in exc.faults:
            log_event(log, LogLevel.ERROR, "configuration-fault", fault=fault)
        return 2
    except ResourceError as exc:
        log_event(log, LogLevel.ERROR, "cannot-start", resource=exc.resource, reason=exc.reason)
        return 1
    except Exception:
        log.exception("the agent failed")
        return 1
    finally:
        handler.close()
    if begin_anew and code == 0:
        # in the same process: whoever has a command at work in this container keeps it
        os.execv(sys.executable, sys.orig_argv)
    return code


async def _run(settings: Settings, codec: HeartbeatCodec, keys: Sequence[bytes], environ: Mapping[str, str],
               files: AgentFiles, handler: LogHandler, start: Start) -> tuple[int, bool]:
    loop = asyncio.get_running_loop()
    config = replace(settings.cluster, version=environ.get("TWINBOOT_VERSION", ""))
    agent = Agent(config=config, boot=secrets.randbits(63) + 1, codec=codec, now=clock.now)
    vips = Vips(settings.vips, AddressTable(clock.now), ArpSender(), agent.post)
    vips.record_event = agent.record_event
    probes = ArpProbes(settings.vips, ArpProber, agent.handle)
    questions = LanQuestions(
        settings.lan, {name: vip.address for name, vip in settings.vips.items()}, LanAdapters(),
        now=clock.now, handle=agent.handle,
    )
    agent.who_answers = WhoAnswers(settings.lan, LanAdapters(), agent.handle)
    engine = EngineProxyClient(paths.ENGINE_PROXY_SOCKET)
    services = Services(settings.services, engine, agent.post)
    udp = {spec.name: UdpLink(spec, agent.deliver) for spec in settings.links if isinstance(spec, UdpSpec)}
    serial = {
        spec.name: SerialLink(spec, agent.deliver, paths.HOST_DEV)
        for spec in settings.links if isinstance(spec, SerialSpec)
    }  # fmt: skip
    links: dict[str, Link] = {**udp, **serial}
    replicator = Replicator(
        ReplicationNode(settings.cluster.me, agent.boot, REPLICATED_TABLES, URGENT_TABLES, BULK_TABLES),
        ReplicationCodec(settings.cluster.cluster, keys),
        udp,
        clock.now,
    )
    copies = SiteCopies(replicator)
    replicator.subscribe(site_copies.TABLE, copies.changed)
    _publish_site(agent, copies, files)
    dhcp = build_dhcp(settings, replicator, clock.now, files)
    services.service_data, services.permits = dhcp.leases, {dhcp.service: dhcp.permit}
    agent.alarms.add_source(dhcp.alarm_conditions)
    agent.ask_for_service = dhcp.ask_lan
    dhcp.snooper.server_heard = lambda address, mac: agent.handle(
        ServiceHeard(dhcp.service, str(address), mac))
    controls = Controls(agent, settings, files, keys)
    await controls.start()
    address_changes = watch_addresses(loop, vips)
    takeover = None
    if settings.takeover:
        takeover = build_takeover(agent, settings, replicator, services, vips, engine)
    history_file = StateFile(files.kept(kept.HISTORY), MAX_BYTES)
    history_keeper = HistoryKeeper(agent.history, history_file, clock.now)
    machines = await build_machines(agent, replicator, files, settings.lan.interface)
    dhcp.snooper.boot_heard = machines.hear_boot
    controls.know_machines(machines, dhcp.leases.leased)
    if takeover is not None:
        takeover.watch(machines.watch.record)
    frames = _build_stale_arp(agent, settings, files)
    try_disk = partial(disk.try_writing, files.kept(kept.DISK_PROBE))
    agent.start(links=links, vips=vips, arp_probes=probes, services=services, questions=questions,
                replicator=replicator, disk=DiskMonitor(try_disk, clock.now))
    hooks = controls.socket.webhooks = build_webhooks(agent, replicator, files, machines)
    hooks.start()
    machines.start(files.machines)
    controls.socket.keeper, controls.socket.power = machines.keeper, machines.power
    agent.machines = machines.figures
    agent.balancing = machines.keeper.sharing.status
    monitors = build_monitors(agent, settings, replicator, clock.now)
    questions.answering = monitors.lan.answering
    monitors.start()
    readiness = build_readiness(agent, settings, engine, services, files.current)
    readiness.start()
    frames.start()
    dhcp.start()
    for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")):
        loop.add_signal_handler(number, agent.leave, name)
    reloader = _reloader(agent, settings, services, files, copies, start, machines, controls)
    reloader.arm()
    agent.settled = lambda: reloader.settled
    rollout = build_rollout(agent, replicator, engine, files, start)
    controls.know_site(agent, rollout, machines, replicator)
    trees = tree_sync.build_tree_sync(
        agent, replicator, clock.now, rollout.trees_published if rollout is not None else lambda _names: None)
    trees.start()
    metrics = Metrics(agent, lambda: handler.lost)
    exporter = Exporter(*settings.metrics, metrics.text) if settings.metrics is not None else None
    if exporter is not None:
        metrics.start()
        metrics.text()  # the library is loaded before the heap is frozen
        exporter.start()
    memory.settle()
    try:
        return await agent.wait_closed(), agent.begin_anew
    finally:
        if rollout is not None:
            rollout.close()
        trees.close()
        monitors.close()
        readiness.close()
        frames.close()
        dhcp.close()
        if takeover is not None:
            takeover.close()
        reloader.close()
        metrics.close()
        history_keeper.close()
        machines.close()
        hooks.close()
        if exporter is not None:
            exporter.close()
        controls.close()
        if address_changes is not None:
            loop.remove_reader(address_changes.fileno())
            address_changes.close()


def _build_stale_arp(agent: Agent, settings: Settings, files: AgentFiles) -> stale_arp.StaleArp:
    made = stale_arp.StaleArp(
        settings, StaleArpRules(settings.lan.interface, (vip.address for vip in settings.vips.values())),
        StateFile(files.kept(kept.PEER_MACS), stale_arp.MAX_BYTES), lambda: agent.state,
    )
    agent.after_step.append(made.update)
    agent.alarms.add_source(made.alarm_conditions)
    agent.stale_arp_frames = lambda: made.frames
    return made


def _publish_site(agent: Agent, copies: SiteCopies, files: AgentFiles) -> None:
    """Tell the peers the site that we work by. On the loop."""
    try:
        site = json.loads(files.site.read_text())
    except (OSError, ValueError) as exc:
        log_event(log, LogLevel.WARNING, "site-not-told", reason=str(exc))
        return
    copies.publish(site)
    packed = zlib.compress(json.dumps(site).encode())  # asked for by hand alone, and large as values
    agent.site_of = lambda server: (
        json.loads(zlib.decompress(packed)) if server == agent.config.me else copies.of(server))
    rest = {name: value for name, value in site.items() if name != "hosts"}
    agent.own_site = lambda: rest


def _reloader(
    agent: Agent, settings: Settings, services: Services, files: AgentFiles, copies: SiteCopies,
    start: Start, machines: Machines, controls: Controls,
) -> Reloader:
    """Leaves when a new generation changes what this agent works by; it begins anew then.

    Other keys are taken over at once: a rollover costs no move.
    """
    loop = asyncio.get_running_loop()
    current = settings

    def own_files_changed() -> None:
        nonlocal current
        facts = keeper.facts_at(files.machines)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(machines.set_facts, *facts)
        try:
            new = read_settings(files.site, settings.cluster.me)
            site = new.cluster.site
            stays = replace(new, keys=current.keys) == current
            if stays and site is not None and site != current.cluster.site:
                agent.post(SiteApplied(site))
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(_publish_site, agent, copies, files)
            if new == current:
                current = new
                return
            found = read_keys(new, files.config)
            codecs = heartbeat_codec(new, found), ReplicationCodec(new.cluster.cluster, found)
        except ConfigError as exc:
            log_event(log, LogLevel.ERROR, "new-site-refused", fault=exc.faults[0])
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            if stays:
                log_event(log, LogLevel.INFO, "keys-changed", first=new.keys[0], keys=len(new.keys))
                loop.call_soon_threadsafe(agent.rekey, *codecs)
                loop.call_soon_threadsafe(controls.page_listener.set_keys, found)
            else:
                why = "the site file changed what this agent works by"
                loop.call_soon_threadsafe(partial(agent.leave, why, begin_anew=True))
        current = new

    start.started_with.applied(SIDECAR)  # this process has read its own files since
    for daemon in daemons.MANAGED:
        start.started_with.applied(daemon.etc)  # it is started, if at all, with what is there now
    return Reloader(start.started_with, services, own_files_changed, start.restarts.forget)


if __name__ == "__main__":
    sys.exit(main())
