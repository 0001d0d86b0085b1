"""How machines are switched on and off: their BMCs. What a host leaves out its profile says, then the site.

Owns the forms of BMCs' addresses, users, files of passwords, and of what their certificates are held against.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from ...kinds import POWER
from .base import Model
from .fields import SecretPath, one_of

FOLDER = "secrets/power/"
"""Below the config folder: all that the process which talks to BMCs can see of it."""
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_HOST}(:[0-9]{{1,5}})?")
_USER = re.compile(r"[!-~]{1,64}")
_SYSTEM = re.compile(r"[A-Za-z0-9._/:+-]{1,120}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
OFF = "off"


class PowerFirmware(StrEnum):
    """How a machine boots from the network."""

    BIOS = "bios"
    UEFI = "uefi"
    UEFI_HTTP = "uefi-http"


def _kinds() -> list[JsonValue]:
    return list(POWER.names())


def _address(value: str) -> str:
    port = value.partition(":")[2]
    if not _ADDRESS.fullmatch(value) or (port and not 0 < int(port) < 65_536):
        raise ValueError("not the address of a BMC; write an address or a name, with a port where it is not "
                         "the usual one, such as 10.0.8.17 or bmc17.example.lan:8443")  # fmt: skip
    return value


def _user(value: str) -> str:
    if not _USER.fullmatch(value):
        raise ValueError("not a user of a BMC; write up to 64 characters without blanks such as twinboot")
    return value


def _system(value: str) -> str:
    if not _SYSTEM.fullmatch(value):
        raise ValueError("not a system of a BMC; write its name, such as 1 or System.Embedded.1")
    return value


def _file(value: str) -> str:
    if not value.startswith(FOLDER):
        raise ValueError(f"must lie below {FOLDER}, which is all that the process sees; write a path such as "
                         f"{FOLDER}bmc.password")  # fmt: skip
    return value


def _verify(value: object) -> object:
    if value == OFF or value is None or not isinstance(value, str):
        return value
    digits = value.lower().replace(":", "")
    if _FINGERPRINT.fullmatch(digits):
        return digits
    if not value.startswith(FOLDER) or ".." in value.split("/"):
        raise ValueError("not what a certificate is held against; write a file of authorities such as "
                         f"{FOLDER}ca.pem, the certificate's SHA-256 (64 hex digits), or off")  # fmt: skip
    return value


PowerKindName = Annotated[
    str,
    one_of(_kinds, "way to a BMC"),
    Field(json_schema_extra=lambda schema: schema.update(enum=_kinds())),
]
PowerFile = Annotated[SecretPath, AfterValidator(_file)]
BmcAddress = Annotated[str, AfterValidator(_address)]
Verify = Annotated[str, BeforeValidator(_verify), WithJsonSchema({"type": "string"})]


class Power(Model):
    """What hosts have in common: of a profile, or of the site."""

    kind: PowerKindName | None = Field(default=None, description="how the BMC is talked to: redfish or ipmi")
    user: Annotated[str, AfterValidator(_user)] | None = Field(
        default=None, description="user of the BMC; the rights of an operator are enough"
    )
    password_file: PowerFile | None = Field(
        default=None,
        description="file with that user's password in its first line, below secrets/power beside the site "
        "file; of group 968, mode 0640",
    )
    verify: Verify | None = Field(
        default=None,
        description="redfish: what the BMC's certificate is held against: a file of authorities below "
        "secrets/power, its own SHA-256, or off; default: the authorities that Debian knows",
    )
    firmware: PowerFirmware | None = Field(
        default=None,
        description="how the machine boots from the network: bios, uefi or uefi-http; default: as it was "
        "heard last",
    )


class SitePower(Power):
    """Settings of `power` for all hosts, where neither host nor profile says otherwise."""

    interval_s: float = Field(
        default=1.0, ge=0.0, le=60.0,
        description="between two machines that `install --now` restarts, so that they do not all draw their "
        "starting current at once",
    )


class HostPower(Power):
    """The BMC of one host."""

    address: BmcAddress = Field(
        description="address or name of the BMC, with :port where it is not the usual one"
    )
    system: Annotated[str, AfterValidator(_system)] | None = Field(
        default=None, description="redfish: which system it is, where the BMC has several"
    )


def merged(host: HostPower, profile: Power | None, site: SitePower) -> HostPower:
    """What counts for a host."""
    found: dict[str, Any] = {}
    for one in (site, profile, host):
        if one is not None:
            found |= {name: value for name in HostPower.model_fields
                      if (value := getattr(one, name, None)) is not None}  # fmt: skip
    return HostPower.model_construct(**{**dict.fromkeys(HostPower.model_fields), **found})
