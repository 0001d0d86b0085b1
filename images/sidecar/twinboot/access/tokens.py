"""A token is known by its SHA-256, which stands in the site file; nobody keeps the token itself.

It has 256 random bits: a plain digest is as good as a slow one, for nobody can try them (NIST SP 800-63B,
section 5.1.2, asks for slow ones where people choose secrets).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .roles import Role, role_named

PREFIX = "twinboot_"
"""Every token begins so: one that was left somewhere can be found by it."""
RANDOM_BYTES = 32
MAX_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Token:
    """As the site file has it. expires: the last day on which it is good, as 2027-12-31; empty: for ever."""

    name: str
    role: Role
    sha256: str
    expires: str = ""

    def good_on(self, today: str) -> bool:
        return not self.expires or today <= self.expires


def made_of(random: bytes) -> str:
    """PREFIX and the random bytes in base64url without padding (RFC 4648 section 5)."""
    return PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tokens_of(site: Mapping[str, Any] | None) -> tuple[Token, ...]:
    """The tokens of a site, as JSON values."""
    said = (site or {}).get("api") or {}
    return tuple(
        Token(str(one["name"]), role_named(one["role"]), str(one["sha256"]), str(one.get("expires") or ""))
        for one in said.get("tokens") or ()
    )


def reading_is_open(site: Mapping[str, Any] | None) -> bool:
    """Unless the site says that it takes a token."""
    return bool(((site or {}).get("api") or {}).get("read", "open") == "open")


def find(tokens: Sequence[Token], token: str) -> Token | None:
    """The entry of a token, whether or not it is out of date. All are compared, each in constant time."""
    wanted = digest(token[:MAX_CHARACTERS])
    found = None
    for one in tokens:
        if hmac.compare_digest(one.sha256.encode(), wanted.encode()):
            found = one
    return found
