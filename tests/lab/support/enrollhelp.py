"""Machines that get an entry by `scripts/twinboot enroll`, as an operator calls it on a server of the lab."""

from __future__ import annotations

import json
from typing import Any

from twinlab import Lab
from twinlab.host.engine import Result
from twinlab.host.labsite import ROOT
from twinlab.host.server import Server

FILE = "/opt/twinboot/config/site.yaml"
_SCRIPTS = ("twinboot", "hosts.sh", "settings.sh")


def put_scripts(lab: Lab) -> None:
    """A server of the lab has compose/ and config/ alone."""
    for server in lab.servers.values():
        for name in _SCRIPTS:
            text = (ROOT / "scripts" / name).read_text()
            script = f"mkdir -p /opt/twinboot/scripts && cat >\"$0\" <<'END'\n{text}END\n"
            server.exec("sh", "-c", script, f"/opt/twinboot/scripts/{name}")
        server.exec("chmod", "0755", "/opt/twinboot/scripts/twinboot")


def twinboot(server: Server, *words: str, stdin: str = "") -> Result:
    """`scripts/twinboot WORDS` on the server."""
    script = f"cd /opt/twinboot && scripts/twinboot \"$@\" <<'EOF'\n{stdin}EOF"
    return server.exec("sh", "-c", script, "sh", *words, check=False, timeout_s=180)


def unknown(server: Server) -> dict[str, dict[str, Any]]:
    """Machines without an entry, by MAC."""
    said = server.sidecar("twinboot", "machines", "--unknown", "--json", check=False)
    return {one["mac"]: one for one in json.loads(said.out)} if said.ok else {}


def exported(server: Server) -> dict[str, dict[str, Any]]:
    """The hosts of the site in use, by name."""
    said = server.sidecar("twinboot", "hosts", "export", "--json").out
    return {one["name"]: one for one in json.loads(said)}
