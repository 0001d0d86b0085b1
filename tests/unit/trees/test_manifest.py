"""The manifest: what goes in comes out, and what was tampered with does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.trees.manifest import File, Manifest, ManifestError, decode, encode

DIGITS = "a" * 64
MANIFEST = Manifest(
    name="alma", kind="kickstart", distribution="AlmaLinux 9.4", release="RHEL9", architecture="x86_64",
    kernel="images/pxeboot/vmlinuz", initrds=("images/pxeboot/initrd.img",), source="AlmaLinux 9.4.iso",
    label="AlmaLinux-9-4", imported="2026-11-29T15:00:00Z", identity="1", medium="2",
    files=(File("a b/ü", 3, 1714566339, DIGITS), File("empty", 0, 0, DIGITS)), links={"link": "a b/ü"},
)  # fmt: skip

_PART = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=()), min_size=1).filter(
    lambda one: one not in (".", "..")
)


@given(parts=st.lists(_PART, min_size=1, max_size=3), size=st.integers(0, 1 << 50), target=_PART)
def test_what_goes_in_comes_out(parts: list[str], size: int, target: str) -> None:
    """Names of any bytes, too: those that are no UTF-8 are surrogates in Python."""
    path = "/".join(parts)
    manifest = replace(MANIFEST, files=(File(path, size, -1, DIGITS),), links={path + "x": target})
    text = encode(manifest)
    assert text.isascii()
    assert decode(text) == manifest


def test_the_contents_are_equal_whenever_it_was_imported() -> None:
    later = replace(MANIFEST, imported="2027-01-01T00:00:00Z", identity="9", source="other.iso")
    assert later.contents == MANIFEST.contents
    assert replace(MANIFEST, links={}).contents != MANIFEST.contents


def test_a_manifest_that_was_changed_is_noticed() -> None:
    text = encode(MANIFEST)
    for old, new in (("1714566339", "1714566338"), (DIGITS, "b" * 64), ("a b/", "a c/"),
    ('"size": 3', '"size": 4'),
                     ('"digest": "', '"digest": "0')):  # fmt: skip
        assert old in text
        with pytest.raises(ManifestError, match="changed"):
            decode(text.replace(old, new, 1))


def _signed(**changes: Any) -> str:
    """A manifest whose digest is right, made by somebody else."""
    from twinboot.trees import manifest as module

    document = json.loads(encode(MANIFEST)) | changes
    document.pop("digest")
    return json.dumps(document | {"digest": module._digest(document)})


@pytest.mark.parametrize("changes", [
    {"files": [{"path": "../out", "size": 1, "mtime": 1, "sha256": DIGITS}]},
    {"files": [{"path": "/etc/passwd", "size": 1, "mtime": 1, "sha256": DIGITS}]},
    {"files": [{"path": "a//b", "size": 1, "mtime": 1, "sha256": DIGITS}]},
    {"files": [{"path": "a", "size": -1, "mtime": 1, "sha256": DIGITS}]},
    {"files": [{"path": "a", "size": True, "mtime": 1, "sha256": DIGITS}]},
    {"files": [{"path": "a", "size": 1, "mtime": 1, "sha256": "short"}]},
    {"files": [{"path": "a"}]}, {"files": [7]}, {"files": 7}, {"links": []}, {"links": {"../x": "y"}},
    {"links": {"x": 7}}, {"kernel": None}, {"initrds": "x" * 0 or None},
])  # fmt: skip
def test_what_makes_no_sense_is_refused_though_its_digest_is_right(changes: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        decode(_signed(**changes))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "1"}', '{"version": 99}', "null"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        decode(text)


def test_a_key_of_a_later_release_is_passed_over() -> None:
    assert decode(_signed(later={"a": 1})) == MANIFEST
