"""The servers' part of the site file: who they are, how they talk, and what they hold."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import BeforeValidator, Field

from twinboot import daemons

from .base import Model
from .fields import Address, Interface, Label, Name, SecretPath
from .links import Link


class BalancingMode(StrEnum):
    """How clients are shared among the groups."""

    PARITY = "parity"
    DNS = "dns"
    LOAD = "load"


class ManagedService(StrEnum):
    """Services that run only where their group is held."""

    DHCPD = daemons.DHCPD.name


class Failback(StrEnum):
    """What a holder does when a server earlier in the group's order is back."""

    AUTO = "auto"
    MANUAL = "manual"


class Balancing(Model):
    """How clients are shared among the groups."""

    mode: BalancingMode = Field(
        default=BalancingMode.PARITY,
        description="parity: a client's address picks its group; dns: one name has all groups' addresses; "
        "load: a host gets the group with the least work when it asks for its boot file",
    )
    at_once: int | None = Field(
        default=None, ge=1, le=10_000,
        description="installs of hosts at once on a server, times its weight, load mode only; the others "
        "wait in their boot loader; default: no limit",
    )
    name: Label = Field(
        default="ftp", description="host part of the install name, which has all groups' addresses"
    )


class Server(Model):
    """One install server."""

    address: Address = Field(description="the server's own, fixed LAN address")
    interface: Interface = Field(description="its LAN interface; virtual addresses are put there")
    links: dict[Name, Link] = Field(description="heartbeat links by name; default: one, `lan`")


class Group(Model):
    """A resource group: one virtual address and the services that run only where it is held."""

    address: Address = Field(description="the virtual address clients use")
    order: tuple[str, ...] = Field(
        min_length=1, description="servers that may hold it, the preferred one first"
    )
    services: tuple[ManagedService, ...] = Field(default=(), description="services that move with it: dhcpd")
    weight: int = Field(default=1, ge=1, le=100, description="share of the clients, not in dns mode")


class Timers(Model):
    """Timers of the cluster, seconds: interval < warntime < deadtime, address lifetime at least twice
    deadtime."""

    interval_s: float = Field(default=0.1, ge=0.02, le=60, description="time between heartbeats")
    warntime_s: float = Field(
        default=0.5, gt=0, le=600, description="silence after which a link is reported late"
    )
    suspect_s: float | None = Field(
        default=None,
        gt=0,
        le=600,
        description="silence after which the LAN is asked for a server; it is dead when it does not answer "
        "there; default: twice `interval_s`; with `deadtime_s` or more only silence counts",
    )
    deadtime_s: float = Field(default=1.0, gt=0, le=600, description="silence after which a server is dead")
    initdead_s: float = Field(default=5.0, gt=0, le=3600, description="deadtime while a server starts")
    address_lifetime_s: float = Field(
        default=3.0, ge=2, le=3600, description="life of a virtual address that is not renewed"
    )
    failback_delay_s: float = Field(
        default=5.0,
        ge=0,
        le=86_400,
        description="how long a preferred server must be steady before it takes back",
    )

    @property
    def suspicion_s(self) -> float:
        """suspect_s, or its default."""
        return 2 * self.interval_s if self.suspect_s is None else self.suspect_s


class Ftp(Model):
    """The FTP server. What follows from these and from the machines of the site: planning/limits.py."""

    sessions_per_machine: int = Field(
        default=8,
        ge=1,
        le=50,
        description="sessions of one machine at once: dnf opens 3 (`max_parallel_downloads`: up to 20), and "
        "those of a machine that was restarted stay for 300 s",
    )
    max_clients: int | None = Field(
        default=None,
        ge=1,
        le=2000,
        description="sessions of all machines together; default: enough for all of the site on one server, "
        "1000 at least and 2000 at most",
    )
    max_per_ip: int | None = Field(
        default=None,
        ge=1,
        le=2000,
        description="sessions of one address; default: as many as `max_clients`, as one may be that of many "
        "machines behind NAT",
    )


class Metrics(Model):
    """What a monitoring system reads of the sidecar."""

    address: Address = Field(
        default=IPv4Address("127.0.0.1"),
        description="127.0.0.1: this machine only; 0.0.0.0: whoever reaches a server",
    )
    port: int = Field(default=9694, ge=0, le=65_535, description="TCP port; 0: none")


def _metrics_off(value: object) -> object:
    return {"port": 0} if value == "off" else value


class TakeoverMode(StrEnum):
    """What becomes of a client's connections when its server dies or hands over."""

    ON = "on"
    TICKLE = "tickle"
    OFF = "off"


class Takeover(Model):
    """What becomes of clients' connections when an address moves, by service."""

    ftp: TakeoverMode = Field(
        default=TakeoverMode.ON,
        description="`on`: the taker goes on with them; `tickle`: it resets them at once; `off`: nothing",
    )
    http: TakeoverMode = Field(default=TakeoverMode.ON, description="the same for HTTP")

    @property
    def enabled(self) -> bool:
        """Whether there is something for a takeover process to do."""
        return {self.ftp, self.http} != {TakeoverMode.OFF}


def _same_for_all(value: object) -> object:
    return {"ftp": value, "http": value} if isinstance(value, str) else value


TakeoverSetting = Annotated[Takeover, BeforeValidator(_same_for_all)]


class TreeSync(Model):
    """Install trees that are the same on all servers: what was imported on one is fetched by the others."""

    enabled: bool = Field(default=True, description="no: the trees are kept equal by other means")
    rate_mb_s: float = Field(
        default=0, ge=0, le=100_000, description="MB/s at which a server fetches at most; 0: no limit"
    )
    check_days: float = Field(
        default=7, ge=0, le=3650,
        description="so often every file is read and compared with its SHA-256; 0: never",
    )
    check_mb_s: float = Field(
        default=20, gt=0, le=100_000,
        description="MB/s at which files are read for that; a quarter of it while clients download",
    )


def _sync_word(value: object) -> object:
    return {"enabled": value == "on"} if value in ("on", "off") else value


TreeSyncSetting = Annotated[TreeSync, BeforeValidator(_sync_word)]


class Heartbeat(Model):
    """The servers' talk among themselves."""

    port: int = Field(
        default=694, ge=1, le=65_535, description="UDP port of the links (694: ha-cluster, IANA)"
    )
    keys: tuple[SecretPath, ...] = Field(
        default=("secrets/heartbeat.key",),
        min_length=1,
        description="key files beside the site file; the first one signs, all are accepted",
    )
    timers: Timers = Field(default=Timers(), description="timers of the cluster")
    failback: Failback = Field(default=Failback.AUTO, description="auto or manual")


MetricsSetting = Annotated[Metrics, BeforeValidator(_metrics_off)]
