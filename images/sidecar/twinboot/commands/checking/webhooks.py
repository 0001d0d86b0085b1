"""Files of webhooks: secrets that are there, whole and secret, and the authorities of receivers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot.adapters.webhooks.secrets import text_of
from twinboot.errors import ResourceError
from twinboot.webhooks import signing

from .findings import Finding, fault, ok

if TYPE_CHECKING:
    from twinboot.site import Site

_SUBJECT = "webhooks"


def webhook_findings(site: Site, config: Path) -> Iterator[Finding]:
    """Checks the files that `webhooks` names; nothing in a site without any."""
    wrong = False
    for name in sorted({one.secret for one in site.webhooks if one.secret}):
        try:
            signing.secrets_of(text_of(config, name))
        except ResourceError as exc:
            wrong = True
            yield fault(_SUBJECT, f"{name} {exc.reason}", _mend(name))
        except ValueError as exc:
            wrong = True
            yield fault(_SUBJECT, f"{name} {exc}", _mend(name))
    for name in sorted({one.ca for one in site.webhooks if one.ca}):
        try:
            ssl.create_default_context(cafile=config / name)
        except (OSError, ssl.SSLError) as exc:
            wrong = True
            yield fault(_SUBJECT, f"{name}: {exc.strerror or exc}", "put a PEM file of certificates there")
    if site.webhooks and not wrong:
        yield ok(_SUBJECT, f"{len(site.webhooks)} webhooks, all files below config/secrets")


def _mend(name: str) -> str:
    return f"on one server: (umask 077; {signing.MAKE} >config/{name}); the others, and the receiver, get " \
        "the same"
