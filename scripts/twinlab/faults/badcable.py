"""Cables that lose, delay, double and reorder: one small relay for each (inside/relay.py).

Owns the relays' containers. A relay takes the host's end of a cable out of the LAN's bridge and stands
between the two; `reattach` is the shell that puts an end back, whoever took it out.
"""

from __future__ import annotations

from collections.abc import Sequence

from twinlab.faults.cable import ends
from twinlab.host import wait
from twinlab.host.client import INSIDE
from twinlab.host.engine import LabError, docker, logs, names
from twinlab.host.images import CLIENT_IMAGE
from twinlab.host.layout import LABEL, Layout, labels
from twinlab.host.shell import on_host

OPTIONS = ("loss", "jitter", "duplicate")
INTERFACES = {"lan": "eth0", "crossover": "eth1"}


def bridges(layout: Layout) -> dict[str, str]:
    """The bridge that Docker has made for the network of each of a server's interfaces."""
    networks = [layout.lan_network, *([layout.crossover_network] if layout.crossover else [])]
    ids = docker("network", "inspect", "-f", "{{.Id}}", *networks).out.split()
    return {interface: f"br-{known[:12]}" for interface, known in zip(INTERFACES.values(), ids, strict=False)}


def spoil(layout: Layout, server: str, which: Sequence[str], options: Sequence[str]) -> None:
    """Make these cables of a server bad; options such as loss=30."""
    words = []
    for option in options:
        key, _, value = option.partition("=")
        if key not in OPTIONS or not value.replace(".", "", 1).isdigit():
            raise LabError(f"'{option}' says nothing of a bad cable; such words do: {', '.join(OPTIONS)}=N")
        words += [f"--{key}", value]
    for cable in which:
        container, interface = layout.container(server), INTERFACES[cable]
        end = on_host(f"{ends(container, interface)}\necho $cables").strip()
        name = f"{container}-bad-{cable}"
        docker(
            "run", "-d", "--name", name, *labels(layout.name), "--network", "host",
            "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", "--device", "/dev/net/tun",
            "-v", f"{INSIDE}:/lab:ro", CLIENT_IMAGE, "python3", "/lab/relay.py", end,
            bridges(layout)[interface], *words,
        )  # fmt: skip
        wait.until(
            lambda name=name: "carrying" in logs(name),  # type: ignore[misc]
            f"{name} to carry frames", timeout_s=20, every_s=0.1,
        )  # fmt: skip


def remove_relays(layout: Layout, server: str) -> None:
    """End a server's relays; their cables are then in no bridge until `reattach`, unless they did it."""
    prefix = f"{layout.container(server)}-bad-"
    relays = [name for name in names("container", f"{LABEL}={layout.name}") if name.startswith(prefix)]
    if relays:
        docker("stop", "-t", "2", *relays, check=False)
        docker("rm", "-f", *relays, check=False)


def reattach(layout: Layout, server: str) -> str:
    """Shell lines that bring every cable of a running server back to its bridge, plugged."""
    lines = []
    for interface, name in bridges(layout).items():
        lines += [
            ends(layout.container(server), interface),
            f"for cable in $cables; do ip link set $cable master {name} arp on; ip link set $cable up; done",
        ]
    return "\n".join(lines)
