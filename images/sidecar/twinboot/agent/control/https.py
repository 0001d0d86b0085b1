"""By which certificate this server's HTTPS is known, as an operator compares it with what a browser shows."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinboot.alarms import Condition, kinds

WARN_S = 21 * 86400
CERTIFICATE = Path("httpd/private/tls.crt")


def https_facts(current: Path) -> dict[str, Any] | None:
    """fingerprint: SHA-256 of the certificate, as openssl x509 -fingerprint writes it. until: the end
    of one of the operator's own, seconds since 1970. None: no HTTPS."""
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
    until = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # one that was made here
        until = int(json.loads((generation / "sidecar/https.json").read_text())["until"])
    return {"port": int(site["api"]["https"]["port"]), "fingerprint": ":".join(pairs), "until": until}


def expiry(current: Path, server: str, now: float) -> Iterator[Condition]:
    """A certificate of the operator's own that ends soon, or has. now: seconds since 1970."""
    until = (https_facts(current) or {}).get("until")
    if until is None or now < until - WARN_S:
        return
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until))
    if now >= until:
        yield kinds.CERTIFICATE_EXPIRED.on(server, f"the certificate of HTTPS has ended: {day}")
    else:
        days = int((until - now) // 86400)
        yield kinds.CERTIFICATE_EXPIRES.on(
            server, f"the certificate of HTTPS ends on {day}, in {days} day{'s' * (days != 1)}")
