"""The demo with a real installer: one virtual machine installs itself, and its server dies meanwhile.

Owns the order of the steps. An installer of a person's medium does not report: how far it is, is read from
its console and from the bytes that it gets.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from twinlab.demo import debian as packaged
from twinlab.demo import media, proof
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.proof import PowerOff, Proofs
from twinlab.demo.stage import ODD, TAKER, VICTIM, Stage, progress, staged
from twinlab.demo.timeline import Timeline
from twinlab.host import images, labsite
from twinlab.host.engine import LabError
from twinlab.host.wait import repeatedly, until

RATE = "100mbit"
BOOT_S, INSTALL_S = 1800.0, 7200.0
DEBIAN_FAULT_BYTES = 40_000_000
"""Bytes of packages that the machine has got when the power goes."""
LOADED_BYTES = 100_000_000
"""The same of a medium's installer, behind kernel and initrd."""
LITTLE_BYTES = 20_000_000
"""Media with less than this, beside kernel and initrd, have nothing to be interrupted."""
LOOK_S = 180.0
"""How long those are looked at."""
CONSOLE_S = 20.0
_CONTROL = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()].|[\x00-\x09\x0b-\x1f]")


def debian(timeline: Timeline, firmware: str) -> int:
    """Debian 13 from its own packages, to a system that boots from its disk."""
    timeline.heading("1. Images and the two servers")
    stack = ExitStack()
    trees = packaged.build_debian(lambda text: timeline.line("lab", text))
    images.ensure(lambda text: timeline.line("lab", text))
    with staged(stack, timeline, trees, patch=packaged.site_patch(ODD)) as stage:
        machine = _switched_on(stage, stack, firmware, **packaged.MACHINE)
        stack.enter_context(_console(stage, machine))
        machine.wait_for("partitioning", "its answers and components", timeout_s=BOOT_S)
        start = machine.meter.total
        until(lambda: machine.meter.total - start > DEBIAN_FAULT_BYTES or machine.done,
              "the middle of its packages", timeout_s=INSTALL_S, every_s=0.05)  # fmt: skip
        before = {machine.name: machine.meter.bytes()}
        fault_at = _fault(stage, machine, "packages")
        machine.wait_for("complete", "the installer's last step", timeout_s=INSTALL_S)
        timeline.heading(f"4. {VICTIM} comes back; {ODD} starts from its disk")
        stage.bring_back()
        machine.wait_for("first-boot", "the new system", timeout_s=BOOT_S)

        def judge(proofs: Proofs, one: Machine) -> None:
            packaged.judge(proofs, one, stage.lab.site)

        fault = PowerOff(VICTIM, TAKER, fault_at)
        return proof.show(stage, [machine], judge, before=before, fault=fault)


def medium(timeline: Timeline, call: media.Call, firmware: str) -> int:
    """A person's medium, of any kind."""
    timeline.heading("1. The medium, images and the two servers")

    def say(text: str) -> None:
        timeline.line("lab", text)

    images.ensure(say)
    found = media.import_medium(call, say)
    stack = ExitStack()
    with TemporaryDirectory() as folder:
        site_file = Path(folder) / media.SITE_FILE
        site_file.write_text(labsite.dump(found.site), encoding="utf-8")
        with staged(stack, timeline, found.trees, site=site_file) as stage:
            settings = {"MEMORY_MB": str(found.memory_mb), "DISK_MB": "20480"}
            stage.say(f"its memory: {found.memory_mb} MB; emulated, so it takes its time; Ctrl-C ends it")
            machine = _switched_on(stage, stack, firmware, **settings)
            stack.enter_context(_console(stage, machine))
            _tell_what_to_look_at(stage, found)
            if found.rest_bytes < LITTLE_BYTES:
                return _only_booted(stage, machine, found)
            return _through_a_power_off(stage, machine, found)


def _switched_on(stage: Stage, stack: ExitStack, firmware: str, **settings: str) -> Machine:
    stage.timeline.heading(f"2. {ODD}, a virtual machine with {firmware} firmware, is switched on")
    machine = virtual(stage.lab, ODD, stage.timeline, stage.macs, RATE, firmware=firmware, **settings)
    stack.callback(machine.meter.stop)
    stack.enter_context(progress(stage.timeline, machine))
    return machine


def _fault(stage: Stage, machine: Machine, what: str) -> float:
    """The power goes, and the machine gets data again. Epoch time of the fault."""
    stage.timeline.heading(f"3. The power of {VICTIM} goes, in the middle of {machine.name}'s {what}")
    fault_at = stage.cut_power()
    until(lambda: machine.meter.resumed_after(fault_at + 0.3) or machine.done, "data again",
          timeout_s=BOOT_S)  # fmt: skip
    return fault_at


def _only_booted(stage: Stage, machine: Machine, found: media.Imported) -> int:
    """Nothing is loaded behind kernel and initrd: the machine is looked at for a while."""
    until(lambda: machine.meter.total >= found.boot_bytes or machine.over, "kernel and initrd",
          timeout_s=BOOT_S)  # fmt: skip
    stage.timeline.heading(f"3. It has all that there is; its console for {LOOK_S:.0f} s")
    end = time.monotonic() + LOOK_S
    until(lambda: time.monotonic() > end or machine.over, "the look at it", timeout_s=LOOK_S + 60)
    whole = machine.meter.total >= found.boot_bytes
    result = "kernel and initrd were loaded whole" if whole else "kernel and initrd were NOT loaded whole"
    stage.timeline.heading(f"Result: {result}")
    return 0 if whole else 1


def _through_a_power_off(stage: Stage, machine: Machine, found: media.Imported) -> int:
    def alive() -> None:
        if machine.over:
            raise LabError(f"{machine.name} switched itself off\n{machine.container.logs()[-1500:]}")

    wanted = found.boot_bytes + min(LOADED_BYTES, found.rest_bytes // 4)
    until(lambda: machine.meter.total > wanted, "the middle of what its installer loads",
          timeout_s=INSTALL_S, every_s=0.05, alive=alive)  # fmt: skip
    fault_at = _fault(stage, machine, "install")
    stage.timeline.heading(f"4. The installer goes on; {VICTIM} comes back when it has ended")
    until(lambda: machine.over, "the end of the install", timeout_s=INSTALL_S)
    stage.bring_back()
    return proof.show(stage, [machine], None, before={}, fault=PowerOff(VICTIM, TAKER, fault_at))


def _tell_what_to_look_at(stage: Stage, found: media.Imported) -> None:
    known = found.manifest
    stage.say(f"{known.distribution}, installer {known.kind}. What only you can see:")
    for text in media.look_at(known.kind):
        stage.say(f"  look: {text}")


@contextmanager
def _console(stage: Stage, machine: Machine) -> Iterator[None]:
    """Now and then the last line of the machine's screen, when it is another one."""
    last = ""

    def show() -> None:
        nonlocal last
        rows = [one.strip() for one in _CONTROL.sub("\n", machine.container.logs()[-4000:]).splitlines()]
        line = next((one for one in reversed(rows) if one), "")[:200]
        if line != last:
            stage.timeline.line(machine.name, f"console: {line}", style="dim")
        last = line

    with repeatedly(CONSOLE_S, show):
        yield
