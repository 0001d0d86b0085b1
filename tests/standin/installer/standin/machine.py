"""Stage 2 in a machine: from the kickstart that stage 1 left to a bootable disk.

Ends by writing what init is to do ("reboot" or "poweroff") to /run/standin/action.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from standin.bootloader import install_bootloader
from standin.disk import prepare, release
from standin.errors import InstallError
from standin.report import Report, machine_reporter
from standin.steps import fill_root, read_kickstart, repository

STATE = Path("/run/standin")
TARGET = Path("/mnt/sysroot")


def boot_facts() -> dict[str, str]:
    """key=value lines of stage 1."""
    rows = (STATE / "boot").read_text(encoding="utf-8").splitlines()
    return dict(row.split("=", 1) for row in rows if "=" in row)


def install_machine(report: Report) -> str:
    """Returns the kickstart's last wish."""
    kickstart = STATE / "ks.cfg"
    if not kickstart.exists():
        raise InstallError("no inst.ks= on the kernel command line")
    plan = read_kickstart(kickstart, report)
    url = repository(plan, boot_facts().get("source"))
    TARGET.mkdir(parents=True, exist_ok=True)
    disk = prepare(plan, TARGET)
    report("partitioned", disk=disk.device, volumes=len(disk.volumes))
    fill_root(plan, url, TARGET, report)
    install_bootloader(disk, plan.append)
    report("bootloader", disk=disk.device)
    release(disk)
    report("complete", end=plan.end)
    return plan.end


def main() -> int:
    report = machine_reporter()
    report("stage2")
    try:
        action = install_machine(report)
    except InstallError as exc:
        report("failed", reason=exc)
        action = "poweroff"
    except Exception as exc:  # whatever it is, the machine must end with a reason
        traceback.print_exc()
        report("failed", reason=f"{type(exc).__name__}: {exc}")
        action = "poweroff"
    (STATE / "action").write_text(action, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
