"""The loaders of installed systems, as they lie on an EFI system partition. Pure."""

from __future__ import annotations

_FILES = (
    "redhat/shim{cpu}.efi", "centos/shim{cpu}.efi", "rocky/shim{cpu}.efi", "almalinux/shim{cpu}.efi",
    "fedora/shim{cpu}.efi", "debian/shim{cpu}.efi", "ubuntu/shim{cpu}.efi", "opensuse/shim.efi",
    "sles/shim.efi", "debian/grub{cpu}.efi", "ubuntu/grub{cpu}.efi", "systemd/systemd-boot{cpu}.efi",
    "Microsoft/Boot/bootmgfw.efi", "BOOT/BOOT{cpu}.EFI",
)  # fmt: skip


def loaders_on_disk(cpu: str) -> tuple[str, ...]:
    """Paths below the partition's folder EFI, in the order in which to try them.

    cpu: x64, aa64 or ia32, or what stands for it where it is read. The last one is where firmware looks by
    itself (UEFI 2.10, section 3.5.1.1); of an installed distribution it may be a repairer that changes boot
    entries and starts the machine anew. File names of FAT have no case.
    """
    return tuple(one.format(cpu=cpu) for one in _FILES)
