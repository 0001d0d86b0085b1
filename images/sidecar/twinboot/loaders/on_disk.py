"""The loaders of installed systems, as they lie on an EFI system partition. Pure.

Each installer kind names those of its systems (Installer.disk_loaders); what no installer kind makes is here.
"""

from __future__ import annotations

from ..kinds import INSTALLERS

_OTHERS = (
    "systemd/systemd-boot{cpu}.efi", "Microsoft/Boot/bootmgfw.efi", "BOOT/BOOT{cpu}.EFI",
)  # fmt: skip


def loaders_on_disk(cpu: str) -> tuple[str, ...]:
    """Paths below the partition's folder EFI, in the order in which to try them.

    cpu: x64, aa64 or ia32, or what stands for it where it is read. The last one is where firmware looks by
    itself (UEFI 2.10, section 3.5.1.1); of an installed distribution it may be a repairer that changes boot
    entries and starts the machine anew. File names of FAT have no case.
    """
    of_kinds = [one for kind in INSTALLERS.all() for one in kind.disk_loaders]
    of_kinds.sort(key=lambda one: one.place)
    paths = dict.fromkeys((*(one.path for one in of_kinds), *_OTHERS))
    return tuple(one.format(cpu=cpu) for one in paths)
