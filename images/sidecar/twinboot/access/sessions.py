"""A token that was typed in once becomes a signed text, which a browser keeps for half a day.

The text names the token's entry and has a part of its digest: it is worth nothing any more when the entry is
taken out of the site file, is another's, or is out of date. Every server can make and check it, since its key
comes from the heartbeat key, which all have: so a session goes on when an address moves.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from .tokens import Token

LASTS_S = 12 * 3600
MAX_CHARACTERS = 1000
_DIGEST_PART = 16


@dataclass(frozen=True, slots=True)
class Session:
    """token: the entry it is of. until: seconds since 1970."""

    token: Token
    until: int
    csrf: str


def key_of(heartbeat_key: bytes) -> bytes:
    """One that tells nothing of the heartbeat key (HKDF, RFC 5869: its expand step, one block)."""
    return hmac.digest(heartbeat_key, b"twinboot page session\x01", "sha256")


def made(token: Token, key: bytes, now: float) -> str:
    """The text of a new session."""
    said = {"name": token.name, "of": token.sha256[:_DIGEST_PART], "until": int(now) + LASTS_S}
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=")
    return f"{body.decode()}.{_sign(key, b'session', body)}"


def check(text: str, keys: Sequence[bytes], tokens: Sequence[Token], now: float) -> Session | None:
    """The session; None: it is none of ours, or none any more."""
    body, dot, signature = text[:MAX_CHARACTERS].partition(".")
    if not dot or not text.isascii():
        return None
    key = next((one for one in keys
                if hmac.compare_digest(_sign(one, b"session", body.encode()), signature)), None)  # fmt: skip
    if key is None:
        return None
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    token = next((one for one in tokens if one.name == said["name"]
                  and one.sha256.startswith(said["of"])), None)  # fmt: skip
    if token is None or said["until"] <= now:
        return None
    return Session(token, said["until"], csrf_of(text, key))


def csrf_of(text: str, key: bytes) -> str:
    """What a form of this session has in it: another site cannot know it."""
    return _sign(key, b"form", text.encode())


def _sign(key: bytes, what: bytes, text: bytes) -> str:
    return hmac.new(key, what + b"\0" + text, hashlib.sha256).hexdigest()
