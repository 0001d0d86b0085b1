"""Secrets and signatures, as Standard Webhooks has them, so that receivers verify with what they have.

Source: Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers": HMAC-SHA256 over
`{id}.{timestamp}.{body}`; a secret is 24 to 64 octets, written `whsec_` and base64; `webhook-signature` holds
one `v1,BASE64` for each secret, with a blank between them. HMAC: RFC 2104.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
MAX_SECRETS = 4
MAKE = "(printf whsec_; openssl rand -base64 32)"
"""What prints a new one."""


def secrets_of(text: str) -> tuple[bytes, ...]:
    """The secrets of a file, one a line: while one replaces another both sign. ValueError says what is wrong,
    and never what is in the file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MAX_SECRETS:
        raise ValueError(f"holds {len(lines)} lines; write 1 to {MAX_SECRETS} secrets, one a line")
    return tuple(_secret(number, line) for number, line in enumerate(lines, 1))


def _secret(number: int, line: str) -> bytes:
    if not line.startswith(PREFIX):
        raise ValueError(f"line {number} does not begin with {PREFIX}")
    try:
        found = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError(f"line {number} is no base64 after {PREFIX}") from exc
    if not MIN_BYTES <= len(found) <= MAX_BYTES:
        raise ValueError(f"line {number} holds {len(found)} octets; write {MIN_BYTES} to {MAX_BYTES}")
    return found


def headers(event_id: str, body: bytes, *, at: float, secrets: Sequence[bytes]) -> dict[str, str]:
    """Headers of one attempt. at: its time, seconds since the epoch. Without a secret it has no signature."""
    stamp = str(int(at))
    found = {"webhook-id": event_id, "webhook-timestamp": stamp}
    signed = f"{event_id}.{stamp}.".encode() + body
    if secrets:
        found["webhook-signature"] = " ".join(
            "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets
        )
    return found
