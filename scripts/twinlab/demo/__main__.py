"""Runs the demo: build, start, install, cut a server's power, watch, bring it back, prove.

Owns the options and the order of the steps with the installer stand-in; a real installer's are `real`'s.
Exits with status 0 only when every proof holds.
"""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from twinlab.demo import proof, real, standin
from twinlab.demo.machines import Machine, contained, virtual
from twinlab.demo.media import Call
from twinlab.demo.proof import PowerOff
from twinlab.demo.stage import ODD, TAKER, VICTIM, Stage, progress, staged
from twinlab.demo.timeline import Timeline
from twinlab.host import images
from twinlab.host.engine import LabError
from twinlab.host.vm import FIRMWARES
from twinlab.host.wait import until

RATE = "50mbit"
EVEN = "cli128"
FAULT_AFTER_BYTES = 15_000_000
"""Bytes of packages that the victim's machine has got when the power goes."""
INSTALL_S = 600.0


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    timeline = Timeline()
    try:
        if options.distro:
            return real.debian(timeline, options.firmware)
        if options.tree:
            netboot = options.netboot.resolve() if options.netboot else None
            call = Call(options.tree.resolve(), netboot, options.kernel, tuple(options.initrd))
            return real.medium(timeline, call, options.firmware)
        return play(timeline)
    except LabError as exc:
        timeline.heading("The demo cannot go on")
        timeline.show(str(exc))
        return 1
    except KeyboardInterrupt:
        timeline.heading("Interrupted: everything is removed")
        return 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="Two servers, and one of them dies.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--distro", choices=("debian",), help="a whole Debian, from its own packages")
    what.add_argument("--tree", type=Path, help="an ISO or an install tree of your own, of any kind")
    parser.add_argument("--netboot", type=Path, help="a netboot archive that is laid over it (Debian)")
    parser.add_argument("--kernel", default="", help="within a medium that is not recognised")
    parser.add_argument("--initrd", action="append", default=[], help="likewise; may be repeated")
    parser.add_argument("--firmware", choices=FIRMWARES, default="bios", help="of the virtual machine")
    return parser.parse_args()


def play(timeline: Timeline) -> int:
    """With the stand-in: a virtual machine and a container install at once."""
    timeline.heading("1. Images and the two servers")
    stack = ExitStack()
    trees = standin.build_standin(lambda text: timeline.line("lab", text))
    images.ensure(lambda text: timeline.line("lab", text))
    with staged(stack, timeline, trees) as stage:
        timeline.heading(f"2. {ODD} and {EVEN}, an odd and an even address, are switched on")
        odd = virtual(stage.lab, ODD, timeline, stage.macs, RATE, BOOT="auto")
        stack.callback(odd.meter.stop)
        stage.say(f"{ODD} is a virtual machine that boots over the network ({RATE} line)")
        stack.enter_context(progress(timeline, odd))
        odd.wait_for("stage2-fetched", "its installer", timeout_s=INSTALL_S)
        even = contained(stage.lab, EVEN, timeline, stage.macs, RATE, image=standin.client_image())
        stack.callback(even.meter.stop)
        stage.say(f"{EVEN} is a container that plays the same install ({RATE} line)")
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
    fault_at = stage.cut_power()
    lab.wait_owned(dict.fromkeys(lab.addresses, TAKER), timeout_s=60)
    until(lambda: odd.meter.resumed_after(fault_at + 0.3), f"data for {ODD} again", timeout_s=INSTALL_S)
    # librepo gives up a source after four broken transfers, and each move may break three at once
    until(lambda: odd.has("downloaded") or odd.done, f"the packages of {ODD}", timeout_s=INSTALL_S)

    timeline.heading(f"4. {VICTIM} comes back, and takes its group back when it has been steady")
    stage.bring_back()
    until(lambda: odd.done and even.done, "the end of both installs", timeout_s=INSTALL_S)
    if not odd.failed:
        odd.wait_for("first-boot", "its first boot from its own disk", timeout_s=INSTALL_S)
    return proof.show(
        stage, [odd, even], standin.judge, before=before, fault=PowerOff(VICTIM, TAKER, fault_at)
    )


if __name__ == "__main__":
    sys.exit(main())
