"""Boot loaders of install trees: each distribution's layout, and everything that may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from efiprograms import program
from twinboot.loaders import trees
from twinboot.planning.boot_facts import Architecture

X64, IA32, ARM64 = 0x8664, 0x014C, 0xAA64
NET = b"blksize"
CA = "A CA"
SHIM = program(signed_by=["Microsoft UEFI CA 2023"], brings=[CA])
GRUB = program(signed_by=[CA], holds=NET)
KERNEL = program(signed_by=[CA])


@dataclass
class Tree:
    """Files by path: trees.Files of a dict."""

    files: dict[str, bytes]

    def names(self, folder: str) -> list[str]:
        inside = f"{folder}/" if folder else ""
        below = [path.removeprefix(inside) for path in self.files if path.startswith(inside)]
        return sorted({path.partition("/")[0] for path in below})

    def read(self, path: str) -> bytes:
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None


def look(files: dict[str, bytes], kernel: str = "vmlinuz") -> trees.TreeInspection:
    return trees.look(Tree({"vmlinuz": KERNEL, **files}), kernel, place="trees/t/")


@pytest.mark.parametrize(
    ("shim", "grub"),
    [
        ("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi"),  # Red Hat, Fedora
        ("EFI/BOOT/bootx64.efi", "EFI/BOOT/grub.efi"),  # SUSE
        ("EFI/boot/bootx64.efi", "EFI/boot/grubx64.efi"),  # Ubuntu's media
        ("debian-installer/amd64/bootnetx64.efi", "debian-installer/amd64/grubx64.efi"),  # Debian's netboot
        ("amd64/bootx64.efi", "amd64/grubx64.efi"),  # Ubuntu's netboot
        ("install/netboot/ubuntu-installer/amd64/bootnetx64.efi",
         "install/netboot/ubuntu-installer/amd64/grubx64.efi"),
        ("shimx64.efi", "grubx64.efi"),
    ],
)  # fmt: skip
def test_layouts(shim: str, grub: str) -> None:
    found = look({shim: SHIM, grub: GRUB})
    assert found.wrong == []
    assert found.boot.kernel == {Architecture.X64}
    assert list(found.boot.loaders) == [Architecture.X64]
    files = found.boot.loaders[Architecture.X64]
    assert (files.first, files.second) == (f"trees/t/{shim}", f"trees/t/{grub}")
    assert (files.first_name, files.second_name) == (shim.rpartition("/")[2], grub.rpartition("/")[2])


def test_netboot_goes_before_media_and_two_architectures_are_two_loaders() -> None:
    arm = {"EFI/BOOT/BOOTAA64.EFI": program(ARM64, signed_by=["M"], brings=[CA]),
           "EFI/BOOT/grubaa64.efi": program(ARM64, signed_by=[CA], holds=NET)}  # fmt: skip
    media = {"EFI/BOOT/BOOTX64.EFI": SHIM, "EFI/BOOT/grubx64.efi": GRUB}
    netboot = {"debian-installer/amd64/bootnetx64.efi": SHIM, "debian-installer/amd64/grubx64.efi": GRUB}
    found = look({**arm, **media, **netboot}).boot.loaders
    assert found[Architecture.X64].first == "trees/t/debian-installer/amd64/bootnetx64.efi"
    assert found[Architecture.ARM64].first == "trees/t/EFI/BOOT/BOOTAA64.EFI"


def test_what_shim_asks_for_beside_grub_is_published_too() -> None:
    found = look({"EFI/BOOT/BOOTX64.EFI": SHIM, "EFI/BOOT/grubx64.efi": GRUB, "EFI/BOOT/mmx64.efi": SHIM,
                  "EFI/BOOT/fonts/x": b"", "EFI/BOOT/grub.cfg": b""})  # fmt: skip
    assert found.boot.loaders[Architecture.X64].others == {"mmx64.efi": "trees/t/EFI/BOOT/mmx64.efi"}


def test_a_grub_without_network_is_none() -> None:
    """Debian's media: the image's loader takes its place, and nothing is wrong."""
    found = look({"EFI/boot/bootx64.efi": SHIM, "EFI/boot/grubx64.efi": program(signed_by=[CA])})
    assert (found.boot.loaders, found.wrong) == ({}, [])


PAIR = {"EFI/BOOT/BOOTX64.EFI": SHIM, "EFI/BOOT/grubx64.efi": GRUB}


@pytest.mark.parametrize(
    ("changed", "path", "says"),
    [
        ({"EFI/BOOT/grubx64.efi": GRUB[:-1]}, "EFI/BOOT/grubx64.efi", "bytes"),
        ({"EFI/BOOT/BOOTX64.EFI": SHIM[:100]}, "EFI/BOOT/BOOTX64.EFI", "header"),
        ({"EFI/BOOT/BOOTX64.EFI": b""}, "EFI/BOOT/BOOTX64.EFI", "empty"),
        ({"EFI/BOOT/BOOTX64.EFI": b"<html>"}, "EFI/BOOT/BOOTX64.EFI", "no EFI program"),
        ({"EFI/BOOT/grubx64.efi": program(ARM64, holds=NET)}, "EFI/BOOT/grubx64.efi", "arm64"),
        ({"EFI/BOOT/BOOTX64.EFI": program(0x01C2)}, "EFI/BOOT/BOOTX64.EFI", "arm32"),
    ],
)  # fmt: skip
def test_what_is_broken_is_one_fault_and_nothing_of_the_pair_is_published(
    changed: dict[str, bytes], path: str, says: str
) -> None:
    found = look({**PAIR, **changed})
    [wrong] = found.wrong
    assert (wrong.path, wrong.fault) == (path, True)
    assert says in wrong.what
    assert found.boot.loaders == {}


@pytest.mark.parametrize(
    ("changed", "path", "says"),
    [
        ({"EFI/BOOT/BOOTX64.EFI": program()}, "EFI/BOOT/BOOTX64.EFI", "not signed"),
        ({"EFI/BOOT/grubx64.efi": program(holds=NET)}, "EFI/BOOT/grubx64.efi", "not signed"),
        ({"vmlinuz": program()}, "vmlinuz", "not signed"),
        ({"vmlinuz": KERNEL[:-1]}, "vmlinuz", "bytes"),
        ({"vmlinuz": program(signed_by=["Other CA"])}, "vmlinuz", "Other CA"),
        ({"EFI/BOOT/grubx64.efi": program(signed_by=["Other CA"], holds=NET)}, "EFI/BOOT/grubx64.efi", CA),
    ],
)  # fmt: skip
def test_what_is_not_sure_to_start_is_one_warning_and_is_published(
    changed: dict[str, bytes], path: str, says: str
) -> None:
    found = look({**PAIR, **changed})
    [wrong] = found.wrong
    assert (wrong.path, wrong.fault) == (path, False)
    assert says in wrong.what
    assert found.boot.loaders


def test_a_shim_without_its_grub_is_told() -> None:
    found = look({"EFI/BOOT/BOOTX64.EFI": SHIM})
    [wrong] = found.wrong
    assert (wrong.path, wrong.fault, found.boot.loaders) == ("EFI/BOOT/BOOTX64.EFI", False, {})


@pytest.mark.parametrize(
    ("kernel", "made_for"),
    [
        (program(ARM64), {Architecture.ARM64}),
        (bytes(0x202) + b"HdrS" + bytes(100), {Architecture.X64, Architecture.IA32}),  # before EFI stubs
        (b"\x1f\x8b\x08" + bytes(2000), set()),  # packed, as on arm64
        (b"", set()),
    ],
)
def test_what_a_kernel_is_made_for(kernel: bytes, made_for: set[Architecture]) -> None:
    assert look({"vmlinuz": kernel}).boot.kernel == made_for


def test_a_kernel_behind_the_image_s_shim() -> None:
    found = look({"vmlinuz": program(signed_by=["Canonical Ltd."])})
    assert "Canonical Ltd." in trees.unproven_kernel(found, "vmlinuz", [CA])
    assert trees.unproven_kernel(look({}), "vmlinuz", [CA]) == ""
    assert trees.unproven_kernel(look({"vmlinuz": b"\x1f\x8b"}), "vmlinuz", [CA]) == ""


def test_loaders_of_the_image() -> None:
    x64 = ["shimx64.efi", "grubx64.efi", "mmx64.efi"]
    names = {"x64": x64, "arm64": ["shimaa64.efi"], "undionly.kpxe": []}
    found = trees.image_loaders(names)
    assert list(found) == [Architecture.X64]
    assert found[Architecture.X64].second == "loaders/x64/grubx64.efi"
    assert found[Architecture.X64].others == {"mmx64.efi": "loaders/x64/mmx64.efi"}
