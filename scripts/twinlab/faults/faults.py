"""Faults of servers, and how each is healed.

Owns the table of faults. Healing needs no record of what was broken: it reads the server's
state and repairs whatever differs, so that any process can heal what another one broke.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twinlab.faults import machine, neighbours, net, othersite, service
from twinlab.faults.scene import Scene
from twinlab.host.engine import LabError, docker
from twinlab.host.server import Server


@dataclass(frozen=True)
class Fault:
    """`inject` breaks a server. `takes` says which arguments; `choices` are those allowed, if listed."""

    what: str
    inject: Callable[[Scene, Server, Sequence[str]], float | None]
    takes: str = ""
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0


def _of(choices: tuple[str, ...], what: str, inject: Callable[[Scene, Server, Sequence[str]], None]) -> Fault:
    """A fault of one of these services."""
    return Fault(what, inject, "|".join(choices), choices, least=1, most=1)


FAULTS: dict[str, Fault] = {
    # the machine
    "power-off": Fault("the plug is pulled", machine.power_off),
    "shut-down": Fault("an orderly shutdown", machine.shut_down),
    "freeze": Fault("nothing on the server runs any more; its kernel still answers", machine.freeze),
    "engine-hang": Fault("the Docker engine hangs (SIGSTOP); containers go on", machine.engine_hang),
    "engine-stop": Fault("the Docker engine is stopped in order, containers too", machine.engine_stop),
    "engine-crash": Fault("the Docker engine is killed; containers go on", machine.engine_crash),
    "cpu": Fault("busy processes, by default two for each core", machine.cpu, "(COUNT)", most=1),
    "disk-full": Fault("the engine's disk is full (lab with --disk)", machine.disk_full),
    "disk-read-only": Fault(
        "the engine's disk turns read-only, as after an error (lab with --disk; healed by a restart)",
        machine.disk_read_only,
    ),
    "disk-slow": Fault(
        "each write to the engine's disk hangs so long, 2 s by default (lab with --disk)",
        machine.disk_slow, "(SECONDS)", most=1,
    ),
    "clock": Fault(
        "the sidecar's wall clock is off, by default an hour back (the sidecar is restarted once for it)",
        machine.clock, "(SECONDS)", most=1,
    ),
    # the sidecar
    "kill-sidecar": Fault("the sidecar is killed and stays dead", service.kill_sidecar),
    "crash-sidecar": Fault("the sidecar is killed; the engine starts it again", service.crash_sidecar),
    "stop-sidecar": Fault("the sidecar is stopped in good order", service.stop_sidecar),
    "freeze-sidecar": Fault("the sidecar hangs", service.freeze_sidecar),
    "standby": Fault("the server is put on standby (planned)", service.standby),
    # services
    "stop-service": _of(service.SERVICES, "a service is stopped", service.stop),
    "kill-service": _of(service.SERVICES, "a service is killed and stays dead", service.kill),
    "crash-service": _of(service.SERVICES, "a service is killed; the engine starts it again", service.crash),
    "freeze-service": _of(service.SERVICES, "a service hangs", service.freeze),
    "prune": Fault("docker container prune: what does not run is removed", service.prune),
    "remove-service": _of(
        service.DAEMONS, "a service's container is removed; only Compose can make it again", service.remove
    ),
    "break-service": _of(
        service.DAEMONS, "a service serves nobody though its container runs, restarts included", service.spoil
    ),
    # cables and the LAN
    "unplug": Fault(
        "cables are pulled, at once", net.unplug, "|".join(net.CABLES) + " ...", net.CABLES,
        least=1, most=len(net.CABLES),
    ),
    "flap": Fault(
        "a cable is pulled and plugged again and again (10 times, 1 s each); ends plugged",
        net.flap, "CABLE TIMES PERIOD_S (CABLE will do)", least=1, most=3,
    ),
    "lossy": Fault(
        "frames are lost, late by 0 to JITTER ms (so out of order), doubled; on all cables if none is named",
        net.lossy, "loss=PERCENT jitter=MS duplicate=PERCENT CABLE ... (any of them)", most=5,
    ),
    "isolate": Fault("the LAN neither hears it nor is heard; the carrier stays", net.isolate),
    "rx-dead": Fault("it hears nothing on the LAN; what it sends arrives; the carrier stays", net.rx_dead),
    "tx-dead": Fault("what it sends on the LAN is lost; it hears all; the carrier stays", net.tx_dead),
    "cut-heartbeats": Fault(
        "no heartbeat passes: lost on the LAN, which serves on; the other cables pulled", net.cut_heartbeats
    ),
    "filter-arp": Fault(
        "its kernel gets no ARP any more: no client finds it, all else passes", neighbours.filter_arp
    ),
    "foreign-host": Fault(
        "a host that is no server answers ARP for the address of this group", neighbours.foreign_host,
        "GROUP", least=1, most=1,
    ),
    "other-site": Fault(
        "its site file is edited, on this server only", othersite.edit, "|".join(othersite.EDITS),
        tuple(othersite.EDITS), least=1, most=1,
    ),
    "split": Fault(
        "the LAN is cut in two: this server and the clients named, and all the others; `unplug` the rest",
        net.split, "(CONTAINER ...)", most=99,
    ),
}  # fmt: skip


def listing() -> str:
    """Every fault with its arguments and what it does, for a person."""
    lines = []
    for name, fault in FAULTS.items():
        lines += [f"  {f'{name} {fault.takes}'.strip()}", f"      {fault.what}"]
    return "\n".join(lines)


def inject(lab: Scene, name: str, server: Server, *arguments: str) -> float:
    """Break the server in this way; the epoch time at which it broke."""
    fault = FAULTS.get(name)
    if fault is None:
        raise LabError(f"no fault '{name}'; there are: {', '.join(FAULTS)}")
    if arguments and not fault.most:
        raise LabError(f"the fault '{name}' takes no argument")
    wrong = fault.choices and [one for one in arguments if one not in fault.choices]
    if wrong or not fault.least <= len(arguments) <= fault.most:
        raise LabError(f"the fault '{name}' takes one of: {fault.takes}")
    begun = time.time()
    return fault.inject(lab, server, arguments) or begun


def heal(lab: Scene, server: Server) -> None:
    """Bring power, cables, processes and the sidecar's wish back to normal. Does not wait for failback."""
    power = server.power
    if power == "paused":
        docker("unpause", server.container)
    elif power not in ("running", "exited", "created"):
        raise LabError(f"{server.name} is {power}: bring the lab down and up again")
    if power in ("exited", "created"):
        machine.boot(server)
    net.heal(lab, server)
    neighbours.heal(lab)
    if not machine.heal(server):
        machine.restart(server)
        net.heal(lab, server)
        machine.heal(server)
