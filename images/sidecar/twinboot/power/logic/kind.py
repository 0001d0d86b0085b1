"""A way to talk to BMCs, as a registered value; what an open one can do, and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from .targets import Target


class Action(StrEnum):
    """What a machine's BMC is asked for. network: the next start alone is from the network, and it comes at
    once."""

    STATUS = "status"
    ON = "on"
    OFF = "off"
    CYCLE = "cycle"
    NETWORK = "network"


class Firmware(StrEnum):
    """How a machine boots from the network, where that is known."""

    UNKNOWN = ""
    BIOS = "bios"
    UEFI = "uefi"
    UEFI_HTTP = "uefi-http"


class Reason(StrEnum):
    """Why nothing came of an action."""

    UNREACHABLE = "unreachable"
    SILENT = "silent"
    PASSWORD = "password"
    CERTIFICATE = "certificate"
    NO_SYSTEM = "no-system"
    NO_OVERRIDE = "no-override"
    SECRET = "secret"
    REFUSED = "refused"
    UNKNOWN_HOST = "unknown-host"


class PowerFailed(Exception):
    """An action failed; the text is one line for an operator."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


class Bmc(Protocol):
    """One that is open. Everything may raise PowerFailed."""

    def is_on(self) -> bool: ...
    def on(self) -> None: ...

    def off(self) -> None:
        """At once, whatever runs."""

    def cycle(self) -> None:
        """Off and on again, of a machine that is on."""

    def network_once(self, firmware: Firmware) -> None:
        """The next start, and no other, is from the network."""


@dataclass(frozen=True, slots=True)
class PowerKind:
    """name: as the site file has it. port: where BMCs listen. takes: the settings that only some kinds know
    (`verify`, `system`). user_faults: what is wrong with a user's name, in words. open: a BMC, with the
    password."""

    name: str
    port: int
    takes: frozenset[str]
    user_faults: Callable[[str], Iterator[str]]
    open: Callable[[Target, str], AbstractContextManager[Bmc]]
