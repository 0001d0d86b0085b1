"""Which site this is: a digest of what the file says, and one of each of its parts.

Two servers with the same digest work by the same site. Layout, comments and order of keys in the file do not
matter: the digests are over the loaded site.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from .model.site import Site

DIGEST_BYTES = 8
PART_BYTES = 3
"""Enough to tell an edited part from another; nobody gains by a collision: who may write it may write all."""


def digest(site: Site) -> bytes:
    """Of the whole site."""
    return _hash(site.model_dump(mode="json"), DIGEST_BYTES)


def part_digests(site: Site) -> Mapping[str, bytes]:
    """By top-level key of the site file, of what it holds."""
    return {name: _hash(part, PART_BYTES) for name, part in site.model_dump(mode="json").items()}


def _hash(value: object, size: int) -> bytes:
    # Not with sorted keys: the order of groups is the order of balancing.
    return hashlib.sha256(json.dumps(value).encode()).digest()[:size]
