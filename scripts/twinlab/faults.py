"""Faults of servers, and how each is healed.

Owns the table of faults. Healing takes no memory: it looks at the server and puts right whatever is
not as it should be, so that any process can heal what another one broke.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twinlab import cable, wait
from twinlab.engine import LabError, docker
from twinlab.server import SIDECAR, Server

if TYPE_CHECKING:
    from twinlab.lab import Lab

INTERFACES = {"lan": "eth0", "crossover": "eth1"}
SERVICES = ("tftp", "vsftpd", "httpd", "bind", "dhcpd")
READY_S = 60.0


@dataclass(frozen=True)
class Fault:
    """`inject` breaks a server; `argument` says which values it takes."""

    what: str
    inject: Callable[[Lab, Server, str | None], float | None]
    arguments: tuple[str, ...] = ()


def _power_off(lab: Lab, server: Server, _: str | None) -> float:
    lab.keep_wire_bytes(server.name)
    # The cables first: its kernel outlives the killed processes by a moment, and would still say
    # goodbye on their connections. A machine without power does not.
    at = cable.cut(server.container)
    docker("kill", server.container)
    return at


def _shut_down(lab: Lab, server: Server, _: str | None) -> None:
    lab.keep_wire_bytes(server.name)
    docker("stop", "-t", "30", server.container)


def _freeze(_: Lab, server: Server, __: str | None) -> None:
    docker("pause", server.container)


def _kill_sidecar(_: Lab, server: Server, __: str | None) -> None:
    server.docker("kill", SIDECAR)  # by this way the engine does not start it again


def _crash_sidecar(_: Lab, server: Server, __: str | None) -> None:
    pid = server.docker("inspect", "-f", "{{.State.Pid}}", SIDECAR).out.strip()
    server.exec("kill", "-KILL", pid)  # the engine starts it again


def _stop_sidecar(_: Lab, server: Server, __: str | None) -> None:
    server.docker("stop", SIDECAR)


def _freeze_sidecar(_: Lab, server: Server, __: str | None) -> None:
    server.docker("pause", SIDECAR)


def _standby(_: Lab, server: Server, __: str | None) -> None:
    server.sidecar("twinboot", "standby")


def _unplug(_: Lab, server: Server, which: str | None) -> None:
    assert which is not None
    cable.plug(server.container, INTERFACES[which], up=False)


def _stop_service(_: Lab, server: Server, service: str | None) -> None:
    assert service is not None
    server.compose("stop", service)


FAULTS: dict[str, Fault] = {
    "power-off": Fault("the plug is pulled", _power_off),
    "shut-down": Fault("an orderly shutdown", _shut_down),
    "freeze": Fault("nothing on the server runs any more; its kernel still answers", _freeze),
    "kill-sidecar": Fault("the sidecar is killed and stays dead", _kill_sidecar),
    "crash-sidecar": Fault("the sidecar is killed; the engine starts it again", _crash_sidecar),
    "stop-sidecar": Fault("the sidecar is stopped in good order", _stop_sidecar),
    "freeze-sidecar": Fault("the sidecar hangs", _freeze_sidecar),
    "standby": Fault("the server is put on standby (planned)", _standby),
    "unplug": Fault("a cable is pulled", _unplug, tuple(INTERFACES)),
    "stop-service": Fault("a service is stopped", _stop_service, SERVICES),
}


def inject(lab: Lab, name: str, server: Server, argument: str | None = None) -> float:
    """Break the server in this way; the epoch time at which it broke."""
    fault = FAULTS.get(name)
    if fault is None:
        raise LabError(f"no fault '{name}'; there are: {', '.join(FAULTS)}")
    if fault.arguments and argument not in fault.arguments:
        raise LabError(f"the fault '{name}' takes one of: {', '.join(fault.arguments)}")
    if not fault.arguments and argument is not None:
        raise LabError(f"the fault '{name}' takes no argument")
    begun = time.time()
    return fault.inject(lab, server, argument) or begun


def heal(lab: Lab, server: Server) -> None:
    """Bring power, cables, processes and the sidecar's wish back to normal. Does not wait for failback."""
    power = server.power
    if power == "paused":
        docker("unpause", server.container)
    elif power in ("exited", "created"):
        docker("start", server.container)
        wait.until(server.booted, f"{server.name} to boot", timeout_s=READY_S)
        return  # everything came up anew
    elif power != "running":
        raise LabError(f"{server.name} is {power}: bring the lab down and up again")
    for interface in _unplugged(server):
        cable.plug(server.container, interface, up=True)
    state = server.containers()
    for service in (s for s, now in state.items() if now == "paused"):
        server.docker("unpause", f"twinboot-{service}-1")
    stopped = [s for s, now in state.items() if now in ("exited", "created") and s not in ("render", "dhcpd")]
    if stopped:
        server.docker("start", *(f"twinboot-{service}-1" for service in stopped))
    view = server.status()
    if view is not None and view["state"] == "standby":
        server.sidecar("twinboot", "resume")


def _unplugged(server: Server) -> list[str]:
    script = "cd /sys/class/net && grep -l 0 eth?/carrier"
    return [line.split("/")[0] for line in server.exec("sh", "-c", script, check=False).out.split()]
