"""Faults of a server's cables and of the LAN, and how they are healed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from twinlab.faults import badcable, cable, frames, serialline
from twinlab.faults.badcable import INTERFACES
from twinlab.faults.scene import Scene
from twinlab.host.engine import LabError
from twinlab.host.server import Server
from twinlab.host.shell import on_host

SERIAL, CROSSOVER = "serial", "crossover"
CABLES = (*INTERFACES, SERIAL)
FLAP_TIMES, FLAP_PERIOD_S = 10, 1.0


def unplug(lab: Scene, server: Server, arguments: Sequence[str]) -> float:
    if SERIAL in arguments:
        plug_serial(lab, server, up=False)
    interfaces = [INTERFACES[which] for which in arguments if which != SERIAL]
    far = far_ends(lab, server) if CROSSOVER in arguments else ()
    return cable.plug(server.container, *interfaces, up=False, far=far) if interfaces else time.time()


def far_ends(lab: Scene, server: Server) -> list[cable.End]:
    """The other end of the server's crossover when that is a direct cable: between two servers and no more.

    A crossover of three servers is a switch, which keeps the carriers of the others.
    """
    joined = [name for name, one in lab.site["servers"].items() if CROSSOVER in (one.get("links") or {})]
    if lab.layout.crossover is None or len(joined) != 2 or server.name not in joined:
        return []
    return [(lab.layout.container(name), INTERFACES[CROSSOVER]) for name in joined if name != server.name]


def plug_serial(lab: Scene, server: Server, *, up: bool) -> None:
    """Pull or plug every serial line of the server."""
    serialline.plug(lab.name, serialline.ports(lab.site["servers"][server.name]), up=up)


def flap(lab: Scene, server: Server, arguments: Sequence[str]) -> float:
    """Returns when the cable has settled, plugged."""
    which = arguments[0]
    try:
        times = int(arguments[1]) if len(arguments) > 1 else FLAP_TIMES
        period_s = float(arguments[2]) if len(arguments) > 2 else FLAP_PERIOD_S
    except ValueError:
        which = ""
    if which not in INTERFACES:
        raise LabError("the fault 'flap' takes: CABLE [TIMES [PERIOD_S]]")
    far = far_ends(lab, server) if which == CROSSOVER else ()
    return cable.flap(server.container, INTERFACES[which], times, period_s, far)


def lossy(lab: Scene, server: Server, arguments: Sequence[str]) -> None:
    which = [one for one in arguments if one in INTERFACES]
    options = [one for one in arguments if one not in INTERFACES] or ["loss=30", "jitter=200", "duplicate=5"]
    badcable.spoil(lab.layout, server.name, which or _cables(lab), options)


def _cables(lab: Scene) -> list[str]:
    return [which for which in INTERFACES if which == "lan" or lab.layout.crossover is not None]


def isolate(lab: Scene, server: Server, _: Sequence[str]) -> float:
    return frames.drop_frames(lab.name, server.name, server.container, sent=True, received=True)


def rx_dead(lab: Scene, server: Server, _: Sequence[str]) -> float:
    return frames.drop_frames(lab.name, server.name, server.container, sent=False, received=True)


def tx_dead(lab: Scene, server: Server, _: Sequence[str]) -> float:
    return frames.drop_frames(lab.name, server.name, server.container, sent=True, received=False)


def cut_heartbeats(lab: Scene, server: Server, _: Sequence[str]) -> float:
    """Pull the cable of every link but the LAN's; on the LAN drop heartbeats only."""
    plug_serial(lab, server, up=False)
    others = [INTERFACES[which] for which in _cables(lab) if which != "lan"]
    if others:
        cable.plug(server.container, *others, up=False, far=far_ends(lab, server))
    heartbeats = f"udp dport {int(lab.site.get('heartbeat', {}).get('port', 694))}"
    return frames.drop_frames(
        lab.name, server.name, server.container, sent=True, received=True, only=heartbeats
    )


def split(lab: Scene, server: Server, arguments: Sequence[str]) -> float:
    """Cut the LAN in two: this server and the clients (containers) named, and all else."""
    return frames.split_lan(lab.name, [server.container, *arguments])


def heal(lab: Scene, server: Server) -> None:
    """Plug every cable, remove the relays of bad ones, drop no frames any more."""
    plug_serial(lab, server, up=True)
    badcable.remove_relays(lab.layout, server.name)
    on_host(f"{badcable.reattach(lab.layout, server.name)}\n{frames.restore(lab.name, server.name)}")
    cable.set_ends(far_ends(lab, server), up=True)
