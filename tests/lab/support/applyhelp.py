"""The site of a lab that is changed by `twinboot apply`."""

from __future__ import annotations

from typing import Any

import yaml
from twinlab import Lab
from twinlab.host.engine import Result
from twinlab.host.labsite import dump
from twinlab.host.server import Server
from twinlab.host.wait import until

FILE = "/opt/twinboot/config/site.yaml"


def site_on(server: Server) -> dict[str, Any]:
    """The site that is in use there."""
    site: dict[str, Any] = yaml.safe_load(server.sidecar("twinboot", "site").out)
    return site


def write(server: Server, site: dict[str, Any]) -> None:
    server.exec("sh", "-c", f"cat > {FILE} <<'EOF'\n{dump(site)}EOF")


def apply(server: Server, *options: str) -> Result:
    return server.sidecar("twinboot", "apply", "--yes", *options, check=False)


def numbers(lab: Lab) -> dict[str, int | None]:
    return {name: view and view["site"]["number"] for name, view in lab.status().items()}


def boots(lab: Lab) -> dict[str, str | None]:
    return {name: view and view["boot"] for name, view in lab.status().items()}


def wait_settled(lab: Lab) -> None:
    """Each group has one holder, and every server works by the same site."""
    def same() -> bool:
        found = set(numbers(lab).values())
        return len(found) == 1 and None not in found

    until(same, "all servers to work by one site", timeout_s=60)
    lab.wait_owned()
