"""The site file's part on the page and the API: who may read, the tokens of those who may act, HTTPS."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from .base import Model
from .fields import Name


class TokenRole(StrEnum):
    """What a token gives the right to; each has the rights of those before it."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


class Reading(StrEnum):
    """Who may see what the page shows."""

    OPEN = "open"
    TOKEN = "token"


class ApiToken(Model):
    """A token, by its digest. `twinboot token NAME --role ROLE` makes it, and prints these lines."""

    name: Name = Field(description="by which the log of deeds calls whoever has it")
    role: TokenRole = Field(
        description="read: see all; operate: and order installs and planned moves; admin: and apply a site"
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the token, as `twinboot token` prints it"
    )
    expires: datetime.date | None = Field(
        default=None, description="last day on which it is good, such as 2027-12-31; default: for ever"
    )


class Https(Model):
    """The page and the API over TLS, with secrets/tls.crt and secrets/tls.key, or a certificate made here."""

    port: int = Field(default=443, ge=0, le=65_535, description="TCP port of HTTPS; 0: none, and no deeds")


def _off(value: object) -> object:
    return {"port": 0} if value in ("off", False) else value


HttpsSetting = Annotated[Https, BeforeValidator(_off)]


PageName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$", to_lower=True)
]


class Api(Model):
    """The page and the API."""

    read: Reading = Field(
        default=Reading.OPEN,
        description="who may see machines, servers and alarms: `open`, whoever reaches a server; `token`",
    )
    tokens: tuple[ApiToken, ...] = Field(
        default=(), description="who may act, or read where that takes a token; at most 100"
    )
    names: tuple[PageName, ...] = Field(
        default=(), max_length=50,
        description="more names, or addresses, by which browsers may ask for the page, beside those of the "
        "site and its servers, such as install.example.com; without a port",
    )
    https: HttpsSetting = Field(
        default=Https(), description="HTTPS, without which nobody can act by the page or the API; or `off`"
    )
