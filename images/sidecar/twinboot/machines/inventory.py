"""What the boot loader of a machine without an entry tells by HTTP of the machine that it runs on. Pure.

    GET /report/inventory?mac=52-54-00-00-01-28&serial=S&maker=M&product=P    or serial-hex=53 ...

DHCP requests have no room for it (RFC 4578 has the UUID alone). The answer is one line, `ok` or `no WHY`,
which no loader heeds. Only machines that have asked by DHCP are told of, so that nobody fills a table by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .reports import MAX_TARGET

PATH = "/report/inventory"
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Inventory:
    """mac: as the site file writes it. The others are as they came."""

    mac: str
    serial: str = ""
    maker: str = ""
    product: str = ""


def is_inventory(target: str) -> bool:
    return target == PATH or target.startswith(f"{PATH}?")


def parse(target: str) -> Inventory:
    """ValueError says what is wrong with it."""
    if len(target) > MAX_TARGET:
        raise ValueError("the request is too long")
    said = dict(parse_qsl(urlsplit(target).query, max_num_fields=20, errors="replace"))
    mac = said.get("mac", "")
    if not _MAC.fullmatch(mac):
        raise ValueError("an inventory names a mac, such as 52-54-00-00-01-28")
    return Inventory(mac.lower().replace("-", ":"), _text(said, "serial"), _text(said, "maker"),
                 _text(said, "product"))  # fmt: skip


def _text(said: dict[str, str], name: str) -> str:
    """A loader that cannot quote says it in hex; with the zero, perhaps, that ends it."""
    if f"{name}-hex" not in said:
        return said.get(name, "")
    try:
        return bytes.fromhex(said[f"{name}-hex"]).rstrip(b"\0").decode("utf-8", "replace")
    except ValueError:
        return ""
