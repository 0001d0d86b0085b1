"""What stands in a configuration of GRUB: quoting, and the loaders that a disk may have. Pure.

Source: GRUB's manual, "Writing full configuration files directly" (quoting).
"""

from __future__ import annotations

ON_DISK = (
    "redhat/shim$twinboot_cpu.efi", "centos/shim$twinboot_cpu.efi", "rocky/shim$twinboot_cpu.efi",
    "almalinux/shim$twinboot_cpu.efi", "fedora/shim$twinboot_cpu.efi", "debian/shim$twinboot_cpu.efi",
    "ubuntu/shim$twinboot_cpu.efi", "opensuse/shim.efi", "sles/shim.efi", "debian/grub$twinboot_cpu.efi",
    "ubuntu/grub$twinboot_cpu.efi", "systemd/systemd-boot$twinboot_cpu.efi", "Microsoft/Boot/bootmgfw.efi",
    "BOOT/BOOT$twinboot_cpu.EFI",
)  # fmt: skip
"""Below the folder EFI of an EFI system partition. The last one is where firmware looks by itself (UEFI 2.10,
section 3.5.1.1); of an installed distribution it may be a repairer that changes boot entries and starts the
machine anew. File names of FAT have no case."""


def quoted(text: str) -> str:
    """One word that GRUB takes as it is: within single quotes nothing has a meaning but their end."""
    return "'" + text.replace("'", "'\\''") + "'"
