"""How SUSE's media of release 16 are recognised: a live system (LiveOS/squashfs.img) with Agama in it.

Sources: Agama's live/src: KIWI's layout (boot/ARCH/loader), the volume's name Install-PRODUCT-ARCH, the menu
that names the product, and LiveOS/.packages.json.gz; the Full medium has its packages in install/.
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

_IMAGE, _MENU = "LiveOS/squashfs.img", "boot/grub2/grub.cfg"
_MARKS = ("LiveOS/.packages.json.gz", "LiveOS/.packages.gz", "LiveOS/.info")
_MAJOR = "16"
_OWN_NAME = "16.0"
"""The Leap whose product Agama calls by another name than that of later ones (sections.PRODUCTS)."""
_ARCHITECTURES = (X86_64, AARCH64, "ppc64le", "s390x")
_SLES = re.compile(r"(?i)\b(?:sles?|suse linux enterprise(?: server)?)\b[a-z ]*?([0-9]{2}(?:\.[0-9]+)?)")


class AgamaMedia:
    """See installers.media.MediaKind."""

    name = "agama"
    looks_for = f"{_IMAGE} with boot/x86_64 or boot/aarch64 (SLES, openSUSE Leap 16)"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        folders = [one for one in medium.names("boot") if one.lower() in _ARCHITECTURES]
        words = f"{medium.label}\n{medium.text('media.1/media')}\n{medium.text(_MENU)}"
        ours = any(map(medium.find, _MARKS)) or re.search(r"(?i)\b(agama|suse|sles?|leap)\b", _plain(words))
        if not medium.find(_IMAGE) or not folders or not ours or medium.find(".treeinfo"):
            return None
        name, version = _product(_plain(words))
        distribution = f"{name} {version}".strip()
        architecture = architecture_of(folders[0].lower(), distribution)
        if version and version.partition(".")[0] != _MAJOR:
            raise UnfitError(f"{distribution}: Agama is for SLES and openSUSE Leap {_MAJOR}")
        place = f"boot/{architecture}/loader" if medium.find(f"boot/{architecture}/loader/linux") else \
            f"boot/{architecture}"
        notes = [] if medium.find("install/repodata/repomd.xml") else [
            "the medium has no packages (an Online medium): profiles need a repository or a registration",
        ]
        family = "leap" if "Leap" in name else "sles"
        release = f"{family}{_MAJOR}"
        if family == "leap" and version == _OWN_NAME:
            release = f"{family}{_OWN_NAME}"
        elif family == "leap" and "." not in version:
            notes.append(f"it does not say which Leap {_MAJOR} it is: for {_OWN_NAME} the profile needs "
                         f"`version: {family}{_OWN_NAME}`")
        return Recognised(
            kind=self.name, distribution=distribution, release=release, architecture=architecture,
            name=tree_name(family, version or _MAJOR), notes=tuple(notes),
            kernel=required(medium, f"{place}/linux", distribution),
            initrds=(required(medium, f"{place}/initrd", distribution),),
        )


def _plain(words: str) -> str:
    return re.sub(r"[-_]+", " ", words)


def _product(words: str) -> tuple[str, str]:
    """Name, and version if the medium says it."""
    if found := re.search(r"(?i)\bleap ?([0-9]{2}(?:\.[0-9]+)?)?", words):
        return "openSUSE Leap", found[1] or ""
    if found := _SLES.search(words):
        return "SUSE Linux Enterprise", found[1]
    return "SUSE's Agama", ""
