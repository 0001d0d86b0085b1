"""What all messages between the sidecars of a cluster have in common: header, signature, refusals.

    magic 4 | version u8 | cluster tag 4 | key id 4 | body | HMAC-SHA256 32

The cluster tag and the key id are the first bytes of SHA-256 over the cluster's name and over the key:
hints that pick the key and tell a neighbour's message from a forged one. Only the signature, which
covers everything before it, proves anything; it is checked before the body is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence
from enum import Enum

MAX_SIZE = 1400
"""Bytes: fits one Ethernet frame with room for a tunnel's headers; IP never has to fragment it."""
MIN_KEY_BYTES = 16

_HEADER = struct.Struct(">4sB4s4s")
_MAC_BYTES = 32
OVERHEAD = _HEADER.size + _MAC_BYTES
"""Bytes of a message that are not its body."""


class Refusal(Enum):
    """Why a message was not accepted."""

    MALFORMED = "malformed"
    FORGED = "forged"
    FOREIGN = "foreign"
    VERSION = "version"
    OVERSIZED = "oversized"


class DecodeError(Exception):
    """The only exception that decoding raises."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{refusal.value}: {detail}")
        self.refusal = refusal


class EncodeError(ValueError):
    """This message cannot be put on the wire (too large, or a name too long)."""


class MessageAuthenticator:
    """Signs and verifies one kind of message of one cluster.

    The first key signs; every key is accepted. So a key is rolled over without a gap: add the new
    one last everywhere, then move it to the front everywhere, then take the old one away.
    """

    def __init__(self, magic: bytes, version: int, message_kind: str, cluster: str, keys: Sequence[bytes],
                 max_size: int = MAX_SIZE) -> None:
        """what: the kind of message, for the texts of refusals. most: bytes that are looked at."""
        if not keys:
            raise ValueError("at least one heartbeat key is needed")
        for key in keys:
            if len(key) < MIN_KEY_BYTES:
                raise ValueError(f"a heartbeat key has {len(key)} bytes; at least {MIN_KEY_BYTES} are needed")
        self._magic, self._version, self._message_kind, self._max_size = (
            magic,
            version,
            message_kind,
            max_size,
        )
        self._cluster_tag = cluster_tag(cluster)
        self._signing_key = keys[0]
        self._header = _HEADER.pack(magic, version, self._cluster_tag, key_id(keys[0]))
        self._keys = {key_id(key): key for key in reversed(keys)}

    def sign(self, body: bytes) -> bytes:
        """The signed message. Its size is the caller's business."""
        message = self._header + body
        return message + hmac.digest(self._signing_key, message, "sha256")

    def verify(self, data: bytes) -> bytes:
        """The body of an authentic message, cheap checks first; DecodeError for anything else."""
        if len(data) > self._max_size:
            raise DecodeError(Refusal.OVERSIZED, f"{len(data)} bytes")
        if len(data) < OVERHEAD:
            raise DecodeError(Refusal.MALFORMED, f"{len(data)} bytes")
        magic, version, tag, kid = _HEADER.unpack_from(data)
        if magic != self._magic:
            raise DecodeError(Refusal.MALFORMED, f"not a message of the {self._message_kind}")
        if version != self._version:
            raise DecodeError(
                Refusal.VERSION, f"{self._message_kind} version {version}; this is {self._version}"
            )
        if tag != self._cluster_tag:
            raise DecodeError(Refusal.FOREIGN, "of another cluster")
        key = self._keys.get(kid)
        if key is None:
            raise DecodeError(Refusal.FORGED, f"unknown key {kid.hex()}")
        signed = data[:-_MAC_BYTES]
        if not hmac.compare_digest(hmac.digest(key, signed, "sha256"), data[-_MAC_BYTES:]):
            raise DecodeError(Refusal.FORGED, "wrong signature")
        return signed[_HEADER.size:]


def cluster_tag(cluster: str) -> bytes:
    """Short public name of a cluster."""
    return hashlib.sha256(b"cluster\0" + cluster.encode()).digest()[:4]


def key_id(key: bytes) -> bytes:
    """Short public name of a key: says nothing about it, and tells two keys apart."""
    return hashlib.sha256(b"key\0" + key).digest()[:4]
