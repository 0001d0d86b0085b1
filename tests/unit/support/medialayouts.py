"""Install media as distributions lay them out, with their own descriptions; small files in place of big ones.

Each layout is path -> text; a text that begins with `->` is a symbolic link. Sources: productmd's .treeinfo
and its predecessors, debian-cd's and Ubuntu's .disk/info, libzypp's media.1, Agama's live/src.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from twinboot.installers.media import MediaOptions
from twinboot.trees.media.contents import Contents, Entry, EntryKind

Layout = Mapping[str, str]
WISHES = {"custom": MediaOptions("kernel", ("two",))}
"""Of kinds whose media an operator describes."""
_RPM_TREE = {
    "images/pxeboot/vmlinuz": "kernel", "images/pxeboot/initrd.img": "initrd",
    "images/install.img": "stage 2",
    "EFI/BOOT/BOOTX64.EFI": "shim", "EFI/BOOT/grubx64.efi": "grub",
}  # fmt: skip


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _treeinfo(family: str, version: str, arch: str, variants: str) -> str:
    sums = "".join(
        f"{path} = sha256:{_sha256(_RPM_TREE[path])}\n" for path in sorted(_RPM_TREE) if "images/" in path
    )
    return f"""[checksums]
{sums}images/boot.iso = sha256:{_sha256("on no DVD")}

