"""Faults of a whole server: power, engine, processor, disk, clock. inside/heal.sh heals all but power."""

from __future__ import annotations

from collections.abc import Sequence

from twinboot import daemons

from twinlab.faults import cable, net
from twinlab.faults.scene import Scene
from twinlab.host import wait
from twinlab.host.client import INSIDE
from twinlab.host.engine import LabError, docker, pause
from twinlab.host.server import ENGINE_DISK, SIDECAR_CONTAINER, Server

ENGINE_OFF = "/run/lab-engine-off"  # lab-server starts no engine while this is there
BUSY = "lab-busy"
SLOW = "/run/lab-disk-slow"
FILLER = f"{ENGINE_DISK}/lab-filler"
CLOCK = "/run/lab-clock"  # lab_clock.py's file: how far the sidecar's wall clock is off
CLOCK_FILE = "/etc/lab/clock.yaml"
READY_S = 60.0
HEAL = (INSIDE / "heal.sh").read_text(encoding="utf-8")
NEEDS_RESTART = 7


def power_off(lab: Scene, server: Server, _: Sequence[str]) -> float:
    lab.keep_wire_bytes(server.name)
    # Cut the cables first: the kernel outlives the killed processes by a moment, and would still send FIN
    # or RST on their connections. A machine without power does not.
    # Pull the serial line before the LAN: over it the server would still report that its LAN is gone.
    net.plug_serial(lab, server, up=False)
    at = cable.cut(server.container, net.far_ends(lab, server))
    _resume(server.container)
    docker("kill", server.container)
    return at


def shut_down(lab: Scene, server: Server, _: Sequence[str]) -> None:
    lab.keep_wire_bytes(server.name)
    docker("stop", "-t", "30", server.container)
    cable.set_ends(net.far_ends(lab, server), up=False)


def freeze(_: Scene, server: Server, __: Sequence[str]) -> None:
    pause(server.container)


def boot(server: Server) -> None:
    docker("start", server.container)
    wait.until(server.booted, f"{server.name} to boot", timeout_s=READY_S)


# --- engine -------------------------------------------------------------------------------------------


def engine_hang(_: Scene, server: Server, __: Sequence[str]) -> None:
    server.exec("pkill", "-STOP", "-x", "dockerd")


def engine_stop(_: Scene, server: Server, __: Sequence[str]) -> None:
    _end_engine(server, "TERM")


def engine_crash(_: Scene, server: Server, __: Sequence[str]) -> None:
    _end_engine(server, "KILL")


def _end_engine(server: Server, how: str) -> None:
    server.exec("touch", ENGINE_OFF)
    server.exec("pkill", f"-{how}", "-x", "dockerd")
    gone = "the engine to end"
    wait.until(lambda: not server.exec("pgrep", "-x", "dockerd", check=False).ok, gone, timeout_s=READY_S)


# --- processor ----------------------------------------------------------------------------------------


