"""A site file that was edited on one server only, and brought into force there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import yaml

from twinlab.faults.scene import Scene
from twinlab.host.server import COMPOSE_DIR, Server

FILE = f"{COMPOSE_DIR}/../config/site.yaml"
KEPT = "/run/lab-site.yaml"
"""The file as it was; heal.sh puts it back."""
Site = dict[str, Any]


def _last(address: str, number: int) -> str:
    return f"{str(address).rpartition('.')[0]}.{number}"


def _without_the_other(site: Site, me: str) -> None:
    """Another one stands in its place, for a site has two servers at least."""
    gone = next(name for name in site["servers"] if name != me)
    absent = site["servers"].pop(gone)
    absent["address"] = _last(absent["address"], 249)
    for link in absent.get("links", {}).values():
        if link and "address" in link:
            link["address"] = _last(link["address"], 9)
    site["servers"]["absent"] = absent
    for group in site["groups"].values():
        group["order"] = ["absent" if name == gone else name for name in group["order"]]


def _dhcpd_moved(site: Site, _: str) -> None:
    first, second, *_ = site["groups"].values()
    moved, kept = first.pop("services", []), second.pop("services", [])
    first.update({"services": kept} if kept else {})
    second["services"] = moved


def _order_reversed(site: Site, _: str) -> None:
    for group in site["groups"].values():
        group["order"].reverse()


def _address_changed(site: Site, _: str) -> None:
    group = next(iter(site["groups"].values()))
    network, _, last = str(group["address"]).rpartition(".")
    group["address"] = f"{network}.{int(last) - 20}"


def _timers_changed(site: Site, _: str) -> None:
    """Heartbeats so rare that the other's deadtime is over before the next one."""
    site.setdefault("heartbeat", {}).setdefault("timers", {}).update(
        interval_s=1.5, warntime_s=3.5, deadtime_s=5.0, address_lifetime_s=10.0, initdead_s=6.0)


def _host_added(site: Site, _: str) -> None:
    site["hosts"]["added"] = {**next(iter(site["hosts"].values())), "mac": "52:54:00:be:ef:01"}
    free = next(iter(site["hosts"].values()))["address"].rpartition(".")[0]
    site["hosts"]["added"]["address"] = f"{free}.240"


EDITS: dict[str, Callable[[Site, str], None]] = {
    "server-deleted": _without_the_other,
    "dhcpd-moved": _dhcpd_moved,
    "order-reversed": _order_reversed,
    "address-changed": _address_changed,
    "timers-changed": _timers_changed,
    "host-added": _host_added,
}


def edit(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    site = yaml.safe_load(server.exec("cat", FILE).out)
    server.exec("sh", "-c", f"[ -e {KEPT} ] || cp {FILE} {KEPT}")
    EDITS[arguments[0]](site, server.name)
    text = yaml.safe_dump(site, sort_keys=False)
    server.exec("sh", "-c", f"cat >{FILE} <<'EOF'\n{text}EOF")
    take_file(server)


def take_file(server: Server) -> None:
    """Forget the site that was applied, and start with the file: what `apply` spares an operator."""
    server.compose("run", "--rm", "--no-deps", "-T", "sidecar", "forget-site")
    server.compose("up", "-d")
