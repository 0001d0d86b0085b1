"""Runs the demo: build, start, install, cut a server's power, watch, bring it back, prove.

Owns the order of the steps. Exits with status 0 only when every proof holds.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from twinlab.demo import proof
from twinlab.demo.machines import Machine, contained, virtual
from twinlab.demo.proof import PowerOff
from twinlab.demo.server_events import show_events
from twinlab.demo.stage import Stage
from twinlab.demo.standin import build_standin, client_image
from twinlab.demo.timeline import Timeline
from twinlab.faults import faults
from twinlab.host import images
from twinlab.host.engine import LabError
from twinlab.host.wait import until
from twinlab.lab import Lab

NAME = "twindemo"
RATE = "50mbit"
VICTIM, TAKER = "server1", "server2"
ODD, EVEN = "cli129", "cli128"
FAULT_AFTER_BYTES = 15_000_000
"""Bytes of packages that the victim's machine has got when the power goes."""
INSTALL_S = 600.0
ANACONDA = {"MEMORY_MB": "4096", "DISK_MB": "20480"}
"""What a real distribution's installer wants of its machine."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--tree", type=Path, help="a real distribution's install tree (it has .treeinfo)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    timeline = Timeline()
    try:
        return play(timeline, options.tree)
    except LabError as exc:
        timeline.heading("The demo cannot go on")
        timeline.show(str(exc))
        return 1
    except KeyboardInterrupt:
        timeline.heading("Interrupted: everything is removed")
        return 130


def play(timeline: Timeline, tree: Path | None) -> int:
    if tree is not None and not (tree / ".treeinfo").is_file():
        raise LabError(f"{tree} is not an install tree: it has no .treeinfo (mount the DVD, or copy it)")

    def say(text: str) -> None:
        timeline.line("lab", text)

    timeline.heading("1. Images and the two servers")
    trees = tree.resolve() if tree else build_standin(say)
    images.ensure(say)
    lab = Lab(NAME, say)
    lab.down()
    with ExitStack() as stack:
        stack.callback(clean_up, lab, timeline)
        lab.up(trees=trees)
        stack.enter_context(show_events(lab, timeline))
        prober = stack.enter_context(lab.prober())
        macs = {server.mac: name for name, server in lab.servers.items()}
        stage = Stage(lab, timeline, prober, macs)

        who = f"{ODD} is" if tree else f"{ODD} and {EVEN}, an odd and an even address, are"
        timeline.heading(f"2. {who} switched on")
        odd = virtual(lab, ODD, timeline, macs, RATE, **(ANACONDA if tree else {"BOOT": "auto"}))
        stack.callback(odd.meter.stop)
        say(f"{ODD} is a virtual machine that boots over the network ({RATE} line)")
        if tree:
            return real_tree(stage, odd)
        stack.enter_context(progress(timeline, odd))
        odd.wait_for("stage2-fetched", "its installer", timeout_s=INSTALL_S)
        even = contained(lab, EVEN, timeline, macs, RATE, image=client_image())
        stack.callback(even.meter.stop)
        say(f"{EVEN} is a container that plays the same install ({RATE} line)")
        stack.enter_context(progress(timeline, even))
        odd.wait_for("install-start", "the start of its packages", timeout_s=INSTALL_S)
        return fault_and_proof(stage, odd, even)


def fault_and_proof(stage: Stage, odd: Machine, even: Machine) -> int:
    """Steps 3 to 5: the power-off, the return, the proof."""
    lab, timeline = stage.lab, stage.timeline
    start = odd.meter.total
    until(
        lambda: odd.meter.total - start > FAULT_AFTER_BYTES or odd.has("install-done"),
        "the middle of the install", timeout_s=INSTALL_S, every_s=0.05,
    )  # fmt: skip
    before = {machine.name: machine.meter.bytes() for machine in (odd, even)}

    timeline.heading(f"3. The power of {VICTIM} goes, in the middle of {ODD}'s packages")
    fault_at = cut_power(stage)
    lab.wait_owned(dict.fromkeys(lab.addresses, TAKER), timeout_s=60)
    until(lambda: odd.meter.resumed_after(fault_at + 0.3), f"data for {ODD} again", timeout_s=INSTALL_S)
    # librepo gives up a source after four broken transfers, and each move may break three at once
    until(lambda: odd.has("downloaded") or odd.done, f"the packages of {ODD}", timeout_s=INSTALL_S)

    timeline.heading(f"4. {VICTIM} comes back, and takes its group back when it has been steady")
    faults.heal(lab, lab.server(VICTIM))
    lab.wait_owned({g: str(group["order"][0]) for g, group in lab.site["groups"].items()}, timeout_s=120)
    until(lambda: odd.done and even.done, "the end of both installs", timeout_s=INSTALL_S)
    if not odd.failed:
        odd.wait_for("first-boot", "its first boot from its own disk", timeout_s=INSTALL_S)
    return proof.show(stage, [odd, even], before=before, fault=PowerOff(VICTIM, TAKER, fault_at))


def real_tree(stage: Stage, machine: Machine) -> int:
    """A distribution's own installer does not report: its progress is read from its requests and bytes."""
    lab, timeline = stage.lab, stage.timeline
    victim = lab.server(VICTIM)
    with progress(timeline, machine):

        def alive() -> None:
            if machine.over:
                raise LabError(f"{machine.name} switched itself off\n{machine.container.logs()[-1500:]}")

        until(
            lambda: "Packages/" in victim.logs("vsftpd", tail=20) + victim.logs("httpd", tail=20),
            f"{machine.name}'s first package", timeout_s=6 * INSTALL_S, every_s=1, alive=alive,
        )  # fmt: skip
        start = machine.meter.total
        until(
            lambda: machine.meter.total - start > FAULT_AFTER_BYTES, "the middle of its packages",
            timeout_s=INSTALL_S, every_s=0.05, alive=alive,
        )  # fmt: skip
        timeline.heading(f"3. The power of {VICTIM} goes, in the middle of {machine.name}'s packages")
        fault_at = cut_power(stage)
        until(lambda: machine.meter.resumed_after(fault_at + 0.3), "data again", timeout_s=INSTALL_S)
        timeline.heading(f"4. The installer goes on; {VICTIM} comes back when it has ended")
        until(lambda: machine.over, "the end of the install", timeout_s=12 * INSTALL_S)
        faults.heal(lab, victim)
        lab.wait_owned({g: str(group["order"][0]) for g, group in lab.site["groups"].items()}, timeout_s=120)
    return proof.show(stage, [], before={}, fault=PowerOff(VICTIM, TAKER, fault_at))


def cut_power(stage: Stage) -> float:
    """Power-off of the victim; its epoch time."""
    at = faults.inject(stage.lab, "power-off", stage.lab.server(VICTIM))
    stage.timeline.fault_at = at
    stage.timeline.line("lab", f"POWER-OFF of {VICTIM}", at=at, style="bold red")
    return at


@contextmanager
def progress(timeline: Timeline, *machines: Machine) -> Iterator[None]:
    """Every five seconds a line with the bytes that each machine got, by server."""
    stop = threading.Event()

    def run() -> None:
        last: dict[str, int] = {}
        while not stop.wait(5):
            for machine in machines:
                shares = machine.meter.bytes()
                if sum(shares.values()) == last.get(machine.name, 0):
                    continue
                last[machine.name] = sum(shares.values())
                text = ", ".join(f"{count / 1e6:.1f} MB from {who}" for who, count in sorted(shares.items()))
                timeline.line(machine.name, f"has {text}", style="dim")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def clean_up(lab: Lab, timeline: Timeline) -> None:
    started = time.monotonic()
    lab.down()
    timeline.line("lab", f"everything removed ({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    sys.exit(main())
