"""The token of an invitation: where the inviter listens, until when, and by what both sides know each other.

    token = "TB1-" | base64url, without padding, of:
        u16 port | u32 end, seconds since 1970 | u8 n | n times 4 bytes: IPv4 addresses
        | 16 bytes: the secret | 32 bytes: SHA-256 of the inviter's certificate | u32: CRC-32 of all before

The CRC tells a token that was mistyped. Who has the token has the secret: it is good once. Pure.
"""

from __future__ import annotations

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from ipaddress import IPv4Address

PREFIX = "TB1-"
SECRET_BYTES = 16
MAX_ADDRESSES = 16


class TokenError(ValueError):
    """The text is no token, or not as it was made; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """ends: seconds since 1970, by the inviter's clock. fingerprint: of its certificate, in DER."""

    addresses: tuple[IPv4Address, ...]
    port: int
    ends: int
    secret: bytes
    fingerprint: bytes

    def token(self) -> str:
        body = self.port.to_bytes(2, "big") + self.ends.to_bytes(4, "big") + bytes([len(self.addresses)])
        body += b"".join(one.packed for one in self.addresses) + self.secret + self.fingerprint
        body += zlib.crc32(body).to_bytes(4, "big")
        return PREFIX + urlsafe_b64encode(body).decode().rstrip("=")


def read_token(text: str) -> Invitation:
    """TokenError."""
    text = text.strip()
    if not text.startswith("TB"):
        raise TokenError(f"'{text[:20]}' is no invitation: those begin with {PREFIX}")
    if not text.startswith(PREFIX):
        raise TokenError(f"an invitation of another release ('{text[:4]}'): this one knows {PREFIX}")
    code = text.removeprefix(PREFIX)
    try:
        body = urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except (binascii.Error, ValueError) as exc:
        raise TokenError("the invitation is not as it was printed: copy the whole line again") from exc
    count = body[6] if len(body) > 6 else 0
    size = 7 + 4 * count + SECRET_BYTES + 32
    if len(body) != size + 4 or zlib.crc32(body[:size]).to_bytes(4, "big") != body[size:]:
        raise TokenError("the invitation is not as it was printed: copy the whole line again")
    at = 7 + 4 * count
    return Invitation(
        addresses=tuple(IPv4Address(body[i:i + 4]) for i in range(7, at, 4)),
        port=int.from_bytes(body[:2], "big"), ends=int.from_bytes(body[2:6], "big"),
        secret=body[at:at + SECRET_BYTES], fingerprint=body[at + SECRET_BYTES:size],
    )
