"""The host's end of a container's network cable: pulled, plugged, loosened or made slow.

Needs no rights of the caller but those on the engine: a short-lived container in the host's network does it.
"""

from __future__ import annotations

from twinlab.host.engine import LabError, docker
from twinlab.host.images import SERVER_IMAGE

LAN, OTHERS = "eth0", "eth[1-9]*"


def on_host(script: str) -> str:
    """Run a shell script in the host's network. What it printed."""
    host = ("--rm", "--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "sh")
    return docker("run", *host, SERVER_IMAGE, "-c", f"set -e\n{script}").out


def ends(container: str, *interfaces: str) -> str:
    """Shell lines that put the names of the host's ends into `$cables`; an interface may be a pattern."""
    files = " ".join(f"/sys/class/net/{one}/iflink" for one in interfaces)
    indices = " ".join(docker("exec", container, "sh", "-c", f"cat {files} 2>/dev/null || :").out.split())
    if not indices:
        raise LabError(f"{container} has no interface {' '.join(interfaces)}")
    return f"""
        cables=
        for index in {indices}; do
            name=$(ip -o link | awk -F': ' -v i="$index" '$1 == i {{ sub(/@.*/, "", $2); print $2 }}')
            cables="$cables $name"
        done
        """


def plug(container: str, *interfaces: str, up: bool) -> float:
    """Set the cables so that the container sees their carrier go or come; the time when that was done."""
    do = f"for cable in $cables; do ip link set $cable {'up' if up else 'down'}; done"
    return float(on_host(f"{ends(container, *interfaces)}\ndate +%s.%N; {do}"))


def cut(container: str) -> float:
    """Pull every cable at once; the time at which that was done.

    The LAN last: a server that sees its LAN go and has another cable a few milliseconds longer hands over.
    """
    return plug(container, OTHERS, LAN, up=False)


def flap(container: str, interface: str, times: int, period_s: float) -> float:
    """Pull and plug the cable so often, half a period each; it ends plugged. The time of the first pull."""
    half = f"sleep {period_s / 2:.3f}"
    turn = f"ip link set $cables down; {half}; ip link set $cables up; {half}"
    script = f"date +%s.%N; for turn in $(seq {times}); do {turn}; done"
    return float(on_host(f"{ends(container, interface)}\n{script}"))


def limit(container: str, interface: str, rate: str, *, burst: str = "128k") -> None:
    """What the container receives comes at this rate at most (tc(8): 50mbit), but for bursts of that size."""
    shape = f"tc qdisc replace dev $cables root tbf rate {rate} burst {burst} latency 40ms"
    on_host(f"{ends(container, interface)}\n{shape}")
