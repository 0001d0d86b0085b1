"""Makes a disk bootable: for BIOS extlinux in the file system of /boot and its MBR in front; for UEFI signed
shim and GRUB in the system partition, and an entry of the firmware's boot menu.
"""

from __future__ import annotations

from pathlib import Path

from standin.disk import ESP, Disk, run
from standin.errors import InstallError

MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
SIGNED = {
    "shimx64.efi": Path("/usr/lib/shim/shimx64.efi.signed"),
    "grubx64.efi": Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
}
FOLDER = "EFI/debian"  # where that GRUB looks for its configuration
LABEL = "standin"


def config(*, prefix: str, root_uuid: str, append: str) -> str:
    """extlinux.conf; the serial console stays on, since that is where the first boot reports."""
    return (
        "DEFAULT linux\nPROMPT 0\nTIMEOUT 1\nLABEL linux\n"
        f"  KERNEL {prefix}/vmlinuz\n  INITRD {prefix}/initrd.img\n"
        f"  APPEND root=UUID={root_uuid} ro console=ttyS0 quiet {append}".rstrip()
        + "\n"
    )


def grub_config(*, prefix: str, boot_uuid: str, root_uuid: str, append: str) -> str:
    """grub.cfg. The serial console as with extlinux."""
    words = f"root=UUID={root_uuid} ro console=ttyS0 quiet {append}".rstrip()
    return (
        f"search --no-floppy --fs-uuid --set=root {boot_uuid}\n"
        f"linux {prefix}/vmlinuz {words}\ninitrd {prefix}/initrd.img\nboot\n"
    )


def install_bootloader(disk: Disk, append: str) -> None:
    root, boot, esp = disk.volume("/"), disk.volume("/boot"), disk.volume(ESP)
    if root is None or not (disk.root / "boot/vmlinuz").exists():
        raise InstallError("no kernel was installed: %packages must name one")
    prefix = "" if boot else "/boot"
    if esp is None:
        _install_extlinux(disk, config(prefix=prefix, root_uuid=root.uuid, append=append))
    else:
        text = grub_config(
            prefix=prefix, boot_uuid=(boot or root).uuid, root_uuid=root.uuid, append=append
        )
        _install_efi(disk.device, esp.device, text)


def _install_extlinux(disk: Disk, text: str) -> None:
    directory = disk.root / "boot/extlinux"
    directory.mkdir(exist_ok=True)
    (directory / "extlinux.conf").write_text(text, encoding="ascii")
    run("extlinux", "--install", str(directory))
    with open(disk.device, "r+b", buffering=0) as device:
        device.write(MBR.read_bytes()[:440])  # the partition table behind it stays


def _install_efi(device: str, esp: str, text: str) -> None:
    """No loader where firmware looks by itself: the entry alone starts this one."""
    run("mmd", "-i", esp, "::/EFI", f"::/{FOLDER}")
    for name, source in SIGNED.items():
        run("mcopy", "-i", esp, str(source), f"::/{FOLDER}/{name}")
    run("mcopy", "-i", esp, "-", f"::/{FOLDER}/grub.cfg", stdin=text)
    program = f"\\{FOLDER}/shimx64.efi".replace("/", "\\")
    run("efibootmgr", "--create", "--disk", device, "--part", "1", "--label", LABEL, "--loader", program)
