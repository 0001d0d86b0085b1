"""How Debian's media and netboot archives are recognised: by .disk/info with dists/, or by version.info.

A medium's own initrd looks for a CD, and not on the network; the one that does is in Debian's netboot archive
(netboot.tar.gz, package debian-installer-13-netboot-amd64), which can be laid over the medium. Sources: the
.disk/info that debian-cd writes; version.info and boot-screens/f1.txt of debian-installer's netboot archives.
"""

from __future__ import annotations

import re

from ..media import (
    AARCH64,
    X86_64,
    MediaOptions,
    Medium,
    Recognised,
    UnfitError,
    architecture_of,
    required,
    tree_name,
)

_CODENAMES = {"bullseye": "11", "bookworm": "12", "trixie": "13"}
_WORDS = {X86_64: ("amd64", "amd"), AARCH64: ("arm64", "a64")}
"""As Debian calls it, and as its media call the installer's folder."""
_INFO, _NETBOOT = ".disk/info", "debian-installer"
_NETBOOT_RELEASE = re.compile(r"Debian (?:version:\s*)?([0-9]+)\s+\((\w+)\)")


class PreseedMedia:
    """See installers.media.MediaKind."""

    name = "preseed"
    looks_for = f"{_INFO} with dists/, or debian-installer/ (Debian)"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        info = medium.text(_INFO).strip()
        netboot = next((one for one, _ in _WORDS.values() if medium.find(f"{_NETBOOT}/{one}/linux")), "")
        if info.startswith("Debian"):
            version, codename, word = _parts(info)
        elif netboot and not info:
            version, codename, word = *_netboot_release(medium, netboot), netboot
        else:
            return None
        distribution = f"Debian {version}" if version[:1].isdigit() else f"Debian {codename or version}"
        architecture = architecture_of(word, distribution)
        release = _release(version, codename, distribution)
        if info and not medium.names("dists"):
            raise UnfitError(f"{distribution}, but without dists/: a live medium? take the DVD or the "
                             "netinst medium")
        kernel, initrd, notes = _boot(medium, architecture, distribution)
        if not medium.names("pool"):
            notes = (*notes, "there are no packages in it: profiles need a Debian mirror")
        elif "netinst" in info.lower():
            notes = (*notes, "a netinst medium has the base system alone: more packages need a mirror")
        return Recognised(
            kind=self.name, distribution=distribution, release=f"debian{release}", architecture=architecture,
            name=tree_name("debian", release), kernel=kernel, initrds=(initrd,), notes=notes,
        )


def _netboot_release(medium: Medium, word: str) -> tuple[str, str]:
    """Version and code name of a netboot archive."""
    texts = (medium.text(one) for one in ("version.info", f"{_NETBOOT}/{word}/boot-screens/f1.txt"))
    found = next(filter(None, map(_NETBOOT_RELEASE.search, texts)), None)
    if found is None:
        raise UnfitError(f"a netboot archive of Debian for {word}, but of no known release: neither "
                         "version.info nor boot-screens/f1.txt says it")
    return found[1], found[2].lower()


def _parts(info: str) -> tuple[str, str, str]:
    """Version, code name and architecture: `Debian GNU/Linux 13.1.0 "Trixie" - Official amd64 DVD ...`."""
    head, _, rest = info.partition(" - ")
    codename = re.search(r'"([^"]+)"', head)
    version = re.search(r"\b([0-9]+(?:\.[0-9]+)*)\b", head)
    words = [one for one in re.split(r"[\s/]+", rest) if one in _ANY_ARCHITECTURE]
    return version[1] if version else "", (codename[1] if codename else "").lower(), next(iter(words), "")


_ANY_ARCHITECTURE = frozenset(
    ("amd64", "arm64", "armel", "armhf", "i386", "mips64el", "mipsel", "multi-arch", "ppc64el", "riscv64",
     "s390x")
)


def _release(version: str, codename: str, distribution: str) -> str:
    major = version.partition(".")[0] if version[:1].isdigit() else _CODENAMES.get(codename, "")
    if major not in _CODENAMES.values():
        known = ", ".join(_CODENAMES.values())
        raise UnfitError(f"{distribution}: preseed is for Debian {known}")
    return major


def _boot(medium: Medium, architecture: str, distribution: str) -> tuple[str, str, tuple[str, ...]]:
    """Kernel and initrd that look for the installer on the network; else the medium's own, with a note."""
    debian, short = _WORDS[architecture]
    folders = ("", f"install.{debian}/netboot/", f"install.{short}/netboot/")
    for folder in folders:
        place = f"{folder}{_NETBOOT}/{debian}"
        if medium.find(f"{place}/linux"):
            return (
                required(medium, f"{place}/linux", distribution),
                required(medium, f"{place}/initrd.gz", distribution), (),
            )  # fmt: skip
    note = (
        "the medium's own initrd looks for a CD, so no machine installs with it: add Debian's netboot "
        "archive (netboot.tar.gz of the same release) with --netboot FILE"
    )
    own = f"install.{short}"
    return (
        required(medium, f"{own}/vmlinuz", distribution), required(medium, f"{own}/initrd.gz", distribution),
        (note,),
    )  # fmt: skip
