"""Types of single values in a site file: addresses, names, paths, text that goes into other files.

Owns what one value may look like, alone; how values fit together is `checks`. What machines are known by is
`hardware`, their disks and their installers' lines `storage`. Every text that ends up in a configuration file
has a type that keeps quotes, newlines and other syntax of that file out.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from ...kinds import INSTALLERS

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"
_INTERFACE = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}"
_TEMPLATE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.j2"
SERIAL_SPEEDS = (
    1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600,
    1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
)  # fmt: skip
"""Speeds that termios(3) has a name for, as far as a heartbeat makes sense at them."""
_LANG = r"[A-Za-z]{1,3}(_[A-Z]{2})?(\.[A-Za-z0-9-]+)?(@[a-z]+)?"
_KEYBOARD = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_PATH_PART = re.compile(r"[A-Za-z0-9._+@~-]+")
_CONSOLE = r"tty[A-Z]{1,6}[0-9]{1,3}"
_BOND_OPTION = r"[a-z_]+=[A-Za-z0-9_.:+-]+"
_DEVICE = r"/dev(/[A-Za-z0-9_+:@-][A-Za-z0-9._+:@-]*){1,4}"
_LONGEST_PATH = 100
_LONGEST_DOMAIN = 200  # RFC 1035 allows 253 for a whole name; this leaves room for host labels


def _address(value: object) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    try:
        return IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("not an IPv4 address; write four numbers such as 192.168.0.251") from None


def _network(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    text = value if isinstance(value, str) and "/" in value else ""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError("not an IPv4 network; write address/prefix such as 192.168.0.0/24") from None
    if str(network.network_address) != text.partition("/")[0]:
        raise ValueError(f"bits are set beyond the prefix; write {network}")
    if not 8 <= network.prefixlen <= 30:
        raise ValueError("prefix must be 8 to 30; write a network such as 192.168.0.0/24")
    first = network.network_address
    if first.is_multicast or first.is_loopback or first.is_reserved or first.packed[0] == 0:
        raise ValueError("machines cannot have addresses in this network; write a unicast network")
    return network


def _matches(pattern: str, remedy: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(remedy)
        return value

    return AfterValidator(check)


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


def _speed(value: int) -> int:
    if value not in SERIAL_SPEEDS:
        near = min(SERIAL_SPEEDS, key=lambda speed: abs(speed - value))
        raise ValueError(f"no speed of a serial port; write one such as 115200 (the nearest is {near})")
    return value


def _relative_path(value: str, example: str = "images/pxeboot/vmlinuz") -> str:
    parts = value.split("/")
    if len(value) > _LONGEST_PATH:
        raise ValueError(
            f"longer than {_LONGEST_PATH} characters; boot loaders and kernels take short paths only"
        )
    if any(part in {"", ".", ".."} or not _PATH_PART.fullmatch(part) for part in parts):
        raise ValueError(
            f"not a plain relative path; write one such as {example}: no leading /, "
            "no .., only letters, digits and . _ + @ ~ -"
        )
    return value


def _relative_paths(value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise ValueError("must be a path, or a list of paths; write one such as images/pxeboot/initrd.img")
    return tuple(_relative_path(one) for one in found)


def _secret_path(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(
            "must lie in the config folder, beside the site file; write a path such as secrets/heartbeat.key"
        )
    return _relative_path(value, "secrets/heartbeat.key")


@functools.cache
def timezones() -> frozenset[str]:
    """Every name of the IANA time zone database; the same on a server that has none installed."""
    lines = Path(__file__).with_name("timezones.txt").read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _timezone(value: str) -> str:
    if value not in timezones():
        near = difflib.get_close_matches(value, sorted(timezones()), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else "write one such as Europe/Prague or Etc/UTC"
        raise ValueError(f"not a time zone; {hint}")
    return value


def _installers() -> list[JsonValue]:
    return list(INSTALLERS.names())


def _releases() -> list[JsonValue]:
    """The releases of every installer kind, each once."""
    return list(dict.fromkeys(release for kind in INSTALLERS.all() for release in kind.releases))


def one_of(known: Callable[[], list[JsonValue]], what: str) -> BeforeValidator:
    """A name that a registry knows at the moment of the check."""

    def check(value: object) -> object:
        if value not in known():
            raise ValueError(f"no {what}; write {' or '.join(repr(one) for one in known())}")
        return value

    return BeforeValidator(check)


def _domain(value: str) -> str:
    if len(value) > _LONGEST_DOMAIN or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", value):
        raise ValueError(
            "not a domain name; write labels of letters, digits and hyphens such as example.lan "
            "(no dot at the end)"
        )
    if value.rpartition(".")[2].isdigit():
        raise ValueError("the last label is a number; write a name such as example.lan")
    return value.lower()


def _zone_name(value: str) -> str:
    """A domain of others: the names of Active Directory begin with an underscore."""
    labels = value.removesuffix(".").split(".")
    if len(value) > 253 or not all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", one)
                                   for one in labels):
        raise ValueError(
            "not the name of a zone; write labels of letters, digits and hyphens such as corp.example.com, "
            "or 10.in-addr.arpa for the reverse zone of 10.0.0.0/8"
        )
    return ".".join(labels).lower()


def _kernel_arg(value: str) -> str:
    if not re.fullmatch(r"[!-~]+", value) or set(value) & set("\"'\\"):
        raise ValueError(
            "not one kernel argument; write one word without spaces, quotes, backslashes "
            "or newlines such as console=ttyS0,115200"
        )
    return value


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def _message(value: str) -> str:
    if len(value) > 1500 or any(not (c == "\n" or " " <= c <= "~") for c in value):
        raise ValueError("must be plain ASCII text of at most 1500 characters; control codes are not allowed")
    return value


def _script(value: str) -> str:
    if any(not (c.isprintable() or c in "\n\t") for c in value):
        raise ValueError("must be printable text; write a shell script")
    return value


Address = Annotated[
    IPv4Address, BeforeValidator(_address), WithJsonSchema({"type": "string", "format": "ipv4"})
]
Network = Annotated[
    IPv4Network, BeforeValidator(_network), WithJsonSchema({"type": "string", "format": "ipv4network"})
]
Label = Annotated[
    str,
    _matches(
        _LABEL,
        "not a host name label (RFC 1123); write 1 to 63 letters, digits and inner hyphens such as cli128",
    ),
    _schema(_LABEL),
]
Name = Annotated[
    str,
    _matches(_NAME, "not a plain name; write 1 to 32 letters, digits, hyphens and underscores such as rh9"),
    _schema(_NAME),
]
Domain = Annotated[str, AfterValidator(_domain)]
ZoneName = Annotated[str, AfterValidator(_zone_name)]
Interface = Annotated[
    str,
    _matches(_INTERFACE, "not an interface name; write one as `ip link` shows it, such as eth0"),
    _schema(_INTERFACE),
]
BondOptions = Annotated[
    str,
    _matches(
        rf"{_BOND_OPTION}(,{_BOND_OPTION})*",
        "not options of a bond; write them such as mode=802.3ad,miimon=100",
    ),
    _schema(rf"{_BOND_OPTION}(,{_BOND_OPTION})*"),
]
Device = Annotated[
    str,
    _matches(_DEVICE, "not a serial device; write one below /dev such as /dev/ttyS0"),
    _schema(_DEVICE),
]
ConsoleDevice = Annotated[
    str,
    _matches(_CONSOLE, "not a serial console; write it as the kernel names it, such as ttyS0 or ttyAMA0"),
    _schema(_CONSOLE),
]
Speed = Annotated[
    int, AfterValidator(_speed), WithJsonSchema({"type": "integer", "enum": list(SERIAL_SPEEDS)})
]
RelativePath = Annotated[str, AfterValidator(_relative_path)]
RelativePaths = Annotated[
    tuple[str, ...],
    BeforeValidator(_relative_paths),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One or a list."""
SecretPath = Annotated[str, AfterValidator(_secret_path)]
TemplateName = Annotated[
    str,
    _matches(_TEMPLATE, "not a template's file name; write one such as default.ks.j2"),
    _schema(_TEMPLATE),
]
KernelArg = Annotated[str, AfterValidator(_kernel_arg)]
Line = Annotated[str, AfterValidator(_one_line)]
Message = Annotated[str, AfterValidator(_message)]
Script = Annotated[str, AfterValidator(_script)]
Lang = Annotated[str, _matches(_LANG, "not a locale; write one such as en_US.UTF-8"), _schema(_LANG)]
Keyboard = Annotated[
    str, _matches(_KEYBOARD, "not a keyboard layout; write one such as us"), _schema(_KEYBOARD)
]
Timezone = Annotated[str, AfterValidator(_timezone)]
InstallerName = Annotated[
    str,
    one_of(_installers, "installer that Twinboot knows"),
    Field(json_schema_extra=lambda schema: schema.update(enum=_installers())),
]
Release = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value),
    AfterValidator(_one_line),
    Field(json_schema_extra=lambda schema: schema.update(enum=_releases())),
]
"""Whether it is one of the profile's own installer, the checks ask."""
