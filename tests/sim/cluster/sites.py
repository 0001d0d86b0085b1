"""Site files that differ from the agreed one: what an operator changed on one server only.

Each variant is a change of one server's configuration; `agreed` takes it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from twinboot.core.model import ClusterConfig, GroupConfig, SiteId

Change = Callable[[ClusterConfig, Mapping[str, ClusterConfig]], ClusterConfig]

LAST_LEAVES = "last-leaves"
"""Of all files, by `apply`."""
OTHER_ADDRESS = "192.168.0.200"


def identified(config: ClusterConfig) -> ClusterConfig:
    """The configuration with the identity of its site: equal for equal sites, whoever's file it is."""
    parts = {
        "servers": config.servers, "groups": config.groups, "heartbeat": (config.timers, config.failback),
        "hosts": (),
    }
    digests = {name: _digest(part) for name, part in parts.items()}
    return replace(config, site=SiteId(1, _digest(sorted(digests.items())), digests))


def _digest(value: object) -> bytes:
    return hashlib.sha256(repr(value).encode()).digest()[:4]


def _changed(change: Callable[[ClusterConfig], ClusterConfig]) -> Change:
    return lambda config, agreed: identified(change(config))


def _each_group(change: Callable[[GroupConfig], GroupConfig]) -> Change:
    return _changed(lambda config: replace(config, groups=tuple(change(one) for one in config.groups)))


def _without_another(config: ClusterConfig) -> ClusterConfig:
    """The next server is deleted from this one's file."""
    return _without(config, config.servers[(config.servers.index(config.me) + 1) % len(config.servers)])


def _without(config: ClusterConfig, gone: str) -> ClusterConfig:
    return replace(
        config,
        servers=tuple(one for one in config.servers if one != gone),
        groups=tuple(
            replace(one, order=tuple(name for name in one.order if name != gone)) for one in config.groups
        ),
        addresses={name: address for name, address in config.addresses.items() if name != gone},
    )


def _without_last(config: ClusterConfig) -> ClusterConfig:
    """The last server has left: nobody's file names it."""
    return _without(config, config.servers[-1])


def _dhcpd_moved(config: ClusterConfig) -> ClusterConfig:
    first, second, *others = config.groups
    return replace(
        config,
        groups=(replace(first, services=second.services), replace(second, services=first.services), *others),
    )


def _addresses_swapped(config: ClusterConfig) -> ClusterConfig:
    first, second, *others = config.groups
    return replace(
        config,
        groups=(replace(first, address=second.address), replace(second, address=first.address), *others),
    )


def _hasty(config: ClusterConfig) -> ClusterConfig:
    """Timers a third as long."""
    timers = config.timers
    return replace(config, timers=replace(
        timers, interval_s=timers.interval_s / 3, warntime_s=timers.warntime_s / 3,
        deadtime_s=timers.deadtime_s / 3,
    ))


def _patient(config: ClusterConfig) -> ClusterConfig:
    """Heartbeats five times as rare."""
    timers = config.timers
    return replace(config, timers=replace(
        timers, interval_s=5 * timers.interval_s, warntime_s=2 * timers.warntime_s,
        deadtime_s=2 * timers.deadtime_s, suspect_s=5 * timers.suspect_s,
        address_lifetime_s=2 * timers.address_lifetime_s,
    ))


def _drowsy(config: ClusterConfig) -> ClusterConfig:
    """Heartbeats so rare that others would count it as dead between two of them."""
    timers = config.timers
    return replace(config, timers=replace(
        timers, interval_s=1.4 * timers.deadtime_s, warntime_s=3 * timers.deadtime_s,
        deadtime_s=4 * timers.deadtime_s, suspect_s=3 * timers.deadtime_s,
        address_lifetime_s=8 * timers.deadtime_s,
    ))


VARIANTS: dict[str, Change] = {
    "agreed": lambda config, agreed: config,
    "without-another": _changed(_without_another),
    "order-reversed": _each_group(lambda one: replace(one, order=one.order[::-1])),
    "dhcpd-moved": _changed(_dhcpd_moved),
    "address-changed": _each_group(
        lambda one: replace(one, address=OTHER_ADDRESS) if one.name == "first" else one
    ),
    "addresses-swapped": _changed(_addresses_swapped),
    "hasty": _changed(_hasty),
    "patient": _changed(_patient),
    "drowsy": _changed(_drowsy),
    LAST_LEAVES: _changed(_without_last),
    "host-added": lambda config, agreed: replace(
        config, site=SiteId(1, b"more", {**(config.site.parts if config.site else {}), "hosts": b"more"})
    ),
}