[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
arch = {arch}
family = {family}
name = {family} {version}
packagedir = AppStream/Packages
platforms = {arch},xen
repository = AppStream
timestamp = 1714566339
variant = AppStream
variants = {variants}
version = {version}

[header]
type = productmd.treeinfo
version = 1.2

[images-{arch}]
boot.iso = images/boot.iso
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[images-xen]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[release]
name = {family}
short = {family.replace(" ", "")}
version = {version}

[stage2]
mainimage = images/install.img

[tree]
arch = {arch}
build_timestamp = 1714566339
platforms = {arch},xen
variants = {variants}
""" + "".join(
        f"""
[variant-{one}]
id = {one}
packages = {one}/Packages
repository = {one}
type = variant
uid = {one}
"""
        for one in variants.split(",")
    )


def without_loaders(layout: Layout) -> Layout:
    """`check` would find that these are no EFI programs."""
    return {path: text for path, text in layout.items() if not path.startswith("EFI/")}


def alma9(arch: str = "x86_64") -> Layout:
    return _RPM_TREE | {
        ".treeinfo": _treeinfo("AlmaLinux", "9.4", arch, "AppStream,BaseOS"),
        ".discinfo": f"1714566339.384731\n9.4\n{arch}\nALL\n",
        "BaseOS/repodata/repomd.xml": "<repomd/>", "BaseOS/Packages/bash-5.1.8.rpm": "rpm",
        "AppStream/repodata/repomd.xml": "<repomd/>", "AppStream/Packages/a b.rpm": "a name with a space",
    }  # fmt: skip


def fedora41() -> Layout:
    text = _treeinfo("Fedora", "41", "x86_64", "Server").replace("repository = Server", "repository = .")
    return _RPM_TREE | {".treeinfo": text, "repodata/repomd.xml": "<repomd/>", "Packages/b/bash.rpm": "rpm"}


def rhel5() -> Layout:
    """Before productmd: one section, and no second stage that .treeinfo names."""
    return {
        ".treeinfo": "[general]\nfamily = Red Hat Enterprise Linux Server\ntimestamp = 1378846702.1\n"
        "totaldiscs = 1\nversion = 5.10\ndiscnum = 1\npackagedir = Server\narch = x86_64\n\n"
        "[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n"
        "boot.iso = images/boot.iso\n",
        ".discinfo": "1378846702.1\nRed Hat Enterprise Linux Server 5.10\nx86_64\n1\nServer/base\n",
        "images/pxeboot/vmlinuz": "kernel", "images/pxeboot/initrd.img": "initrd",
        "images/stage2.img": "stage 2", "Server/repodata/repomd.xml": "<repomd/>", "Server/bash.rpm": "rpm",
    }  # fmt: skip


def fedora_netinst() -> Layout:
    """Lorax's boot.iso: neither .treeinfo nor packages."""
    return _RPM_TREE | {
        ".discinfo": "1729000000.123\n41\nx86_64\n", "isolinux/isolinux.bin": "boot",
    }  # fmt: skip


def _md5sums(files: Layout) -> str:
    return "".join(f"{hashlib.md5(text.encode()).hexdigest()}  ./{path}\n"
                   for path, text in files.items() if not text.startswith("->"))  # fmt: skip


def debian13(arch: str = "amd64", medium: str = "DVD Binary-1 with firmware") -> Layout:
    short = {"amd64": "amd", "arm64": "a64", "i386": "386"}[arch]
    files = {
        ".disk/info": f'Debian GNU/Linux 13.1.0 "Trixie" - Official {arch} {medium} 20250906-11:22',
        ".disk/base_installable": "", ".disk/cd_type": "dvd/1", "debian": "->.", "dists/stable": "->trixie",
        "dists/trixie/Release": f"Codename: trixie\nArchitectures: {arch}\n",
        f"dists/trixie/main/binary-{arch}/Packages": "Package: bash\n",
        f"dists/trixie/main/debian-installer/binary-{arch}/Packages.gz": "index of components",
        "pool/main/b/bash/bash_5.2.deb": "deb",
        f"install.{short}/vmlinuz": "kernel", f"install.{short}/initrd.gz": "initrd",
        "EFI/boot/bootx64.efi": "shim", "EFI/boot/grubx64.efi": "grub", "isolinux/isolinux.bin": "boot",
    }  # fmt: skip
    sums = _md5sums(files).replace(
        _md5sums({"isolinux/isolinux.bin": "boot"}),
        _md5sums({"isolinux/isolinux.bin": "before it was patched"}),
    )
    return files | {"md5sum.txt": sums + _md5sums({"dists/stable/Release": files["dists/trixie/Release"]})}


def debian13_netboot(arch: str = "amd64") -> Layout:
    return {
        "version.info": "Debian version:  13 (trixie)\nInstaller build: 20250803+deb13u1\n",
        f"debian-installer/{arch}/linux": "netboot kernel",
        f"debian-installer/{arch}/initrd.gz": "netboot initrd",
        f"debian-installer/{arch}/bootnetx64.efi": "shim",
        "pxelinux.0": f"->debian-installer/{arch}/pxelinux.0",
        f"debian-installer/{arch}/pxelinux.0": "pxelinux",
    }  # fmt: skip


def ubuntu(version: str = "24.04.1", words: str = "-Server", arch: str = "amd64") -> Layout:
    files = {
        ".disk/info": f'Ubuntu{words} {version} LTS "Noble Numbat" - Release {arch} (20240827)',
        ".disk/casper-uuid-generic": "1-2-3", "casper/vmlinuz": "kernel", "casper/initrd": "initrd",
        "casper/hwe-vmlinuz": "hwe kernel", "casper/hwe-initrd": "hwe initrd",
        "casper/ubuntu-server-minimal.squashfs": "a file system", "casper/install-sources.yaml": "- {}\n",
        "dists/noble/Release": "Codename: noble\n", "pool/main/b/bash/bash.deb": "deb", "ubuntu": "->.",
        "EFI/boot/bootx64.efi": "shim", "EFI/boot/grubx64.efi": "grub", "boot/grub/grub.cfg": "menu",
    }  # fmt: skip
    return files | {"md5sum.txt": _md5sums(files)}


def _suse(files: dict[str, str]) -> Layout:
    return files | {"CHECKSUMS": "".join(f"{_sha256(text)}  {path}\n" for path, text in files.items())}


def leap15() -> Layout:
    return _suse({
        "media.1/media": "openSUSE - openSUSE-Leap-15.6-x86_64-Build710.3-Media\n"
        "openSUSE-Leap-15.6-x86_64-Build710.3\n1\n",
        "media.1/products": "/ openSUSE-Leap 15.6-1\n", "boot/x86_64/loader/linux": "kernel",
        "boot/x86_64/loader/initrd": "initrd", "boot/x86_64/root": "root", "EFI/BOOT/bootx64.efi": "shim",
        "EFI/BOOT/grub.efi": "grub", "repodata/repomd.xml": "<repomd/>", "x86_64/bash.rpm": "rpm",
        ".treeinfo": _treeinfo("openSUSE Leap", "15.6", "x86_64", "oss"),
    })  # fmt: skip


def sles15(arch: str = "x86_64") -> Layout:
    place = "boot/x86_64/loader" if arch == "x86_64" else f"boot/{arch}"
    return _suse({
        "media.1/media": f"SUSE - SLE-15-SP5-Full-{arch}-Build91.12-Media\nSLE-15-SP5-Full-{arch}-91\n1\n",
        "media.1/products": "/Module-Basesystem sle-module-basesystem 15.5-0\n/Product-SLES SLES 15.5-0\n",
        f"{place}/linux": "kernel", f"{place}/initrd": "initrd",
        "Module-Basesystem/repodata/repomd.xml": "<repomd/>", "Product-SLES/repodata/repomd.xml": "<repomd/>",
    })  # fmt: skip


def sles16(menu: str = "Install SUSE Linux Enterprise Server 16.0") -> Layout:
    return _suse({
        "LiveOS/squashfs.img": "live system", "LiveOS/.packages.json.gz": "[]", "LiveOS/.info": "build",
        "boot/x86_64/loader/linux": "kernel", "boot/x86_64/loader/initrd": "initrd",
        "boot/grub2/grub.cfg": f'menuentry "{menu}" --class os {{\n}}\n', "EFI/BOOT/bootx64.efi": "shim",
        "EFI/BOOT/grub.efi": "grub", "install/repodata/repomd.xml": "<repomd/>",
    })  # fmt: skip


def of_kind(kind: str) -> Layout:
    """A medium of an installer kind, that machines can be installed from."""
    layouts = {
        "kickstart": alma9, "preseed": lambda: debian13() | debian13_netboot(), "autoinstall": ubuntu,
        "autoyast": leap15, "agama": sles16, "custom": lambda: {"kernel": "memtest", "two": "2"},
    }  # fmt: skip
    assert kind in layouts, f"give {kind} a layout of its media in tests/unit/support/medialayouts.py"
    return layouts[kind]()


class Image:
    """A medium that is one file, as far as recognising goes: a layout, and a label."""

    one_file, volume, path = True, None, Path("image.iso")

    def __init__(self, layout: Layout, label: str = "", fold: Callable[[str], str] = str) -> None:
        self.label, self._texts = label, {fold(path): text for path, text in layout.items()}
        self.contents = Contents(
            Entry(path, EntryKind.LINK, target=text[2:]) if text.startswith("->")
            else Entry(path, EntryKind.FILE, len(text)) for path, text in self._texts.items()
        )  # fmt: skip
        self.find, self.names = self.contents.find, self.contents.names

    def text(self, path: str) -> str:
        found = self.find(path) or ""
        return next((text for one, text in self._texts.items() if one.casefold() == found.casefold()), "")


def write(layout: Layout, folder: Path) -> Path:
    """The layout as a folder."""
    for path, text in layout.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            place.symlink_to(text[2:])
        else:
            place.write_text(text)
    return folder
