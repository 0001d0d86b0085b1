"""The installer stand-in as the demo needs it: its tree on this machine, its image as a client."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from twinlab.demo.machines import Machine
from twinlab.demo.proof import Proofs
from twinlab.host.build import TREES
from twinlab.host.engine import LabError
from twinlab.host.images import VERSION
from twinlab.host.labsite import ROOT


def client_image() -> str:
    """The image that plays a machine in a container."""
    return f"twinboot-test/client-install:{VERSION}"


def build_standin(say: Callable[[str], None]) -> Path:
    """Build what is missing (a minute the first time, seconds afterwards); the folder of trees."""
    say("the installer stand-in and its tree (a minute or two the first time)")
    done = subprocess.run([str(ROOT / "tests/standin/build.sh")], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"building the stand-in failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return TREES


def expected(trees: Path = TREES) -> tuple[int, int, str]:
    """Packages, bytes and digest of the tree's manifest: what a complete install must report.

    The digest is that of the manifest's lines of packages: `grep ' Packages/' SHA256SUMS | sha256sum`.
    """
    tree = trees / "rh9"
    manifest = (tree / "SHA256SUMS").read_text().splitlines(keepends=True)
    lines = [line for line in manifest if "  Packages/" in line]
    size = sum((tree / line.split("  ", 1)[1].strip()).stat().st_size for line in lines)
    return len(lines), size, hashlib.sha256("".join(lines).encode()).hexdigest()


def judge(proofs: Proofs, machine: Machine) -> None:
    """Every package of the tree was compared with the tree's own list."""
    packages, size, digest = expected()
    seen = machine.events.get("verified", {})
    complete = machine.has("complete") and machine.failed is None
    said = machine.failed or ("complete" if complete else "not complete")
    proofs.row(f"{machine.name}: install", said, "complete", complete)
    for what, key, wanted in (("packages", "packages", str(packages)), ("bytes", "bytes", str(size))):
        proofs.row(f"{machine.name}: {what}", seen.get(key, "-"), wanted, seen.get(key) == wanted)
    got = seen.get("sha256", "-")
    proofs.row(f"{machine.name}: SHA-256 of all packages", got[:16], digest[:16], got == digest)
