"""Keepalived on the lab's servers in the place of the sidecar, as people run it: a process of the machine.

VRRPv3 with adverts every 0.2 s over the LAN; dhcpd is started and stopped by notify scripts. The other
services are the stack's own. Owns its start, its healing, and how each fault of the matrix looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from twinlab.faults import faults, frames
from twinlab.host.engine import docker
from twinlab.host.images import SERVER_IMAGE, VERSION
from twinlab.lab import Lab
from twinlab.measure.matrix import HOME, ON_1, ON_2, Row, fault, foreign_host_then_power_off

IMAGE = f"twinboot-test/peer:{VERSION}"
OURS = ("sidecar", "engine-proxy", "dhcpd")
VRRP = "ip protocol 112"


def signalled(signal: str) -> Callable[[Lab], object]:
    """Every process of the first server's keepalived gets it."""
    return lambda lab: lab.server(1).exec("pkill", f"-{signal}", "-x", "keepalived")


def _restart_each(lab: Lab) -> None:
    for name, server in lab.servers.items():
        server.exec("pkill", "-TERM", "-x", "keepalived")
        server.exec("sh", "-c", "while pgrep -x keepalived; do sleep 0.05; done")
        start(lab, name)


def _no_adverts(lab: Lab) -> None:
    server = lab.server(1)
    frames.drop_frames(lab.name, server.name, server.container, sent=True, received=True, only=VRRP)


def _start_2_alone(lab: Lab) -> None:
    for number in (1, 2):
        faults.inject(lab, "power-off", lab.server(number))
    faults.heal(lab, lab.server(2))
    start(lab, "server2")


def _start_together(lab: Lab) -> None:
    for number in (1, 2):
        faults.inject(lab, "power-off", lab.server(number))
    heal(lab)


ROWS = (
    Row("graceful stop", signalled("TERM"), ON_2),
    Row("sidecar killed", signalled("KILL"), ON_2),
    Row("sidecar frozen, resumed", signalled("STOP"), ON_2),
    Row("power off", fault("power-off"), ON_2),
    Row("LAN cable", fault("unplug", 1, "lan"), ON_2),
    Row("LAN rx-dead, carrier up", fault("isolate"), ON_2),
    Row("crossover cable", fault("unplug", 1, "crossover"), HOME),
    Row("all heartbeat links", _no_adverts, HOME),
    Row("LAN cut in two, crossover too", fault("unplug", 1, "crossover"), ON_1, far=ON_2),
    Row("dhcpd killed", lambda lab: lab.server(1).exec("pkill", "-KILL", "-x", "dhcpd"), HOME),
    Row("vsftpd broken", fault("break-service", 1, "vsftpd"), ON_2),
    Row("ARP filtered on the holder", fault("filter-arp"), ON_2),
    Row("a foreign host answers, power off", foreign_host_then_power_off, ON_2, outage=True),
    Row("both started at once", _start_together, HOME, outage=True),
    Row("one started alone", _start_2_alone, ON_2, outage=True),
    Row("rolling upgrade", _restart_each, HOME),
)


def start(lab: Lab, name: str) -> None:
    """Start keepalived on a server unless it runs, as systemd does at boot."""
    priorities = ("200", "150") if name == "server1" else ("150", "200")
    command = " ".join(("start-keepalived", *lab.addresses.values(), *priorities))
    lab.servers[name].exec("sh", "-c", f"pgrep -x keepalived >/dev/null || {command}")


def heal(lab: Lab) -> None:
    lab.heal()
    for name, server in lab.servers.items():
        server.exec("pkill", "-CONT", "-x", "keepalived", check=False)
        start(lab, name)
    first = lab.server(1)
    # nobody restarts a dhcpd that was killed: the bench does, as an operator would
    first.exec("sh", "-c", "sleep 1; pgrep -x dhcpd >/dev/null || notify-dhcpd start", check=False)


@contextmanager
def keepalived(name: str, trees: Path | None = None) -> Iterator[Lab]:
    """A lab whose servers run keepalived and none of our own containers that decide."""
    context = Path(__file__).parent / "peer"
    docker("build", "-q", "--build-arg", f"SERVER={SERVER_IMAGE}", "-t", IMAGE, str(context), timeout_s=900)
    lab = Lab(name, print)
    lab.down()
    with lab:
        lab.up(image=IMAGE, trees=trees)
        for server in lab.servers.values():
            server.compose("stop", "sidecar")
        for server in lab.servers.values():
            server.compose("rm", "-f", "-s", *(s for s in OURS if s in server.containers()))
        heal(lab)
        yield lab
