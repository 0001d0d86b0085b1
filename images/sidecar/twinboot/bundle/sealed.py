"""A bundle behind a passphrase: encrypted as a whole, with a first line that says what it is.

Owns the form of a backup's file:

    "twinboot-backup 1" LF | one line of JSON: the head | SHA-256 of all else | the bundle, encrypted

The key is scrypt's (RFC 7914) of the passphrase; the cipher is AES-256-GCM (NIST SP 800-38D), with both lines
as associated data: what was altered anywhere is found. The digest and the length in the head tell a file that
was cut off or altered from a passphrase that is wrong; they prove nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from .parts import MAX_BYTES, BundleError

MAGIC = b"twinboot-backup "
FORM = 1
MIN_PASSPHRASE = 8
SCRYPT = {"n": 1 << 16, "r": 8, "p": 1}
"""64 MiB and a fifth of a second for each try of a passphrase."""
_MAX_N, _MAX_R, _MAX_P = 1 << 20, 16, 4
_MAX_HEAD = 1 << 16
_ODD = re.compile(r"[^\w .:+/-]")


class PassphraseError(Exception):
    """The passphrase is not the one that the file was made with."""


def seal(data: bytes, passphrase: str, told: Mapping[str, Any]) -> bytes:
    """told: what everybody may read of it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(16), os.urandom(12)
    cipher = AESGCM(_key(passphrase, salt, SCRYPT))
    # The tag's length is known before, so that the head can say how much follows.
    head = {**told, "scrypt": SCRYPT, "salt": salt.hex(), "nonce": nonce.hex(), "bytes": len(data) + 16}
    first = MAGIC + b"%d\n" % FORM + json.dumps(head).encode() + b"\n"
    hidden = cipher.encrypt(nonce, data, first)
    return first + hashlib.sha256(first + hidden).digest() + hidden


def told_of(data: bytes) -> Mapping[str, Any]:
    """What its maker says of it; anybody can have written that. BundleError."""
    return _split(data)[1]


def unseal(data: bytes, passphrase: str) -> bytes:
    """The bundle. PassphraseError; BundleError when the file is none, or is not whole."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    first, head, hidden = _split(data)
    try:
        scrypt = {name: int(head["scrypt"][name]) for name in ("n", "r", "p")}
        salt, nonce = bytes.fromhex(head["salt"]), bytes.fromhex(head["nonce"])
    except (KeyError, TypeError, ValueError) as exc:
        raise BundleError("is damaged: its second line is not as it was written") from exc
    dear = scrypt["n"] > _MAX_N or scrypt["r"] > _MAX_R or scrypt["p"] > _MAX_P
    if dear or len(nonce) != 12 or len(salt) < 8:
        raise BundleError("is damaged: its second line asks for what no release of Twinboot does")
    try:
        return AESGCM(_key(passphrase, salt, scrypt)).decrypt(nonce, hidden, first)
    except InvalidTag as exc:
        raise PassphraseError("the passphrase is not the one that this backup was made with") from exc
    except ValueError as exc:
        raise BundleError(f"is damaged: {exc}") from exc


def _split(data: bytes) -> tuple[bytes, Mapping[str, Any], bytes]:
    """Both lines, the head, and what is encrypted; all that can be known without the passphrase is
    checked."""
    if not data:
        raise BundleError("is empty")
    if not data.startswith(MAGIC):
        raise BundleError("is no backup of Twinboot's: its first line is another one")
    end = data.find(b"\n")
    form = data[len(MAGIC):end]
    if end < 0 or not form.isdigit():
        raise BundleError("is cut off in its first line")
    if int(form) > FORM:
        raise BundleError(f"has the form {int(form)} of a newer release; this one knows {FORM}: restore it "
                          "with the release that made it, or a later one")
    stop = data.find(b"\n", end + 1, end + 1 + _MAX_HEAD)
    if stop < 0:
        raise BundleError("is cut off in its second line")
    try:
        head = json.loads(data[end + 1:stop])
        wanted = int(head["bytes"])
    except (ValueError, TypeError, KeyError) as exc:
        raise BundleError("is damaged: its second line is not as it was written") from exc
    digest, hidden = data[stop + 1:stop + 33], data[stop + 33:]
    if len(hidden) != wanted:
        there = "cut off" if len(hidden) < wanted else "longer than it was"
        raise BundleError(f"is {there}: {len(hidden)} of {wanted} bytes follow its second line")
    first = data[:stop + 1]
    if hashlib.sha256(first + hidden).digest() != digest or wanted > MAX_BYTES + (1 << 20):
        raise BundleError("was altered: it is not what its digest says")
    return first, {name: _plain(value) for name, value in head.items()}, hidden


def _plain(value: Any) -> Any:
    """Text without what a terminal would act on."""
    return _ODD.sub("?", value)[:200] if isinstance(value, str) else value


def _key(passphrase: str, salt: bytes, scrypt: Mapping[str, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, **scrypt).derive(passphrase.encode())
