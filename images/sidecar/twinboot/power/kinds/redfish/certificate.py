"""What a BMC proves itself by: an authority's signature, a fingerprint, or nothing."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from pathlib import Path
from typing import Any

from ...logic.targets import OFF

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_LOOK_S = 5.0


def fingerprint_in(verify: str) -> str:
    """The SHA-256 that `verify` names; empty when it names none."""
    return verify if _FINGERPRINT.fullmatch(verify) else ""


def wanted(verify: str, config: Path) -> bool | str:
    """`verify` of the library requests. A fingerprint is looked at by an adapter of its own."""
    if verify == OFF or fingerprint_in(verify):
        return False
    return str(config / verify) if verify else True


def pinned(fingerprint: str) -> Any:
    """An adapter of requests that takes one certificate alone."""
    from requests.adapters import HTTPAdapter

    class Pinned(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, **more, assert_fingerprint=fingerprint)

    return Pinned()


def fingerprint_of(host: str, port: int) -> str:
    """Fingerprint of the certificate that a BMC shows now; empty when it shows none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), _LOOK_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as shown,
        ):
            return hashlib.sha256(shown.getpeercert(binary_form=True) or b"").hexdigest()
    except (OSError, ValueError):
        return ""
