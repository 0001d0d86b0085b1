"""Debian's own programs as trees: its netboot archive, with real shim, GRUB and kernel, and others.

Owns the trees' folders (tests/debian builds them) and what of a site lets hosts boot the netboot archive. The
installer in it is never asked to install anything: its kernel's first lines on the console are what is looked
for.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twinlab.host.engine import LabError
from twinlab.host.labsite import ROOT

TREE = "netboot"
DEBIAN = {"x64": "amd64", "arm64": "arm64"}
"""Debian's names of architectures."""


def build_netboot(say: Callable[[str], None], architecture: str = "x64") -> Path:
    """Build what is missing (half a minute the first time); see build_trees()."""
    target = TREE if architecture == "x64" else f"{TREE}-{architecture}"
    return build_trees(target, f"Debian's netboot archive for {architecture}", say)


def build_trees(target: str, what: str, say: Callable[[str], None]) -> Path:
    """Build what is missing; a folder of trees: that of the target, and few files in the place of the
    examples' tree. target: of tests/debian/build.sh."""
    say(what)
    command = (str(ROOT / "tests/debian/build.sh"), target)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"building {target} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    folder = ROOT / "build" / target
    boot = folder / "rh9/images/pxeboot"
    boot.mkdir(parents=True, exist_ok=True)
    for name in ("vmlinuz", "initrd.img"):
        (boot / name).write_bytes(b"none")
    (folder / "rh9/.treeinfo").write_text("[general]\nname = placeholder\n")
    return folder


def inside(architecture: str = "x64") -> str:
    """The folder of the tree with all that a machine loads."""
    return f"debian-installer/{DEBIAN[architecture]}"


def site_patch(hosts: Mapping[str, Mapping[str, Any]], architecture: str = "x64") -> dict[str, Any]:
    """What turns an example into a site with hosts that boot that tree. hosts: what else is to be said of
    each."""
    folder = inside(architecture)
    tree = {"path": TREE, "kernel": f"{folder}/linux", "initrd": f"{folder}/initrd.gz"}
    # the console of an arm64 machine begins late without it
    early = ["earlycon"] if architecture == "arm64" else []
    # RHEL6: its arguments say least to an installer that is none of Red Hat's
    profile = {
        "tree": TREE, "version": "RHEL6", "method": "http", "prompt": False,
        "kernel_args": ["priority=critical", "DEBIAN_FRONTEND=text", "TERM=dumb", *early],
        "console": {"device": "ttyAMA0" if architecture == "arm64" else "ttyS0"},
    }  # fmt: skip
    return {
        "trees": {TREE: tree},
        "profiles": {TREE: profile},
        "hosts": {host: {**said, "profile": TREE} for host, said in hosts.items()},
    }
