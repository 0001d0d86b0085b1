"""What cannot be changed from one site to the next while its servers run: they must go on hearing each other.

Servers go over to another site one after the other. Meanwhile those that have gone over and those that have
not hear each other only by what both sites say.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from .faults import Fault
from .model.site import Site


def transition_faults(old: Site, new: Site) -> Iterator[Fault]:
    """Each with what to do instead."""
    stop = "cannot be changed while servers run: `make down` on all, `scripts/twinboot forget-site` and " \
        "`make up` with the same file on each"
    if old.cluster != new.cluster:
        yield Fault("cluster", new.cluster, f"was {old.cluster}; it {stop}")
    if old.heartbeat.port != new.heartbeat.port:
        yield Fault("heartbeat.port", new.heartbeat.port, f"was {old.heartbeat.port}; it {stop}")
    before, after = [[str(key) for key in site.heartbeat.keys] for site in (old, new)]
    if after[0] not in before:
        yield Fault("heartbeat.keys", after[0], "is the key that signs, and servers that have not gone over "
                    f"yet do not know it: apply keys: [{', '.join(before)}, {after[0]}] first")
    elif before[0] not in after:
        yield Fault("heartbeat.keys", after[0], f"{before[0]} signs until all have gone over: apply "
                    f"keys: [{after[0]}, {before[0]}] first, and take the old one away then")
    old_timers, new_timers = old.heartbeat.timers, new.heartbeat.timers
    if timers_clash(
        old_timers.interval_s, old_timers.deadtime_s, new_timers.interval_s, new_timers.deadtime_s
    ):
        yield Fault("heartbeat.timers", f"interval_s {new_timers.interval_s:g}, deadtime_s "
                    f"{new_timers.deadtime_s:g}", "too far from those in use for servers with the one and "
                    "with the other to hear each other: change them in steps")
    common = [name for name in old.servers if name in new.servers]
    for a, b in combinations(common, 2):
        if not any(_same_link(old, new, link, a, b) for link in old.servers[a].links):
            yield Fault("servers", f"{a}, {b}", "no link between these two stays as it is: change one link, "
                        "apply, then the next one")


def timers_clash(
    old_interval_s: float, old_deadtime_s: float, new_interval_s: float, new_deadtime_s: float
) -> bool:
    """Whether a server with the one would count a server with the other as dead between two heartbeats."""
    return old_deadtime_s < 2 * new_interval_s or new_deadtime_s < 2 * old_interval_s


def _same_link(old: Site, new: Site, link: str, a: str, b: str) -> bool:
    """Whether the link joins the two in both sites, with the same ends."""
    ends = [[site.servers[name].links.get(link) for name in (a, b)] for site in (old, new)]
    return None not in ends[0] and ends[0] == ends[1]