def cpu(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    """Two busy processes for each core, or as many as asked for."""
    count = arguments[0] if arguments else "$((2 * $(nproc)))"
    if arguments and not arguments[0].isdigit():
        raise LabError(f"'{arguments[0]}' is no number of processes")
    script = f"for i in $(seq {count}); do yes {BUSY} >/dev/null & done; wait"
    docker("exec", "-d", server.container, "sh", "-c", script)
    wait.until(
        lambda: server.exec("pgrep", "-fx", f"yes {BUSY}", check=False).ok, "busy processes", timeout_s=20
    )  # fmt: skip


# --- disk ---------------------------------------------------------------------------------------------


def _own_disk(server: Server) -> None:
    """Raise unless the engine's directory is a disk of this server alone: the host's must not suffer."""
    source = server.exec("findmnt", "-n", "-o", "SOURCE", ENGINE_DISK, check=False).out.split()
    if not source[-1:] or not source[-1].startswith("/dev/loop"):
        raise LabError(f"{server.name} has no disk of its own: bring the lab up with `--disk`")


def disk_full(_: Scene, server: Server, __: Sequence[str]) -> None:
    _own_disk(server)
    # write the last blocks: fallocate gives all or nothing
    free = f"$(df --output=avail -B1 {ENGINE_DISK} | tail -1)"
    script = f"fallocate -l {free} {FILLER}; cat /dev/zero >>{FILLER}"
    server.exec("sh", "-c", script, check=False)


def disk_read_only(_: Scene, server: Server, __: Sequence[str]) -> None:
    """As ext4 does it by itself after an error of the disk (ext4(5), errors=remount-ro)."""
    _own_disk(server)
    server.exec("mount", "-o", "remount,abort", ENGINE_DISK, check=False)


def disk_slow(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    """Every write waits: the file system is frozen for 2 s (or as given), then thawed for 0.1 s."""
    _own_disk(server)
    hang = arguments[0] if arguments else "2"
    if not hang.replace(".", "", 1).isdigit():
        raise LabError(f"'{hang}' is no number of seconds")
    turn = f"fsfreeze -f {ENGINE_DISK}; sleep {hang}; fsfreeze -u {ENGINE_DISK}; sleep 0.1"
    script = f"touch {SLOW}; while [ -e {SLOW} ]; do {turn}; done"
    docker("exec", "-d", server.container, "sh", "-c", script)


# --- clock --------------------------------------------------------------------------------------------


def clock(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    """Offset the sidecar's wall clock alone: all servers of the lab share the machine's clock."""
    step = arguments[0] if arguments else "-3600"
    if not step.lstrip("+-").isdigit():
        raise LabError(f"'{step}' is no number of seconds")
    step = step if step[0] in "+-" else f"+{step}"
    if not false_clock(server):
        server.exec("sh", "-c", f"mkdir -p {CLOCK} && echo +0 >{CLOCK}/offset")
        server.compose("-f", "compose.yaml", "-f", CLOCK_FILE, "up", "-d", "--no-deps", "sidecar")
    server.exec("sh", "-c", f"echo '{step}' >{CLOCK}/new && mv {CLOCK}/new {CLOCK}/offset")


def false_clock(server: Server) -> bool:
    """Whether its sidecar runs with a clock that can be offset."""
    said = server.docker("inspect", "-f", "{{.Config.Env}}", SIDECAR_CONTAINER, check=False)
    return "LAB_CLOCK" in said.out


def heal(server: Server) -> bool:
    """Heal all but power and cables, on the server itself. False when its disk needs a restart first."""
    command = ("sh", "-c", HEAL, "heal", ENGINE_DISK, daemons.DHCPD.process)
    said = server.exec(*command, check=False, timeout_s=120)
    if said.code not in (0, NEEDS_RESTART):
        raise LabError(f"{server.name} cannot be healed: {(said.err or said.out)[-500:]}")
    return said.ok


def _resume(container: str) -> None:
    """Thaw paused containers inside: in a frozen control group nothing dies of SIGKILL (cgroup v1)."""
    script = (
        "find /sys/fs/cgroup -mindepth 2 -name freezer.state -exec sh -c 'echo THAWED >{}' \\; ; "
        "find /sys/fs/cgroup -mindepth 2 -name cgroup.freeze -exec sh -c 'echo 0 >{}' \\;"
    )
    docker("exec", container, "sh", "-c", f"({script}) 2>/dev/null", check=False, timeout_s=20)


def thaw(container: str) -> None:
    """Undo what would keep the container's last processes from exiting: a pause, and `disk-slow`."""
    _resume(container)
    script = f"rm -f {SLOW}; fsfreeze -u {ENGINE_DISK}; sleep 0.2; fsfreeze -u {ENGINE_DISK}"
    docker("exec", container, "sh", "-c", script, check=False, timeout_s=20)


def restart(server: Server) -> None:
    """Power-cycle the server: ext4 that has turned read-only is writable again only after a new mount."""
    docker("kill", server.container)
    boot(server)
