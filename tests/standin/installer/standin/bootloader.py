"""Makes the disk of a BIOS machine bootable: extlinux in the file system of /boot, its MBR in front."""

from __future__ import annotations

from pathlib import Path

from standin.disk import Disk, run
from standin.errors import InstallError

MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")


def config(*, prefix: str, root_uuid: str, append: str) -> str:
    """extlinux.conf; the serial console stays on, since that is where the first boot reports."""
    return (
        "DEFAULT linux\nPROMPT 0\nTIMEOUT 1\nLABEL linux\n"
        f"  KERNEL {prefix}/vmlinuz\n  INITRD {prefix}/initrd.img\n"
        f"  APPEND root=UUID={root_uuid} ro console=ttyS0 quiet {append}".rstrip()
        + "\n"
    )


def install_bootloader(disk: Disk, append: str) -> None:
    root = disk.volume("/")
    if root is None or not (disk.root / "boot/vmlinuz").exists():
        raise InstallError("no kernel was installed: %packages must name one")
    prefix = "" if disk.volume("/boot") else "/boot"
    directory = disk.root / "boot/extlinux"
    directory.mkdir(exist_ok=True)
    text = config(prefix=prefix, root_uuid=root.uuid, append=append)
    (directory / "extlinux.conf").write_text(text, encoding="ascii")
    run("extlinux", "--install", str(directory))
    with open(disk.device, "r+b", buffering=0) as device:
        device.write(MBR.read_bytes()[:440])  # the partition table behind it stays
