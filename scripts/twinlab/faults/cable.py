"""The host's end of a container's network cable: pulled, plugged, loosened or made slow.

An end is a container and its interface. A direct cable has an end at each of two servers, and both lose their
carrier at once; Docker's network is a switch, so whoever pulls it names both (net.far_ends).
"""

from __future__ import annotations

from collections.abc import Sequence

from twinlab.host.engine import LabError
from twinlab.host.shell import ask, on_host

LAN, OTHERS = "eth0", "eth[1-9]*"
End = tuple[str, str]


def ends(container: str, *interfaces: str) -> str:
    """Shell lines that put the names of the host's ends into `$cables`; an interface may be a pattern."""
    indices = _indices(container, *interfaces)
    if not indices:
        raise LabError(f"{container} has no interface {' '.join(interfaces)}")
    return _named(indices)


def _indices(container: str, *interfaces: str) -> list[str]:
    """Numbers of the host's ends, in the order of the interfaces; none when the container does not run."""
    files = " ".join(f"/sys/class/net/{one}/iflink" for one in interfaces)
    return ask(container, f"cat {files} 2>/dev/null || :").out.split()


def _named(numbers: Sequence[str]) -> str:
    indices = " ".join(numbers)
    return f"""
        cables=
        for index in {indices}; do
            name=$(ip -o link | awk -F': ' -v i="$index" '$1 == i {{ sub(/@.*/, "", $2); print $2 }}')
            cables="$cables $name"
        done
        """


def plug(container: str, *interfaces: str, up: bool, far: Sequence[End] = ()) -> float:
    """Set the cables so that the container sees their carrier go or come; the time when that was done.

    far: the other ends of direct cables, set after the container's own; those of a server without power do
    not matter.
    """
    numbers = _indices(container, *interfaces)
    if not numbers:
        raise LabError(f"{container} has no interface {' '.join(interfaces)}")
    numbers += [number for end in far for number in _indices(*end)]
    do = f"for cable in $cables; do ip link set $cable {'up' if up else 'down'}; done"
    return float(on_host(f"{_named(numbers)}\ndate +%s.%N; {do}"))


def cut(container: str, far: Sequence[End] = ()) -> float:
    """Pull every cable at once; the time at which that was done.

    The LAN last: a server that sees its LAN go and has another cable a few milliseconds longer hands over.
    The far ends of direct cables after that: a machine without power answers nobody from that moment on.
    """
    return plug(container, OTHERS, LAN, up=False, far=far)


def set_ends(where: Sequence[End], *, up: bool) -> None:
    """Set these ends alone; those of servers that do not run are left out."""
    numbers = [number for end in where for number in _indices(*end)]
    if numbers:
        do = f"for cable in $cables; do ip link set $cable {'up' if up else 'down'}; done"
        on_host(f"{_named(numbers)}\n{do}")


def flap(container: str, interface: str, times: int, period_s: float, far: Sequence[End] = ()) -> float:
    """Pull and plug the cable so often, half a period each; it ends plugged. The time of the first pull."""
    half = f"sleep {period_s / 2:.3f}"
    down, up = (f"for cable in $cables; do ip link set $cable {to}; done" for to in ("down", "up"))
    script = f"date +%s.%N; for turn in $(seq {times}); do {down}; {half}; {up}; {half}; done"
    numbers = [number for end in ((container, interface), *far) for number in _indices(*end)]
    return float(on_host(f"{_named(numbers)}\n{script}"))


def limit(container: str, interface: str, rate: str, *, burst: str = "128k") -> None:
    """What the container receives comes at this rate at most (tc(8): 50mbit), but for bursts of that size."""
    shape = f"tc qdisc replace dev $cables root tbf rate {rate} burst {burst} latency 40ms"
    on_host(f"{ends(container, interface)}\n{shape}")
