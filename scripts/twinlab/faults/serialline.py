"""The serial lines of a lab: which the site has, the container that is their cables, pulled and plugged.

In each server a pseudo-terminal stands for the port (compose/lab/server/lab-server makes it); a socket in
a volume that the servers share joins it to the cable, which is inside/serial_cables.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twinlab.host.client import INSIDE
from twinlab.host.engine import CommandError, docker, names
from twinlab.host.images import CLIENT_IMAGE
from twinlab.host.layout import LABEL, Layout
from twinlab.host.shell import ask

LINES = "/lines"
_SPEED = 115_200


def ports(server: Mapping[str, Any]) -> dict[str, str]:
    """The serial ports of a server of the site: device by link."""
    links = (server.get("links") or {}).items()
    return {name: link["device"] for name, link in links if (link or {}).get("kind") == "serial"}


def cables(site: Mapping[str, Any]) -> list[str]:
    """Every cable as serial_cables.py takes it: link, speed and the servers at its ends."""
    ends: dict[str, list[str]] = {}
    speeds: dict[str, int] = {}
    for name, server in site["servers"].items():
        for link in ports(server):
            ends.setdefault(link, []).append(name)
            speeds[link] = int(server["links"][link].get("speed", _SPEED))
    return [":".join((link, str(speeds[link]), *servers)) for link, servers in ends.items()]


def lay(layout: Layout, site: Mapping[str, Any]) -> None:
    """Start the cables, before the servers that plug into them."""
    laid = cables(site)
    if laid:
        label = f"{LABEL}={layout.name}"
        docker("volume", "create", "--label", label, _volume(layout.name))
        docker(
            "run", "-d", "--name", _container(layout.name), "--label", label, "--network", "none",
            "-v", f"{_volume(layout.name)}:{LINES}", "-v", f"{INSIDE}:/lab:ro",
            CLIENT_IMAGE, "/lab/serial_cables.py", LINES, *laid,
        )  # fmt: skip


def server_options(layout: Layout, server: Mapping[str, Any]) -> list[str]:
    """Options for the container of a server: its ends of the cables."""
    mine = ports(server)
    if not mine:
        return []
    text = " ".join(f"{link}={device}" for link, device in mine.items())
    return ["-v", f"{_volume(layout.name)}:{LINES}", "--env", f"SERIAL_PORTS={text}"]


def plug(name: str, links: Mapping[str, str], *, up: bool) -> None:
    """Pull or plug these cables of the lab."""
    files = [f"{LINES}/{link}.cut" for link in links]
    if files and _container(name) in names("container", f"{LABEL}={name}"):
        done = ask(_container(name), f"{'rm -f' if up else 'touch'} {' '.join(files)}")
        if not done.ok:
            raise CommandError(done)


def _container(name: str) -> str:
    return f"{name}-cables"


def _volume(name: str) -> str:
    return f"{name}-lines"
