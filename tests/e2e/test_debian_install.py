"""Debian 13 installs itself from Debian's own packages, while its server dies, and boots from its disk.

QEMU with its own firmware; kernel, loaders, installer and packages are Debian's (tests/debian, target
`system`), the answers Twinboot's. Judges: every step is the installer's own (nobody answers a question), and
dpkg of the installed system, which compares every file with its package.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from twinlab import Lab
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.timeline import Timeline
from twinlab.host import images, testlab
from twinlab.host.labsite import ROOT
from twinlab.host.wait import until

HOST, HOME, TAKER = "cli129", "server1", "server2"
TREE = "debian13"
TREES = ROOT / "build/system"
MACHINE = {"BOOT": "auto", "DISK_MB": "12288"}
"""partman's recipe `atomic` wants 9 GB; on smaller disks it takes another one."""
BOOT_S, INSTALL_S = 900.0, 3600.0
POST = """\
cat >/usr/local/sbin/report <<'END'
changed=$(dpkg --verify | grep -vc ' c /')
packages=$(dpkg-query --show | wc -l)
address=$(ip -4 -o addr show scope global | sed 's/.* inet //; s/ .*//')
method=$(sed -n 's/^iface e.* inet //p' /etc/network/interfaces)
echo "judge: event=first-boot host=$(hostname) packages=$packages changed=$changed" \\
    "address=$address method=$method root=$(getent shadow root | cut -d: -f2)" >/dev/console
END
cat >/etc/systemd/system/report.service <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /usr/local/sbin/report
[Install]
WantedBy=multi-user.target
END
systemctl enable report.service
"""
EARLY = (
    # the installer's log, without the descriptors that its debconf waits for
    "tail -n +1 -f /var/log/syslog >/dev/console 2>&1 </dev/null 3>&- & "
    'echo "judge: event=preseeded" >/dev/console'
)
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"debian: {text}", flush=True)


@pytest.fixture(scope="module")
def trees() -> Path:
    """The tree, and few files in the place of the example's."""
    subprocess.run([str(ROOT / "tests/debian/build.sh"), "system"], check=True, cwd=ROOT, timeout=3600)
    boot = TREES / "rh9/images/pxeboot"
    boot.mkdir(parents=True, exist_ok=True)
    for name in ("vmlinuz", "initrd.img"):
        (boot / name).write_bytes(b"none")
    (TREES / "rh9/.treeinfo").write_text("[general]\nname = placeholder\n")
    images.ensure(say)
    return TREES


def site() -> dict[str, Any]:
    """What turns the example into a site that installs Debian on one machine."""
    profile = {
        "tree": TREE, "installer": "preseed", "version": "debian13", "prompt": False, "post": POST,
        "packages": ["openssh-server", "sudo"],
        "kernel_args": ["DEBIAN_FRONTEND=text", "TERM=dumb", "ipv6.disable=1"],
        "console": {"device": "ttyS0"},
        "preseed": [
            f"d-i preseed/early_command string {EARLY}",
            'd-i partman/early_command string echo "judge: event=partitioning" >/dev/console',
            'd-i preseed/late_command string echo "judge: event=complete" >/dev/console',
            "d-i base-installer/kernel/image select linux-image-cloud-amd64",
        ],
    }  # fmt: skip
    return {
        "trees": {TREE: {"path": TREE}},
        "profiles": {TREE: profile},
        "hosts": {HOST: {"profile": TREE, "static": True}},
    }


@contextmanager
def reported(lab: Lab) -> Iterator[None]:
    """A failure inside comes with the report of every server."""
    try:
        yield
    except BaseException:
        print(lab.report())
        raise


@pytest.mark.parametrize("firmware", ["bios", "uefi-secure"])
def test_debian_installs_itself(trees: Path, firmware: str) -> None:
    with ExitStack() as stack:
        lab = Lab(testlab.name("debian-install"), say)
        lab.down()
        stack.callback(lab.down)
        stack.enter_context(reported(lab))
        lab.up(trees=trees, patch=site())
        macs = {server.mac: name for name, server in lab.servers.items()}
        start = time.monotonic()
        machine = virtual(lab, HOST, Timeline(), macs, "200mbit", firmware=firmware, **MACHINE)
        stack.callback(machine.container.remove)
        stack.callback(machine.meter.stop)
        stack.callback(lambda: print(machine.container.logs()[-6000:]))
        machine.wait_for("preseeded", "its answers", timeout_s=BOOT_S)
        say(f"{firmware}: answers after {time.monotonic() - start:.0f} s")
        strike(lab, machine, trees)
        say(f"{firmware}: all is installed after {time.monotonic() - start:.0f} s")
        machine.wait_for("first-boot", "the new system", timeout_s=BOOT_S)
        found = machine.events["first-boot"]
        say(f"{firmware}: first boot after {time.monotonic() - start:.0f} s, {found}")
        assert found["host"] == HOST
        assert found["changed"] == "0", "every file is as its package has it"
        assert int(found["packages"]) > 120
        assert found["address"].partition("/")[0] == lab.site["hosts"][HOST]["address"]
        assert found["method"] == "static"
        assert found["root"] == "*"


def strike(lab: Lab, machine: Machine, trees: Path) -> None:
    """Power off at a random moment, and on again in the midst of it, until all is installed."""
    before = machine.meter.total
    size = sum(one.stat().st_size for one in (trees / TREE / "pool").rglob("*.deb"))
    share = random.uniform(0.05, 0.6)
    until(lambda: machine.meter.total - before > share * size or machine.done,
          f"{share:.0%} of the packages", timeout_s=INSTALL_S, every_s=0.05)  # fmt: skip
    assert not machine.done, "all came before the fault"
    with lab.fault("power-off", HOME):
        say(f"power off after {share:.0%} of the packages")
        lab.wait_owned({"first": TAKER, "second": TAKER})
        machine.wait_for("complete", "the installer's last step", timeout_s=INSTALL_S)
