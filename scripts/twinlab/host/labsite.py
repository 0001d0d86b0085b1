"""The site a lab runs: an example of the repository, with small changes made through YAML.

Owns those changes: the console of virtual machines, shorter waits, a serial line between the first two
servers, more or fewer servers than the example's two, and the move to other networks. Everything else is
the example's own text, so that the examples are what is tested.
"""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml

from twinlab.host.engine import LabError

ROOT = Path(__file__).resolve().parents[3]
DEFAULT_SITE = ROOT / "config/examples/parity.yaml"
PATCH: Mapping[str, Any] = {
    # long enough for a test to look at the other state, short enough not to wait for
    "heartbeat": {"timers": {"failback_delay_s": 3.0}},
}
# not in the examples: an operator without that cable would have an alarm for ever
SERIAL_LINK = {"kind": "serial", "device": "/dev/ttyS0"}
CONSOLE = "console=ttyS0"  # the only console that a virtual machine of the lab has


class _Loader(yaml.SafeLoader):
    """Scalars as Twinboot's loader reads them: 52:54:00:00:01:28 is text, not a number in base 60."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's own hook


for _tag, _pattern in (
    ("int", r"[-+]?(0|[1-9][0-9]*)"),
    ("float", r"[-+]?[0-9]+\.[0-9]*"),
    ("bool", r"true|false"),
    ("null", r"~|null|"),
):
    _rule = re.compile(f"(?:{_pattern})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _rule, None)


def read(path: Path) -> dict[str, Any]:
    """The YAML mapping in this file."""
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as exc:
        raise LabError(f"cannot read the site file: {exc}") from exc
    except yaml.YAMLError as exc:
        raise LabError(f"{path} is not YAML: {exc}") from exc
    if not isinstance(value, dict) or not value.get("servers") or not value.get("subnets"):
        raise LabError(f"{path} is not a site file: it has no servers or no subnets")
    return value


def merge(base: Any, patch: Any) -> Any:
    """`base` with the mappings of `patch` laid over it, at every depth; None takes a key away, as in a JSON
    merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(base) if isinstance(base, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def with_servers(site: dict[str, Any], count: int) -> dict[str, Any]:
    """The site with this many servers: more are made after the pattern of the first, or the last go."""
    site = copy.deepcopy(site)
    servers: dict[str, Any] = site["servers"]
    for name in list(servers)[count:]:
        del servers[name]
    pattern = next(iter(servers.values()))
    for number in range(len(servers) + 1, count + 1):
        made = copy.deepcopy(pattern)
        # server1 has .251 and server2 .252 in the examples, the groups .253 and .254: go down from .250
        made["address"] = str(IPv4Address(pattern["address"]) - (number - 2))
        links = made.get("links") or {}
        for cable in [name for name, link in links.items() if _serial(link)]:
            del links[cable]  # it has two ends already
        for link in links.values():
            if link.get("address") and link["address"] != pattern["address"]:
                link["address"] = str(IPv4Address(link["address"]) + (number - 1))
            elif link.get("address"):
                link["address"] = made["address"]
        servers[f"server{number}"] = made
    for group in site["groups"].values():
        order = [name for name in group["order"] if name in servers]
        group["order"] = order + [name for name in servers if name not in order]
    return site


def with_serial_line(site: dict[str, Any]) -> dict[str, Any]:
    """The site with a serial link between its first two servers, unless it has one of its own."""
    site = copy.deepcopy(site)
    servers = list(site["servers"].values())
    if not any(_serial(link) for server in servers for link in (server.get("links") or {}).values()):
        for server in servers[:2]:
            server["links"] = {**(server.get("links") or {"lan": {}}), "serial": dict(SERIAL_LINK)}
    return site


def _serial(link: Any) -> bool:
    return isinstance(link, Mapping) and link.get("kind") == "serial"


def with_console(site: dict[str, Any]) -> dict[str, Any]:
    """The site with a serial console in every profile that names no console itself."""
    site = copy.deepcopy(site)
    for profile in (site.get("profiles") or {}).values():
        arguments = profile.setdefault("kernel_args", [])
        if not any(str(a).startswith("console=") for a in arguments):
            arguments.append(CONSOLE)
    return site


def with_firmware(site: dict[str, Any]) -> dict[str, Any]:
    """The site whose virtual machines boot by the loader of their firmware: QEMU's boot ROM is iPXE, and
    stands for a ROM that is none."""
    merged: dict[str, Any] = merge({"boot": {"ipxe": "pxelinux"}}, site)
    return merged


def prepare(path: Path | None, servers: int, patch: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The site of a lab, still on the networks its file names."""
    if not 2 <= servers <= 16:
        raise LabError(f"{servers} servers: a site has 2 to 16")
    site: dict[str, Any] = merge(read(path or DEFAULT_SITE), PATCH)
    site = with_serial_line(with_console(with_firmware(with_servers(site, servers))))
    merged: dict[str, Any] = merge(site, patch or {})
    return merged


def check(site: dict[str, Any]) -> None:
    """Raise with every fault that Twinboot's own loader finds."""
    from twinboot.site import SiteError, load  # late: the driver must start without it

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(dump(site), encoding="utf-8")
        try:
            load(path)
        except SiteError as exc:
            raise LabError(f"the site file has faults; nothing was started\n{exc}") from exc


def dump(site: dict[str, Any]) -> str:
    return yaml.safe_dump(site, sort_keys=False)
