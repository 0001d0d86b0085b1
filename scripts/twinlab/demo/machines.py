"""The demo's two machines: how each is started, and what its report lines tell.

Both run the installer stand-in (tests/standin): one in a virtual machine that really boots over the
network, one in a container. Their lines look the same: `standin: event=NAME key=value ...`.
"""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from twinlab.demo.timeline import Timeline
from twinlab.faults import cable
from twinlab.host import client, wait
from twinlab.host.client import Client
from twinlab.host.engine import LabError, docker_popen
from twinlab.lab import Lab
from twinlab.measure.meter import Meter

REPORT = re.compile(r"(?:standin|judge): (event=.*)$")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x00]")
HIDDEN_REPORTS = {
    "package",
    "sizes",
    "configured",
    "script",
    "boot-file",
    "network",
    "downloaded",
    "kickstart",
}


def parse_report(line: str) -> dict[str, str] | None:
    """The fields of a report line, or None for any other line."""
    match = REPORT.search(ANSI.sub("", line.rstrip()))
    if match is None:
        return None
    try:
        words = shlex.split(match[1])
    except ValueError:
        words = match[1].split()
    return dict(word.split("=", 1) for word in words if "=" in word)


@dataclass
class Machine:
    """One machine that installs, its log and the bytes it gets."""

    name: str
    container: Client
    meter: Meter
    timeline: Timeline
    events: dict[str, dict[str, str]] = field(default_factory=dict)
    """Last report of each kind."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    over: bool = False

    def follow(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        process = docker_popen("logs", "--follow", self.container.container)
        assert process.stdout is not None
        for line in process.stdout:
            fields = parse_report(line)
            if fields is None:
                continue
            event = fields.pop("event")
            with self.changed:
                fresh = self.events.get(event) != fields
                self.events[event] = fields
                self.changed.notify_all()
            if fresh and (event not in HIDDEN_REPORTS):
                self.timeline.line(self.name, describe(event, fields))
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def has(self, event: str) -> bool:
        return event in self.events

    def wait_for(self, event: str, what: str = "", *, timeout_s: float) -> None:
        """Wait for a report; raise when the machine fails or stops before it."""
        what = what or f"'{event}'"

        def alive() -> None:
            if self.failed or (self.over and not self.has(event)):
                why = self.failed or "its machine stopped"
                raise LabError(f"{self.name} ended before {what}: {why}\n{self.container.logs()[-3000:]}")

        wait.until(
            lambda: self.has(event), f"{self.name}: {what}", timeout_s=timeout_s, every_s=0.1, alive=alive
        )  # fmt: skip

    @property
    def failed(self) -> str | None:
        said = self.events.get("failed")
        return said.get("reason", "no reason given") if said else None

    @property
    def done(self) -> bool:
        return self.has("complete") or self.failed is not None or self.over


def describe(event: str, fields: Mapping[str, str]) -> str:
    """A report in plain words."""
    texts = {
        "dhcp": "has the address {address} from {server}",
        "tftp": "has {file} by TFTP from {server}",
        "stage1": "installer started, source {source}",
        "stage2": "the installer's second stage runs",
        "kickstart-fetched": "has its kickstart file {url}",
        "stage2-fetch": "fetches the installer's second stage",
        "stage2-fetched": "has the second stage",
        "partitioned": "disk partitioned",
        "install-start": "downloads {packages} packages, {bytes} bytes",
        "package-retry": "fetches {name} again: {reason}",
        "install-done": "{packages} packages installed",
        "verified": "verified {packages} packages, {bytes} bytes, {files} files",
        "bootloader": "disk made bootable",
        "complete": "INSTALL COMPLETE",
        "failed": "FAILED: {reason}",
        "first-boot": "the installed system booted from its own disk: {host}",
    }
    try:
        return texts[event].format_map(dict(fields))
    except KeyError:
        return " ".join([event, *(f"{key}={value}" for key, value in fields.items())])


def virtual(
    lab: Lab, host: str, timeline: Timeline, macs: Mapping[str, str], rate: str, **settings: str
) -> Machine:
    """A virtual machine, switched on: firmware, DHCP, TFTP, kernel, installer, disk."""
    return _plugged(lab, host, lab.boot(host, **settings), timeline, macs, rate)


def contained(
    lab: Lab, host: str, timeline: Timeline, macs: Mapping[str, str], rate: str, *, image: str
) -> Machine:
    """A container that plays the same install with the same code."""
    mac = str(lab.site["hosts"][host]["mac"])
    held = client.start(lab.layout, name=f"machine-{host}", image=image, mac=mac)
    return _plugged(lab, host, held, timeline, macs, rate)


def _plugged(
    lab: Lab, host: str, container: Client, timeline: Timeline, macs: Mapping[str, str], rate: str
) -> Machine:
    """The machine on a cable of this rate, metered and followed."""
    cable.limit(container.container, "eth0", rate)
    machine = Machine(host, container, Meter(lab.layout, container, macs), timeline)
    machine.follow()
    return machine
