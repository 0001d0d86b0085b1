"""Answers of Subiquity read as cloud-init reads them, and its scripts run on a machine to be.

Sources: Subiquity's "Autoinstall configuration reference manual", cloud-init's write_files and bootcmd.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kickstart_pre import Machine
from rendering import document, rendered
from twinboot.render import Rendered
from twinboot.site import Site, parse

HEAD = "#cloud-config\n"


def ubuntu(profile: str = "noble", **values: Any) -> Site:
    """The example site with a bare profile in the place of this one."""
    changed = document("autoinstall")
    version = changed["profiles"][profile]["version"]
    changed["profiles"][profile] = {
        "tree": profile, "installer": "autoinstall", "version": version, **values
    }  # fmt: skip
    return parse(changed)


def file_of(files: Rendered, name: str, file: str = "user-data") -> str:
    """As a machine gets it that may have it."""
    path = f"answers/autoinstall/{name}/{file}"
    return next(text for place, text in files.pub.items() if place.endswith(path))


def told(site: Site, name: str = "odd", **options: Any) -> dict[str, Any]:
    """The whole cloud-config."""
    text = file_of(rendered(site, **options), name)
    assert text.startswith(HEAD), "cloud-init goes by the first line"
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def autoinstall(site: Site, name: str = "odd", **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = told(site, name, **options)["autoinstall"]
    return found


def written(config: Mapping[str, Any]) -> dict[str, str]:
    """The scripts that cloud-init writes, by name."""
    return {Path(one["path"]).stem: one["content"] for one in config["write_files"]}


@dataclass
class Live:
    """The live system on a machine to be: its folders are below the machine's."""

    machine: Machine
    cmdline: str = ""
    said: str = field(default="", init=False)

    def boot(self, config: Mapping[str, Any]) -> bool:
        """What cloud-init does before Subiquity: False, if it comes to no end."""
        for name, text in written(config).items():
            path = self.machine.top / f"run/twinboot/{name}.sh"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._moved(text))
        for one in config.get("bootcmd", ()):
            done = self._run(self._moved(one).replace("while :; do sleep 60; done", "exit 7"))
            if done.returncode:
                assert done.returncode == 7
                return False
        return True

    def early(self, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """What Subiquity reads after the early commands; None: one of them has failed, and the install ends
        here."""
        path = self.machine.top / "autoinstall.yaml"
        path.write_text(yaml.safe_dump(config["autoinstall"]))
        (self.machine.top / "cmdline").write_text(self.cmdline)
        for one in config["autoinstall"]["early-commands"]:
            done = self._run(self._moved(one))
            self.said += done.stdout + done.stderr
            if done.returncode:
                return None
        read: dict[str, Any] = yaml.safe_load(path.read_text())
        return read

    def late(self, config: Mapping[str, Any]) -> None:
        """curtin's in-target shows what it would have run in the new system."""
        target = self.machine.top / "target/root"
        target.mkdir(parents=True)
        self.machine.program("curtin", f'echo "$*" >>{target}/asked\ncp {target}/*.sh {self.machine.top}')
        for one in config["autoinstall"]["late-commands"]:
            assert self._run(self._moved(one)).returncode == 0

    def failed(self, config: Mapping[str, Any]) -> None:
        """The install has failed."""
        for one in config["autoinstall"]["error-commands"]:
            self._run(self._moved(one))

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.machine.servers()}:/usr/bin:/bin"
        return subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=30, env={"PATH": path}
        )

    def _moved(self, text: str) -> str:
        top = self.machine.top
        for place in ("/run/twinboot", "/autoinstall.yaml", "/target/root", "/var/log/installer"):
            text = text.replace(place, f"{top}{place}")
        return self.machine.moved(text).replace("[ ! -b ", "[ -z ").replace("/proc/cmdline", f"{top}/cmdline")
