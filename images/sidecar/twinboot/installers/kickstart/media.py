"""How media of RHEL, its rebuilds and Fedora are recognised: by .treeinfo, or .discinfo where there is none.

Sources: productmd's treeinfo format 1.2 and its predecessors (RHEL 5 to 7: section `general` alone);
Lorax's and pungi's .discinfo, whose lines are the time, the name with its version, the architecture.
"""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterator

from ..media import MediaOptions, Medium, Recognised, UnfitError, architecture_of, required, tree_name
from .releases import NAMES, Release

_TREEINFO, _DISCINFO = ".treeinfo", ".discinfo"
_OTHERS = ("suse", "sle")
"""Families whose media have a .treeinfo, for virt-install, but not this installer."""
_SHORT = {"red hat enterprise linux": "rhel", "oracle linux": "ol", "centos stream": "centos-stream"}
_REPOMD = "repodata/repomd.xml"


class KickstartMedia:
    """See installers.media.MediaKind."""

    name = "kickstart"
    looks_for = f"{_TREEINFO} or {_DISCINFO} (RHEL, its rebuilds, Fedora)"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        info = _read(medium.text(_TREEINFO))
        family, version, word = _described(info) if info.sections() else _disc(medium.text(_DISCINFO))
        if not family or family.lower().startswith(_OTHERS):
            return None
        distribution = f"{family} {version}".strip()
        release = _release(family, version, distribution)
        images = f"images-{word}"
        architecture = architecture_of(word, distribution)
        kernel = info.get(images, "kernel", fallback="images/pxeboot/vmlinuz")
        initrd = info.get(images, "initrd", fallback="images/pxeboot/initrd.img")
        checksums = dict(info["checksums"]) if info.has_section("checksums") else {}
        return Recognised(
            kind=self.name, distribution=distribution, release=release.name, architecture=architecture,
            name=tree_name(_short(family), version), checksums=checksums,
            kernel=required(medium, kernel, distribution), initrds=(required(medium, initrd, distribution),),
            notes=tuple(_notes(medium, info, release, distribution)),
        )


def _read(text: str) -> configparser.ConfigParser:
    info = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    info.optionxform = str  # type: ignore[assignment,method-assign]  # paths have a case
    try:
        info.read_string(text)
    except configparser.Error as exc:
        raise UnfitError(f"{_TREEINFO} cannot be read: {str(exc).splitlines()[0]}") from exc
    return info


def _described(info: configparser.ConfigParser) -> tuple[str, str, str]:
    """Family, version and architecture, as .treeinfo says."""
    family = info.get("release", "name", fallback="") or info.get("general", "family", fallback="")
    version = info.get("release", "version", fallback="") or info.get("general", "version", fallback="")
    word = info.get("tree", "arch", fallback="") or info.get("general", "arch", fallback="")
    images = [one.removeprefix("images-") for one in info.sections() if one.startswith("images-")]
    return family.removesuffix(version).strip(), version, word or next(iter(images), "")


def _disc(text: str) -> tuple[str, str, str]:
    """The same, as .discinfo says; empty, if it does not."""
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) < 3 or not re.fullmatch(r"[0-9.]+", lines[0]):
        return "", "", ""
    family, _, version = lines[1].rpartition(" ")
    if not family:  # Lorax writes the version alone
        family = "Fedora" if re.match(r"[2-9][0-9]", version) else "Enterprise Linux"
    return family, version, lines[2]


def _release(family: str, version: str, distribution: str) -> Release:
    major = re.match(r"[0-9]+", version)
    name = ("F" if "fedora" in family.lower() else "RHEL") + (major[0] if major else version)
    if name not in NAMES:
        raise UnfitError(f"{distribution}: kickstart is for RHEL and its rebuilds 5 to 10, and Fedora "
                         f"{NAMES[6][1:]} to {NAMES[-1][1:]}")
    return Release(name)


def _short(family: str) -> str:
    known = next((short for long, short in _SHORT.items() if family.lower().startswith(long)), None)
    return known or re.sub(r"(?i) linux( server)?$", "", family)


def _notes(
    medium: Medium, info: configparser.ConfigParser, release: Release, distribution: str
) -> Iterator[str]:
    stages = (info.get("stage2", "mainimage", fallback=""), "images/install.img", "LiveOS/squashfs.img")
    if release.reads_treeinfo and not any(medium.find(one) for one in stages if one):
        raise UnfitError(f"{distribution}, but without {stages[0] or stages[1]}, the installer's second "
                         "stage: the medium is not whole")
    if release.reads_treeinfo and not info.sections():
        yield f"the medium has no {_TREEINFO}, so the installer will not find its second stage: take the DVD"
    repositories = [info[one].get("repository", ".") for one in info.sections() if one.startswith("variant-")]
    repositories += ["", "Server", "BaseOS"]
    if not any(medium.find(posixpath.normpath(posixpath.join(one, _REPOMD))) for one in repositories):
        yield "the medium has no packages (a boot or netinst medium): the DVD has them"
    discs = info.get("general", "totaldiscs", fallback="1")
    if discs not in ("", "1"):
        disc = info.get("general", "discnum", fallback="1")
        yield f"the medium is disc {disc} of {discs}: the others are lacking"
