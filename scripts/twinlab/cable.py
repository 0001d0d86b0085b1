"""The host's end of a container's network cable: pulled, plugged, or made slow.

Needs no rights of the caller but those on the engine: a short-lived container in the host's network does it.
"""

from __future__ import annotations

from twinlab.engine import docker
from twinlab.images import SERVER_IMAGE


def _run(container: str, interfaces: str, command: str) -> str:
    """Run a shell command on the host's ends; `$cables` in it are their names. What it printed."""
    listing = f"cat /sys/class/net/{interfaces}/iflink"  # `interfaces` may be a pattern
    indices = " ".join(docker("exec", container, "sh", "-c", listing).out.split())
    script = f"""
        set -e
        cables=
        for index in {indices}; do
            name=$(ip -o link | awk -F': ' -v i="$index" '$1 == i {{ sub(/@.*/, "", $2); print $2 }}')
            cables="$cables $name"
        done
        {command}"""
    host = ("--rm", "--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "sh")
    return docker("run", *host, SERVER_IMAGE, "-c", script).out


def plug(container: str, interface: str, *, up: bool) -> None:
    """Set the cable so that the container sees its carrier go or come."""
    _run(container, interface, f"ip link set $cables {'up' if up else 'down'}")


def limit(container: str, interface: str, rate: str) -> None:
    """What the container receives comes at this rate at most (tc(8): 50mbit)."""
    _run(container, interface, f"tc qdisc replace dev $cables root tbf rate {rate} burst 128k latency 40ms")


def cut(container: str) -> float:
    """Pull every cable at once; the time at which that was done."""
    pull = "for cable in $cables; do ip link set $cable down; done"
    return float(_run(container, "eth*", f"date +%s.%N; {pull}"))
