"""What an agent works by, read from the disk: the site, the keys, and whether heartbeats of that site fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twinboot import kept, paths
from twinboot.adapters import keys
from twinboot.errors import ResourceError
from twinboot.kept import KeptFile, Volume
from twinboot.wire.cluster.heartbeat import EncodeError, HeartbeatCodec, max_heartbeat_bytes

from .rollout.begin import rendered_number
from .settings import Settings, settings_for


class ConfigError(Exception):
    """The agent cannot start; every fault, one line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class AgentFiles:
    """Files the agent uses; tests give others."""

    config: Path = paths.CONFIG
    current: Path = paths.CURRENT
    control: Path = paths.CONTROL_SOCKET
    leases: Path = paths.LEASES
    state: Path = paths.STATE
    steer: Path = paths.STEER
    reports: Path = paths.REPORT_SOCKET
    page: Path = paths.PAGE_SOCKET
    power: Path = paths.POWER_SOCKET

    @property
    def site(self) -> Path:
        return self.current / "sidecar" / "site.json"

    @property
    def machines(self) -> Path:
        """The hosts of the site, as machines.facts has them."""
        return self.current / "sidecar" / paths.MACHINES.name

    def kept(self, one: KeptFile) -> Path:
        """Where this server keeps it."""
        return {Volume.STATE: self.state, Volume.LEASES: self.leases}[one.volume] / one.name

    @property
    def record(self) -> Path:
        """The site that was applied."""
        return self.kept(kept.RECORD)


def read_settings(site_file: Path, server: str) -> Settings:
    """The settings of this server; ConfigError names every fault."""
    from twinboot.site import SiteError, load

    try:
        site = load(site_file)
    except SiteError as exc:
        raise ConfigError([f"{site_file}: {fault}" for fault in exc.faults]) from exc
    if server not in site.servers:
        known = ", ".join(site.servers)
        raise ConfigError([f"TWINBOOT_SERVER={server}: not a server of the site; known: {known}"])
    return settings_for(site, server, number=rendered_number(site_file.parent.parent))


def read_keys(settings: Settings, config: Path) -> list[bytes]:
    """Reads the keys; ConfigError names every one that cannot be used."""
    found: list[bytes] = []
    faults: list[str] = []
    for name in settings.keys:
        try:
            found.append(keys.read(config / name))
        except ResourceError as exc:
            faults.append(str(exc))
    if faults:
        raise ConfigError(faults)
    return found


def heartbeat_codec(settings: Settings, secrets: Sequence[bytes]) -> HeartbeatCodec:
    """The codec of the cluster's heartbeats; ConfigError when they cannot fit in a message."""
    cluster = settings.cluster
    codec = HeartbeatCodec(cluster.cluster, secrets)
    try:
        max_heartbeat_bytes(
            codec,
            cluster=cluster.cluster,
            servers=cluster.servers,
            services=settings.services,
            daemons=cluster.daemons,
            groups=[group.name for group in cluster.groups],
            links=cluster.links,
            parts=tuple(cluster.site.parts) if cluster.site is not None else (),
        )
    except EncodeError as exc:
        raise ConfigError([f"the site is too large: {exc}"]) from exc
    return codec
