"""The machines' part of the site file: trees, profiles and the machines themselves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ...kinds import INSTALLERS
from .base import Model
from .boot import Console, StepLimits
from .fields import (
    Address,
    InstallerName,
    KernelArg,
    Keyboard,
    Lang,
    Message,
    RelativePath,
    RelativePaths,
    Release,
    Script,
    SecretPath,
    TemplateName,
    Timezone,
)
from .hardware import ClientId, Macs, Uuid, is_infiniband
from .people import HostOrAddress, Proxy, SshKey, User, Variables
from .power import HostPower, Power
from .storage import DiskChoice, Disks, InstallerLine
from .wiring import Wiring


class Method(StrEnum):
    """How installers fetch their tree and kickstart."""

    FTP = "ftp"
    HTTP = "http"


class Finish(StrEnum):
    """What the installer does at its end."""

    REBOOT = "reboot"
    POWEROFF = "poweroff"
    HALT = "halt"


class Tree(Model):
    """A distribution's install tree below the trees directory, the same on every server."""

    path: RelativePath = Field(description="directory below the trees directory")
    kernel: RelativePath | None = Field(
        default=None,
        description="kernel, within the tree; default: where the installer has it (images/pxeboot/vmlinuz)",
    )
    initrd: RelativePaths | None = Field(
        default=None,
        description="initrd, within the tree, or a list of them, which are loaded one after the other, or [];"
        " default: where the installer has it (images/pxeboot/initrd.img)",
    )


def _with_settings_of_kinds(schema: dict[str, Any]) -> None:
    schema["properties"].pop(_ADDITIONS, None)
    schema["properties"].update(Profile.settings_of_kinds())
    for name, meaning in Profile.meanings_by_kinds().items():
        schema["properties"][name]["description"] = meaning


_ADDITIONS = "*"
"""Under this name the validator of a profile gathers what is said in a kind's own words."""


