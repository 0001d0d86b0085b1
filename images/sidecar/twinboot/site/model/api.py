"""The site file's `api` (who may read, tokens of those who may act, HTTPS) and `webhooks` (URL, events)."""

from __future__ import annotations

import datetime
import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from .base import Model
from .fields import Name, SecretPath

FOLDER = "secrets/"
_URL = re.compile(r"[!-~]{1,1000}")
_EXAMPLE = "write one such as https://hooks.example.lan/twinboot"


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

    name: Name = Field(description="by which the audit log calls whoever has it")
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

    port: int = Field(default=443, ge=0, le=65_535, description="TCP port of HTTPS; 0: none, and no actions")


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


class WebhookEvent(StrEnum):
    """What may be told. The words of twinboot.webhooks.event."""

    MACHINE_DONE = "machine-done"
    MACHINE_FAILED = "machine-failed"
    MACHINE_STALLED = "machine-stalled"
    MACHINE_DISCOVERED = "machine-discovered"
    GROUP_MOVED = "group-moved"
    ALARM = "alarm"
    ALARM_OVER = "alarm-over"


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = bool(_URL.fullmatch(value) and parts.hostname and parts.port != 0)
    except ValueError:
        sound = False
    if not sound:
        raise ValueError(f"not a URL; {_EXAMPLE}")
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"neither http nor https; {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user and password are not sent; the signature says who it is: leave them out")
    if parts.fragment:
        raise ValueError("what follows # is never sent; leave it out")
    return value


def _file(value: str) -> str:
    if not value.startswith(FOLDER):
        raise ValueError(f"must lie below {FOLDER}, so that it goes along with a backup and to a server that "
                         f"joins; write a path such as {FOLDER}monitoring.webhook")  # fmt: skip
    return value


Url = Annotated[
    str, AfterValidator(_url), WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"})
]
File = Annotated[SecretPath, AfterValidator(_file)]


class Webhook(Model):
    """One program that is told."""

    name: Name = Field(description="by which status, alarms and `twinboot webhooks` call it")
    url: Url = Field(description="where events are sent by POST, http or https; redirects are not followed")
    events: tuple[WebhookEvent, ...] = Field(
        default=tuple(WebhookEvent), min_length=1, description="what it is told; default: everything"
    )
    profiles: tuple[str, ...] = Field(
        default=(), description="of machines, those with one of these profiles alone; default: all"
    )
    secret: File | None = Field(
        default=None,
        description="file below secrets, on every server, with the secret that signs each event: `whsec_` "
        "and base64 in a line; a second line is a second secret",
    )
    signed: bool = Field(
        default=True, description="false: events are sent without a signature, so that anybody can make them"
    )
    ca: File | None = Field(
        default=None,
        description="PEM file below secrets of the authorities that may have signed the receiver's "
        "certificate; default: those that Debian knows",
    )
