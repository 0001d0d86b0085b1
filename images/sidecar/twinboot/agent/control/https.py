"""By which certificate this server's HTTPS is known, as an operator compares it with what a browser shows."""

from __future__ import annotations

import functools
import hashlib
import json
import ssl
from pathlib import Path
from typing import Any

CERTIFICATE = Path("httpd/private/tls.crt")


def https_facts(current: Path) -> dict[str, Any] | None:
    """fingerprint: SHA-256 of the certificate, as openssl x509 -fingerprint writes it. None: no HTTPS."""
    try:
        return _facts(current.resolve())
    except (OSError, ValueError):
        return None


@functools.lru_cache(maxsize=2)
def _facts(generation: Path) -> dict[str, Any]:
    """A generation of rendered files never changes."""
    text = (generation / CERTIFICATE).read_text(encoding="ascii")
    first = text[:text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest().upper()
    site = json.loads((generation / "sidecar/site.json").read_text())
    pairs = (digest[at:at + 2] for at in range(0, len(digest), 2))
    return {"port": int(site["api"]["https"]["port"]), "fingerprint": ":".join(pairs)}
