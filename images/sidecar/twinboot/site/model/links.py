"""A server's end of a heartbeat link: over a network (udp) or over a cable of its own (serial)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from .base import Model
from .fields import Address, Device, Interface, Speed


class LinkKind(StrEnum):
    """What a heartbeat link runs over."""

    UDP = "udp"
    SERIAL = "serial"


class UdpLink(Model):
    """Over a network. Peers speak over links of the same name."""

    kind: Annotated[LinkKind, WithJsonSchema({"type": "string", "const": "udp"})] = Field(
        default=LinkKind.UDP, description="udp: over a network; serial: over a cable between two servers"
    )
    address: Address = Field(
        description="udp: this server's address on the link (leave address and interface out for its own)"
    )
    interface: Interface = Field(description="udp: this server's interface of the link")


class SerialLink(Model):
    """Over a serial cable between two servers that name the link alike."""

    kind: Literal[LinkKind.SERIAL] = Field(description="write serial for a link that has a device")
    device: Device = Field(description="serial: this server's port, such as /dev/ttyS0")
    speed: Speed = Field(default=115_200, description="serial: bit/s, the same at both ends")


def link_kind(link: Any) -> str:
    """Which kind an entry is meant to be: what it says, or what it looks like."""
    if isinstance(link, UdpLink | SerialLink):
        return link.kind.value
    if not isinstance(link, dict):
        return LinkKind.UDP
    looks = LinkKind.SERIAL if "device" in link else LinkKind.UDP
    return LinkKind.SERIAL if link.get("kind", looks) == LinkKind.SERIAL else LinkKind.UDP


Link = Annotated[
    Annotated[UdpLink, Tag("udp")] | Annotated[SerialLink, Tag("serial")], Discriminator(link_kind)
]
