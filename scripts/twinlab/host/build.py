"""Making and removing a lab's networks and containers.

Everything made carries the label of its lab, and removal goes by that label alone, so that it also
cleans up after a driver that was killed half way.
"""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from twinlab.faults import serialline
from twinlab.host import engine, images, labsite
from twinlab.host.engine import LabError, Result, docker, names
from twinlab.host.layout import LABEL, Layout, choose, labels, moved, site_networks

ROLE = "org.twinboot.lab.role"
SHIFT = "org.twinboot.lab.shift"
DISK_MB = 4096  # sparse
TREES = labsite.ROOT / "build/trees"


def containers(name: str, *, servers_only: bool = False) -> list[str]:
    """This lab's containers, servers first."""
    every = names("container", f"{LABEL}={name}")
    servers = sorted(set(every) & set(names("container", f"{ROLE}={name}")))
    return servers if servers_only else servers + [n for n in every if n not in servers]


def networks(name: str, site: dict[str, Any], *, default: bool) -> Layout:
    """Choose free networks and make them; when another lab was quicker, choose again."""
    after = -1
    for _ in range(5):
        layout = choose(name, site, default=default, after=after)
        made = _make_networks(layout)
        if made is None or made.ok:
            return layout
        remove(name)
        if "overlap" not in made.err:
            raise LabError(f"cannot make the lab's networks: {made.err.strip()}")
        after = layout.shift
    raise LabError("cannot find a free network for the lab; are other labs starting right now?")


def _make_networks(layout: Layout) -> Result | None:
    """The result that failed, or None."""
    label = (*labels(layout.name), "--label", f"{SHIFT}={layout.shift}")
    # Not `--internal`: its packet filter drops DHCP broadcasts where br_netfilter is on (their source,
    # 0.0.0.0, is outside of the subnet). Without masquerading nothing comes back from outside either.
    lan = docker(
        "network", "create", *label, "--opt", "com.docker.network.bridge.enable_ip_masquerade=false",
        "--subnet", str(layout.lan), "--gateway", str(layout.router), "--ip-range", str(layout.client_pool),
        layout.lan_network, check=False,
    )  # fmt: skip
    if not lan.ok or layout.crossover is None:
        return lan
    made = docker(
        "network", "create", *label, "--internal", "--subnet", str(layout.crossover),
        "--gateway", str(layout.crossover.broadcast_address - 1), layout.crossover_network, check=False,
    )  # fmt: skip
    return None if made.ok else made


def moved_site(site: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """The site on the lab's networks."""
    lan, _, crossover = site_networks(site)
    result: dict[str, Any] = moved(site, [n for n in (lan, crossover) if n], layout.shift)
    return result


def servers(
    layout: Layout, site: dict[str, Any], store: str, trees: Path, *, image: str, disk: bool,
    bmc_secrets: Mapping[str, bytes] | None = None,
) -> None:  # fmt: skip
    """Make and start every server of the site. bmc_secrets: by their paths below config/secrets."""
    options = ("--env", f"DISK_MB={DISK_MB if disk else 0}", image)
    text = labsite.dump(site)
    serialline.lay(layout, site)
    key = secrets.token_hex(32).encode() + b"\n"
    made = [
        _create(layout, name, server, (text, key, bmc_secrets), store, trees, images.profiles(site), options)
        for name, server in site["servers"].items()
    ]
    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(lambda container: docker("start", container), made))


def _create(
    layout: Layout, name: str, server: dict[str, Any],
    written: tuple[str, bytes, Mapping[str, bytes] | None], store: str, trees: Path, extra: str,
    options: Sequence[str],
) -> str:  # fmt: skip
    container = layout.container(name)
    cable = ((server.get("links") or {}).get("crossover") or {}).get("address", "")
    docker(
        "create", "--name", container, "--hostname", name, "--privileged", "--tmpfs", "/run",
        "--cpu-shares", "8192",  # a machine of its own does not wait for its clients
        *labels(layout.name), "--label", f"{ROLE}={layout.name}",
        "--network", layout.lan_network, "--ip", str(server["address"]),
        "--env", f"LAN_ADDRESS={server['address']}", "--env", f"CROSSOVER_ADDRESS={cable}",
        *serialline.server_options(layout, server),
        "--volume", f"{store}:/store:ro", "--volume", f"{trees}:{_published_at(trees)}:ro",
        *options,
    )  # fmt: skip
    if cable:
        docker("network", "connect", "--ip", cable, layout.crossover_network, container)
    site, key, bmc_secrets = written
    extra += images.SERIAL_ENV * bool(serialline.ports(server))
    files = images.server_files(name, site, key, extra=extra, secrets=bmc_secrets)
    docker("cp", "-", f"{container}:/opt", stdin=files)
    return container


def _published_at(trees: Path) -> str:
    """Where a folder is mounted on a server: a folder of trees, or one tree that takes the place of rh9."""
    return "/srv/twinboot/trees/rh9" if (trees / ".treeinfo").is_file() else "/srv/twinboot/trees"


def trees() -> Path:
    """The install trees to publish: the stand-in's when built, else a few small files in their place."""
    if (TREES / "rh9").is_dir():
        return TREES
    small = images.CACHE / "trees"
    boot = small / "rh9/images/pxeboot"
    boot.mkdir(parents=True, exist_ok=True)
    for name in ("vmlinuz", "initrd.img"):
        if not (boot / name).exists():
            (boot / name).write_bytes(secrets.token_bytes(1 << 20))
    (small / "rh9/.treeinfo").write_text("[general]\nname = placeholder\n")
    return small


def find(name: str) -> Layout:
    """The layout of a lab that stands."""
    lan = engine.network(f"{name}-lan")
    if lan is None:
        raise LabError(f"there is no lab '{name}': start it with `scripts/lab up`")
    config = lan["IPAM"]["Config"][0]
    cable = engine.network(f"{name}-crossover")
    crossover = cable["IPAM"]["Config"][0]["Subnet"] if cable else None
    return Layout(
        name, IPv4Network(config["Subnet"]), IPv4Address(config["Gateway"]),
        IPv4Network(crossover) if crossover else None, int(lan["Labels"].get(SHIFT, 0)),
    )  # fmt: skip


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not leave half of a lab behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def remove(name: str) -> None:
    """Remove the lab's containers, their volumes and its networks, guests on the networks cut off first."""
    label = f"{LABEL}={name}"
    for _ in range(3):  # a client may be starting at this moment
        found = names("container", label)
        if not found:
            break
        docker("rm", "-f", "-v", *found, check=False)
    for network in names("network", label):
        for guest in (engine.network(network) or {}).get("Containers") or {}:
            docker("network", "disconnect", "-f", network, guest, check=False)
        docker("network", "rm", network, check=False)
    volumes = names("volume", label)
    if volumes:
        docker("volume", "rm", "-f", *volumes, check=False)
