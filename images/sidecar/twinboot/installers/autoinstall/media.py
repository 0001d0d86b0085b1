"""How Ubuntu's ISOs are recognised: by .disk/info and casper/.

The tree holds the ISO itself, beside kernel, initrd and boot loaders: the initrd loads it by URL, whole.
Sources: the .disk/info that Ubuntu's build writes; Subiquity's netboot documentation.
"""

from __future__ import annotations

import re

from ..media import MediaOptions, Medium, Recognised, UnfitError, architecture_of, required, tree_name

RELEASES = ("20.04", "22.04", "24.04", "26.04")
ISO = "medium.iso"
"""The name of the ISO in the tree, whatever it was called: URLs of kernel arguments name it."""
_INFO = ".disk/info"
_KEPT = (".disk/*", "casper/vmlinuz", "casper/initrd", "casper/hwe-vmlinuz", "casper/hwe-initrd", "EFI/*",
         "efi/*", "md5sum.txt")  # fmt: skip


class AutoinstallMedia:
    """See installers.media.MediaKind."""

    name = "autoinstall"
    looks_for = f"{_INFO} with casper/ (Ubuntu)"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        info = medium.text(_INFO).strip()
        found = re.match(r"Ubuntu(-\w+)? ([0-9]+\.[0-9]+(?:\.[0-9]+)?)", info)
        if found is None:
            return None
        distribution = f"Ubuntu {found[2]}"
        words = re.search(r"\b(amd64|arm64|i386|armhf|ppc64el|riscv64|s390x)(?:\+\w+)*\b", info)
        architecture = architecture_of(words[1] if words else "", distribution)
        release = ".".join(found[2].split(".")[:2])
        if release not in RELEASES:
            raise UnfitError(f"{distribution}: autoinstall is for Ubuntu {', '.join(RELEASES)}")
        if not medium.names("casper"):
            raise UnfitError(f"{distribution}, but without casper/: not the live server medium")
        if not medium.one_file:
            raise UnfitError(f"{distribution} in a folder: its initrd loads the whole ISO: give the ISO file")
        notes = () if found[1] == "-Server" else ("a desktop medium: the live server one is usual",)
        return Recognised(
            kind=self.name, distribution=distribution, release=f"ubuntu{release}", architecture=architecture,
            name=tree_name("ubuntu", release), kernel=required(medium, "casper/vmlinuz", distribution),
            initrds=(required(medium, "casper/initrd", distribution),), notes=notes, keep=_KEPT, whole_as=ISO,
        )