class Profile(Model):
    """What to install, and how."""

    model_config = ConfigDict(json_schema_extra=_with_settings_of_kinds)

    tree: str = Field(description="name of an entry of trees")
    installer: InstallerName = Field(default="kickstart", description="what reads the answers")
    version: Release | None = Field(
        default=None,
        description="release of the tree, which the answers are written for; kickstart: RHEL5 to RHEL10, F38 "
        "to F45; of others: INSTALLERS.md",
    )
    method: Method | None = Field(default=None, description="ftp or http")  # meanings_by_kinds()
    kernel_args: tuple[KernelArg, ...] = Field(
        default=(), description="appended to the installer's kernel arguments"
    )
    console: Console | None = Field(default=None, description="serial console, in place of the site's")
    mirror: bool | None = Field(
        default=None,
        description="name the other groups' addresses as well, tried in order; default: yes, with parity,"
        " where the installer takes several (RHEL7 or later)",
    )
    template: TemplateName | None = Field(
        default=None,
        description="template of its answers below templates/INSTALLER; default: the one that comes along",
    )
    packages: tuple[InstallerLine, ...] | None = Field(
        default=None,
        description="packages, @groups (patterns, tasks) and -unwanted ones; default: a small system that is "
        "reached by SSH (kickstart: @core)",
    )
    lang: Lang = Field(default="en_US.UTF-8", description="language of the installed system")
    keyboard: Keyboard = Field(default="us", description="keyboard layout")
    timezone: Timezone = Field(default="Etc/UTC", description="time zone; the hardware clock keeps UTC")
    rootpw_file: SecretPath | None = Field(
        default=None,
        description="file beside the site file with root's password hash; without it root is locked",
    )
    ssh_keys: tuple[SshKey, ...] = Field(default=(), description="SSH public keys that open root's account")
    users: tuple[User, ...] = Field(default=(), description="accounts beside root")
    ntp: tuple[HostOrAddress, ...] = Field(
        default=(), description="time servers of the installed system; default: the distribution's"
    )
    proxy: Proxy | None = Field(
        default=None,
        description="HTTP proxy of the installed system's package manager; installing goes without it",
    )
    private: bool | None = Field(
        default=None,
        description="each machine gets its own answers alone, by its address, over HTTP; default: where they "
        "hold the hash of a password",
    )
    vars: Variables = Field(default={}, description="variables for templates, in place of the site's")
    disks: Disks = Field(
        default=(DiskChoice.FIRST,),
        description="disks that the installer may see and erase: first, smallest, largest (of the machine's "
        "own), all (a SAN's too), or devices; the first one named gets the boot loader",
    )
    partitions: tuple[InstallerLine, ...] = Field(
        default=(),
        description="lines of storage commands (part, volgroup, clearpart, iscsi ...); default: autopart",
    )
    network: Wiring | None = Field(
        default=None,
        description="bond, VLAN, bridge or card to install over; default: DHCP on the card that has booted",
    )
    post: Script = Field(default="", description="shell script that runs in the new system (%post)")
    finish: Finish = Field(default=Finish.REBOOT, description="reboot, poweroff or halt")
    once: bool | None = Field(
        default=None,
        description="an image of one's own is started once, and then its disk until `twinboot install`; "
        "false: at each start from the network (memory test, rescue, diskless); default: true where the "
        "profile says something of a new system (disks, packages, post ...). Other installers install once",
    )
    retries: int = Field(
        default=0, ge=0, le=9,
        description="how often an install that did not come to its end may begin again by itself, and erase "
        "the disk once more; otherwise it waits for `twinboot install`",
    )
    limits: StepLimits = Field(
        default=StepLimits(), description="how long each step may be silent, in place of the site's"
    )
    power: Power | None = Field(default=None, description="what the BMCs of its hosts have in common")
    message: Message | None = Field(default=None, description="text shown above the boot prompt")
    prompt: bool = Field(default=True, description="show the boot prompt; false boots at once")
    timeout_s: float = Field(default=5.0, ge=0.1, le=3599, description="how long the prompt waits, seconds")
    additions: Mapping[str, JsonValue] = Field(default={}, alias="*")
    """What is said in the own words of a kind, by its name."""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        rest = dict(value)
        for kind in INSTALLERS.all():
            named = rest.get(kind.name)
            if isinstance(named, str) and named.endswith(".j2") and "template" not in rest:
                rest["template"] = rest.pop(kind.name)  # as it was called in 0.1.0
        words = cls.settings_of_kinds().keys() & rest.keys()
        if words:
            rest[_ADDITIONS] = {name: rest.pop(name) for name in rest.copy() if name in words}
        return rest

    @property
    def checked_version(self) -> str:
        """`version`, of a profile of a checked site whose installer has releases."""
        assert self.version is not None, "a profile without a version passed the checks"
        return self.version

    @classmethod
    def settings_of_kinds(cls) -> dict[str, dict[str, Any]]:
        return {
            kind.name: {**kind.addition.schema, "description": kind.addition.what}
            for kind in INSTALLERS.all() if kind.addition is not None
        }

    @classmethod
    def meanings_by_kinds(cls) -> dict[str, str]:
        by_ftp = [kind.name for kind in INSTALLERS.all() if kind.methods[0] is Method.FTP]
        return {"method": f"ftp or http; default: ftp for {', '.join(by_ftp)}, http for all others"}

    @model_serializer(mode="wrap")
    def _spread(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        own = {**found.pop("additions", {}), **found.pop(_ADDITIONS, {})}
        return {**found, **own}


class Host(Model):
    """One known machine."""

    mac: Macs = Field(
        description="MAC address of the card it boots from, or a list of those of all its cards; InfiniBand: "
        "the port GUID, or all 20 octets"
    )
    uuid: Uuid | None = Field(
        default=None, description="its SMBIOS UUID, by which it is known whatever card it boots from"
    )
    client_id: tuple[ClientId, ...] = Field(
        default=(), description="DHCP client identifiers (option 61) it is known by as well, in hex"
    )
    address: Address = Field(description="its fixed address")
    addresses: tuple[Address, ...] = Field(default=(), description="its fixed addresses in other subnets")
    profile: str | None = Field(default=None, description="what to install; default: the subnet's profile")
    group: str | None = Field(default=None, description="group it is pinned to, parity mode only")
    kernel_args: tuple[KernelArg, ...] = Field(
        default=(), description="appended to the kernel arguments of the profile"
    )
    console: Console | None = Field(default=None, description="serial console, in place of the profile's")
    static: bool = Field(default=False, description="the installed system keeps this address without DHCP")
    disks: Disks | None = Field(default=None, description="in place of the profile's")
    network: Wiring | None = Field(default=None, description="in place of the profile's")
    vars: Variables = Field(default={}, description="variables for templates, in place of the profile's")
    power: HostPower | None = Field(
        default=None, description="its BMC, which switches it on and off; default: nobody does"
    )

    @property
    def all_addresses(self) -> tuple[IPv4Address, ...]:
        """The main one first."""
        return (self.address, *self.addresses)

    @property
    def ethernet(self) -> tuple[str, ...]:
        """MAC addresses of its Ethernet cards."""
        return tuple(mac for mac in self.mac if not is_infiniband(mac))

    @property
    def guids(self) -> tuple[str, ...]:
        """Port GUIDs of its InfiniBand cards."""
        return tuple(mac for mac in self.mac if is_infiniband(mac))
