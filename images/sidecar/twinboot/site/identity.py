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
    """Digest of the whole site."""
    return _hash(_said(site), DIGEST_BYTES)


def part_digests(site: Site) -> Mapping[str, bytes]:
    """By top-level key of the site file, of what it holds."""
    said = _said(site)
    return {name: _hash(said.get(name), PART_BYTES) for name in type(site).model_fields}


def _said(site: Site) -> Mapping[str, object]:
    """What is not as it is by default: so a release that knows more settings calls the same file the same."""
    said: Mapping[str, object] = site.model_dump(mode="json", exclude_defaults=True)
    return said


def _hash(value: object, size: int) -> bytes:
    # Not with sorted keys: the order of groups is the order of balancing.
    return hashlib.sha256(json.dumps(value).encode()).digest()[:size]
