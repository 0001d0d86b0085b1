"""The port of an FTP data connection, as commands and replies name it (RFC 959, RFC 2428)."""

from __future__ import annotations

import re

_PASSIVE_REPLY = re.compile(rb"^227 .*?(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EXTENDED_PASSIVE_REPLY = re.compile(rb"^229 .*\((.)\1\1(\d{1,5})\1\)")
_PORT_ARGUMENT = re.compile(rb"^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})$")
_EPRT_ARGUMENT = re.compile(rb"^(.)1\1([0-9.]+)\1(\d{1,5})\1$")


def passive_port(reply: bytes) -> int | None:
    """The port in a reply 227 (RFC 959 section 4.1.2) or 229 (RFC 2428 section 3)."""
    if found := _PASSIVE_REPLY.match(reply):
        return _port(int(found[5]) * 256 + int(found[6]))
    if found := _EXTENDED_PASSIVE_REPLY.match(reply):
        return _port(int(found[2]))
    return None


def active_port(argument: bytes) -> int | None:
    """The port in the argument of PORT (RFC 959) or of EPRT for IPv4 (RFC 2428 section 2)."""
    found = active_target(argument)
    return found[1] if found is not None else None


def active_target(argument: bytes) -> tuple[bytes, int] | None:
    """The address and the port in the argument of PORT or EPRT."""
    argument = argument.strip()
    address, port = b"", None
    if found := _PORT_ARGUMENT.match(argument):
        address, port = b".".join(found.groups()[:4]), _port(int(found[5]) * 256 + int(found[6]))
    elif found := _EPRT_ARGUMENT.match(argument):
        address, port = found[2], _port(int(found[3]))
    return (address, port) if port is not None else None


def _port(number: int) -> int | None:
    return number if 0 < number < 65536 else None
