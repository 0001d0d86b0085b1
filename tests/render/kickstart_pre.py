"""A machine to be: folders as below /sys, and the %pre scripts of a kickstart run on it by the host's sh."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from pykickstart.constants import KS_SCRIPT_PRE
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
from twinboot.installers.kickstart.disks import INCLUDED
from twinboot.installers.reporting import WATCH

GIB = 2 * 1024 * 1024
"""In the 512-byte sectors of /sys/block/*/size."""


@dataclass
class Machine:
    """Cards: interface -> address. Disks: name -> (folder below /sys/devices, size in GiB, other files)."""

    top: Path
    cards: dict[str, str] = field(default_factory=dict)
    uuid: str = ""
    answer: str = "go"

    def __post_init__(self) -> None:
        (self.top / "sys/block").mkdir(parents=True)
        for name, address in self.cards.items():
            self._write(f"sys/class/net/{name}/address", address)
        if self.uuid:
            self._write("sys/class/dmi/id/product_uuid", self.uuid)

    def _write(self, path: str, text: str) -> None:
        (self.top / path).parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).write_text(f"{text}\n")

    def disk(self, name: str, place: str, gib: int = 10, **files: str) -> None:
        """A disk at a place of the hardware. transport: of its NVMe controller."""
        controller = f"sys/devices/{place}"
        values = {"size": str(gib * GIB), "ro": "0", "removable": "0", **files}
        transport = values.pop("transport", None)
        for key, value in values.items():
            self._write(f"{controller}/block/{name}/{key}", value)
        if transport:
            self._write(f"{controller}/transport", transport)
        block = self.top / controller / "block" / name
        (block / "device").symlink_to(self.top / controller)
        (self.top / "sys/block" / name).symlink_to(block)

    def run(self, kickstart: str, version: str = "RHEL9") -> tuple[int, str]:
        """Every %pre of it, until one fails: the code, and what they said."""
        handler = makeVersion(version)
        KickstartParser(handler, missingIncludeIsFatal=False).readKickstartFromString(kickstart)
        said = ""
        for script in handler.scripts:
            if script.type == KS_SCRIPT_PRE:
                assert script.errorOnFail
                done = subprocess.run(
                    ["sh", "-c", self.moved(script.script)], capture_output=True, text=True, timeout=30,
                    env={**os.environ, "PATH": f"{self.servers()}:{os.environ['PATH']}"},
                )
                said += done.stdout + done.stderr
                if done.returncode:
                    return done.returncode, said
        return 0, said

    def servers(self) -> Path:
        """A folder with the programs of program(), and a curl that reaches install servers that say `answer`,
        and notes what it asked."""
        note = f'for url; do :; done\necho "$url" >>{self.top}/asked'
        self.program("curl", f'{note}\necho "{self.answer}"')
        return self.top / "bin"

    def program(self, name: str, text: str) -> None:
        """A program of the installer's, for sh."""
        path = self.top / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        """What was asked of the install servers."""
        path = self.top / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def installer_reads(self, kickstart: str, version: str = "RHEL9") -> KickstartParser:
        """What pykickstart makes of it after %pre, as Anaconda reads it the second time."""
        code, said = self.run(kickstart, version)
        assert code == 0, said
        handler = makeVersion(version)
        KickstartParser(handler, errorsAreFatal=True).readKickstartFromString(self.moved(kickstart))
        return handler

    def moved(self, text: str) -> str:
        return (
            text.replace(WATCH, "")  # it would go on after the test
            .replace("/sys/", f"{self.top}/sys/")
            .replace(f"/proc{self.top}/sys/", "/proc/sys/")
            .replace(INCLUDED, f"{self.top}/disks")
            .replace("/tmp/twinboot-report", f"{self.top}/twinboot-report")
            .replace("/dev/console", f"{self.top}/console")
        )
