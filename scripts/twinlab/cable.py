"""The host's end of a container's network cable: pulled, plugged, or made slow.

Needs no rights of the caller but those on the engine: a short-lived container in the host's network does it.
"""

from __future__ import annotations

from twinlab.engine import docker
from twinlab.images import SERVER_IMAGE


def _run(container: str, interface: str, command: str) -> None:
    """Run a shell command on the host's end; `$cable` in it is its name."""
    index = docker("exec", container, "cat", f"/sys/class/net/{interface}/iflink").out.strip()
    script = f"""
        set -e
        cable=$(ip -o link | awk -F': ' '$1 == {index} {{ sub(/@.*/, "", $2); print $2 }}')
        {command}"""
    host = ("--rm", "--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "sh")
    docker("run", *host, SERVER_IMAGE, "-c", script)


def plug(container: str, interface: str, *, up: bool) -> None:
    """Set the cable so that the container sees its carrier go or come."""
    _run(container, interface, f'ip link set "$cable" {"up" if up else "down"}')


def limit(container: str, interface: str, rate: str) -> None:
    """What the container receives comes at this rate at most (tc(8): 50mbit)."""
    _run(container, interface, f'tc qdisc replace dev "$cable" root tbf rate {rate} burst 128k latency 40ms')
