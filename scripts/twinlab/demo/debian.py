"""A whole Debian for the demo and the tests: its tree on this machine, what a site says of it, its reports.

Kernel, loaders, installer and packages are Debian's own (tests/debian, target `system`), the answers
Twinboot's. The installer's log goes to the console, and the new system reports there when it has started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twinlab.demo.machines import Machine
from twinlab.demo.proof import Proofs
from twinlab.host import netboot

TREE = "debian13"
MACHINE = {"BOOT": "auto", "DISK_MB": "12288"}
"""partman's recipe `atomic` wants 9 GB; on smaller disks it takes another one."""
PACKAGES = 120
"""A system with fewer is not whole."""
_SAID = 'who=judge; echo "$who: event={}" >/dev/console'
"""The installer's log holds each command, too: as it stands here, that is no report."""
_EARLY = (
    # the installer's log, without the descriptors that its debconf waits for
    "tail -n +1 -f /var/log/syslog >/dev/console 2>&1 </dev/null 3>&- & "
    + _SAID.format("preseeded")
)
_POST = """\
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


def build_debian(say: Callable[[str], None]) -> Path:
    """Build what is missing (two minutes the first time); the folder of trees."""
    what = "Debian 13's installer and the packages of a small system (two minutes the first time)"
    return netboot.build_trees("system", what, say)


def debs_size(trees: Path) -> int:
    """Bytes of all packages of the tree, those for the other firmware, too."""
    return sum(one.stat().st_size for one in (trees / TREE / "pool").rglob("*.deb"))


def site_patch(host: str) -> dict[str, Any]:
    """What turns the example into a site that installs Debian on one machine."""
    profile = {
        "tree": TREE, "installer": "preseed", "version": "debian13", "prompt": False, "post": _POST,
        "packages": ["openssh-server", "sudo"],
        "kernel_args": ["DEBIAN_FRONTEND=text", "TERM=dumb", "ipv6.disable=1"],
        "console": {"device": "ttyS0"},
        "preseed": [
            f"d-i preseed/early_command string {_EARLY}",
            f"d-i partman/early_command string {_SAID.format('partitioning')}",
            f"d-i preseed/late_command string {_SAID.format('complete')}",
            "d-i base-installer/kernel/image select linux-image-cloud-amd64",
        ],
    }  # fmt: skip
    return {
        "trees": {TREE: {"path": TREE}},
        "profiles": {TREE: profile},
        "hosts": {host: {"profile": TREE, "static": True}},
    }


def judge(proofs: Proofs, machine: Machine, site: Mapping[str, Any]) -> None:
    """What the new system said of itself when it had booted from its disk."""
    said = machine.events.get("first-boot", {})
    wanted = {
        "host": machine.name, "changed": "0", "method": "static", "root": "*",
        "address": str(site["hosts"][machine.name]["address"]),
    }  # fmt: skip
    what = {
        "host": "the new system's name", "changed": "files that differ from their packages (dpkg --verify)",
        "method": "its network", "root": "root's password", "address": "its address",
    }  # fmt: skip
    complete = machine.has("complete") and machine.failed is None
    proofs.row(f"{machine.name}: install", "complete" if complete else "not complete", "complete", complete)
    packages = said.get("packages", "-")
    enough = packages.isdigit() and int(packages) > PACKAGES
    proofs.row("packages installed", packages, f"more than {PACKAGES}", enough)
    for key, value in wanted.items():
        seen = said.get(key, "-").partition("/")[0]
        proofs.row(what[key], seen, value, seen == value)
