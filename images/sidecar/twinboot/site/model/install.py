"""The machines' part of the site file: trees, profiles and the machines themselves."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address

from pydantic import Field

from .base import Model
from .boot import Console
from .fields import (
    Address,
    InstallerName,
    KernelArg,
    Keyboard,
    Lang,
    Message,
    RelativePath,
    Release,
    Script,
    SecretPath,
    TemplateName,
    Timezone,
)
from .hardware import ClientId, Macs, Uuid, is_infiniband
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
    kernel: RelativePath = Field(default="images/pxeboot/vmlinuz", description="kernel, within the tree")
    initrd: RelativePath = Field(default="images/pxeboot/initrd.img", description="initrd, within the tree")


class Profile(Model):
    """What to install, and how."""

    tree: str = Field(description="name of an entry of trees")
    installer: InstallerName = Field(default="kickstart", description="kickstart")
    version: Release = Field(description="kickstart dialect of the tree: RHEL5 to RHEL10, F38 to F45")
    method: Method = Field(default=Method.FTP, description="ftp or http")
    kernel_args: tuple[KernelArg, ...] = Field(
        default=(), description="appended to the installer's kernel arguments"
    )
    console: Console | None = Field(default=None, description="serial console, in place of the site's")
    mirror: bool | None = Field(
        default=None,
        description="name the other groups' addresses as well, tried in order; default: yes, with parity and"
        " RHEL7 or later",
    )
    kickstart: TemplateName = Field(default="default.ks.j2", description="template below templates/kickstart")
    packages: tuple[InstallerLine, ...] = Field(default=("@core",), description="lines of %packages")
    lang: Lang = Field(default="en_US.UTF-8", description="language of the installed system")
    keyboard: Keyboard = Field(default="us", description="keyboard layout")
    timezone: Timezone = Field(default="Etc/UTC", description="time zone; the hardware clock keeps UTC")
    rootpw_file: SecretPath | None = Field(
        default=None,
        description="file beside the site file with root's password hash; without it root is locked",
    )
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
    message: Message | None = Field(default=None, description="text shown above the boot prompt")
    prompt: bool = Field(default=True, description="show the boot prompt; false boots at once")
    timeout_s: float = Field(default=5.0, ge=0.1, le=3599, description="how long the prompt waits, seconds")


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
