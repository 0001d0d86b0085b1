"""The few settings of a kickstart that are plain files of the installed system."""

from __future__ import annotations

import platform
from pathlib import Path

from standin.kickstart import Plan
from standin.verify import Proof

MANIFEST = "etc/standin/installed.sha256"  # read by the installed system at its first boot


def write_settings(plan: Plan, root: Path) -> str:
    """Host name, language, time zone and a locked root; returns the host name."""
    node = platform.node()
    host = plan.hostname or (node if node not in {"", "(none)", "localhost"} else "standin")
    etc = root / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "hostname").write_text(f"{host}\n", encoding="ascii")
    (etc / "shadow").write_text("root:!locked::0:99999:7:::\n", encoding="ascii")
    (etc / "shadow").chmod(0o600)
    if plan.lang:
        (etc / "locale.conf").write_text(f"LANG={plan.lang}\n", encoding="ascii")
    if plan.timezone:
        (etc / "localtime").unlink(missing_ok=True)
        (etc / "localtime").symlink_to(f"../usr/share/zoneinfo/{plan.timezone}")
    return host


def write_manifest(proof: Proof, root: Path) -> None:
    """The digests that the first boot checks again."""
    path = root / MANIFEST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{found}  {name}\n" for found, name in proof.installed), encoding="utf-8")
