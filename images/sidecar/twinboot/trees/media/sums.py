"""The checksums that a medium brings along: which file should have which. Pure.

Owns the lists that several distributions have in common (the format of md5sum(1) and its kin); a kind's own
come with what it recognised. Sources: coreutils' manual; Debian's and Ubuntu's md5sum.txt, SUSE's CHECKSUMS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...installers.media import Medium, Recognised

_LISTS = ("md5sum.txt", "sha1sum.txt", "sha256sum.txt", "sha512sum.txt", "md5sums", "sha1sums", "sha256sums",
          "sha512sums", "checksums")  # fmt: skip
_LINE = re.compile(r"^([0-9a-fA-F]{32,128}) [ *](?:\./)*(.+)$")
_ALGORITHMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_ANOTHER_ON_THE_MEDIUM = frozenset({"isolinux.bin", "boot.cat", "boot.catalog", "eltorito.img", "cdboot.img"})
"""What the program that makes an image writes into meanwhile (mkisofs -boot-info-table), after the sums."""


@dataclass(frozen=True, slots=True)
class Sum:
    """algorithm: as hashlib calls it. digits: hexadecimal. listed_in: the file that says so."""

    algorithm: str
    digits: str
    listed_in: str


def sums_of(medium: Medium, recognised: Recognised) -> tuple[dict[str, Sum], list[str]]:
    """Sums by path on the medium; and what is listed, but not there."""
    found: dict[str, Sum] = {}
    absent: list[str] = []
    for name in _LISTS:
        listed = medium.find(name)
        for path, one in _lines(medium.text(listed), listed).items() if listed else ():
            real = medium.find(path)
            if real is None:
                absent.append(f"{path} ({one.listed_in})")
            elif real.rpartition("/")[2].lower() not in _ANOTHER_ON_THE_MEDIUM:
                found[real] = one
    for path, one in _own(recognised.checksums).items():
        if real := medium.find(path):  # a boot.iso, say, is named and on no medium
            found[real] = one
    return found, absent


def _lines(text: str, listed_in: str) -> dict[str, Sum]:
    matches = filter(None, map(_LINE.match, text.splitlines()))
    return {
        one[2]: Sum(_ALGORITHMS[len(one[1])], one[1].lower(), listed_in)
        for one in matches if len(one[1]) in _ALGORITHMS
    }  # fmt: skip


def _own(checksums: Mapping[str, str]) -> dict[str, Sum]:
    parted = {path: one.partition(":") for path, one in checksums.items()}
    return {
        path: Sum(algorithm.lower(), digits.lower(), "the medium's description")
        for path, (algorithm, _, digits) in parted.items() if algorithm.lower() in _ALGORITHMS.values()
    }  # fmt: skip
