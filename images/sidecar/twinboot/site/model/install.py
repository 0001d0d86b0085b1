"""The machines' part of the site file: trees, profiles and the machines themselves."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from .base import Model
from .fields import (
    Address,
    InstallerName,
    KernelArg,
    Keyboard,
    Lang,
    Mac,
    Message,
    Package,
    Partition,
    RelativePath,
    Release,
    Script,
    SecretPath,
    TemplateName,
    Timezone,
)


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
    mirror: bool | None = Field(
        default=None,
        description="name the other groups' addresses as well, tried in order; default: yes, with parity and"
        " RHEL7 or later",
    )
    kickstart: TemplateName = Field(default="default.ks.j2", description="template below templates/kickstart")
    packages: tuple[Package, ...] = Field(default=("@core",), description="lines of %packages")
    lang: Lang = Field(default="en_US.UTF-8", description="language of the installed system")
    keyboard: Keyboard = Field(default="us", description="keyboard layout")
    timezone: Timezone = Field(default="Etc/UTC", description="time zone; the hardware clock keeps UTC")
    rootpw_file: SecretPath | None = Field(
        default=None,
        description="file beside the site file with root's password hash; without it root is locked",
    )
    partitions: tuple[Partition, ...] = Field(
        default=(), description="part, volgroup ... lines; default: autopart"
    )
    post: Script = Field(default="", description="shell script that runs in the new system (%post)")
    finish: Finish = Field(default=Finish.REBOOT, description="reboot, poweroff or halt")
    message: Message | None = Field(default=None, description="text shown above the boot prompt")
    prompt: bool = Field(default=True, description="show the boot prompt; false boots at once")
    timeout_s: float = Field(default=5.0, ge=0.1, le=3599, description="how long the prompt waits, seconds")


class Host(Model):
    """One known machine."""

    mac: Mac = Field(description="MAC address of the interface it boots from")
    address: Address = Field(description="its fixed address")
    profile: str | None = Field(default=None, description="what to install; default: the subnet's profile")
    group: str | None = Field(default=None, description="group it is pinned to, parity mode only")
    static: bool = Field(default=False, description="the installed system keeps this address without DHCP")
