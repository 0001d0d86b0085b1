"""How SUSE's media of release 15 are recognised: by media.1/.

Sources: what libzypp reads: media.1/media (vendor, then name with version and architecture), media.1/products
(folder, product, version, one a line).
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

_MEDIA, _PRODUCTS = "media.1/media", "media.1/products"
_MAJOR = "15"
_ARCHITECTURES = (X86_64, AARCH64, "ppc64le", "s390x")


class AutoyastMedia:
    """See installers.media.MediaKind."""

    name = "autoyast"
    looks_for = f"{_MEDIA} with boot/x86_64 or boot/aarch64 (SLES, openSUSE Leap 15)"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        text, products = medium.text(_MEDIA), medium.text(_PRODUCTS)
        if (not text and not products) or medium.find("LiveOS/squashfs.img"):
            return None
        name, version = _product(text, products)
        distribution = f"{name} {version}".strip()
        words = re.search(r"\b(x86_64|aarch64|ppc64le|s390x|i586|i386)\b", text.replace("-", " "))
        folders = [one for one in medium.names("boot") if one.lower() in _ARCHITECTURES]
        architecture = architecture_of(folders[0].lower() if folders else words[1] if words else "",
                                       distribution)  # fmt: skip
        if version.partition(".")[0] != _MAJOR:
            raise UnfitError(f"{distribution}: AutoYaST is for SLES and openSUSE Leap {_MAJOR}")
        # x86_64 has them beside its boot loader, aarch64 above
        place = f"boot/{architecture}/loader" if medium.find(f"boot/{architecture}/loader/linux") else \
            f"boot/{architecture}"
        notes: tuple[str, ...] = ()
        if not _has_packages(medium):
            notes = ("the medium has the installer alone (Installer, Online): the Full one has packages",)
        family = "leap" if "Leap" in name else "sles"
        return Recognised(
            kind=self.name, distribution=distribution, release=f"{family}{_MAJOR}", architecture=architecture,
            name=tree_name(family, version), notes=notes,
            kernel=required(medium, f"{place}/linux", distribution),
            initrds=(required(medium, f"{place}/initrd", distribution),),
        )


def _product(text: str, products: str) -> tuple[str, str]:
    """Name and version of the product, such as SUSE Linux Enterprise and 15.5."""
    if found := re.search(r"(openSUSE)-?(?:Leap)?[- ]([0-9]+\.[0-9]+)", f"{products}\n{text}"):
        return "openSUSE Leap", found[2]
    if found := re.search(r"^\S+ SLE[SD]?\w* ([0-9]+(?:\.[0-9]+)?)", products, re.MULTILINE):
        return "SUSE Linux Enterprise", found[1]
    if found := re.search(r"SLE[SD]?-?([0-9]+)(?:-SP([0-9]+))?", text):
        return "SUSE Linux Enterprise", found[1] + (f".{found[2]}" if found[2] else "")
    words = (text.splitlines() or products.splitlines())[0].strip()
    return words.removeprefix("SUSE - "), ""


def _has_packages(medium: Medium) -> bool:
    """A repository at the top (Leap), or one for each module (SLE)."""
    if medium.find("repodata/repomd.xml") or medium.names("suse"):
        return True
    return any(one.startswith(("Module-", "Product-")) for one in medium.names(""))
