"""Disk and file systems of a machine: partition, make, mount, unmount. Plain partitions; UEFI machines get a
GPT with an EFI system partition.

Owns sfdisk, mkfs and mount; LVM and RAID are out of its reach.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from standin.errors import InstallError
from standin.kickstart import Partition, Plan

FIRMWARE = Path("/sys/firmware/efi")
"""There on machines with UEFI."""
ESP, ESP_MIB = "/boot/efi", 64


@dataclass(frozen=True)
class Volume:
    """A partition that exists: its device, what it is for, and its UUID ('' for swap and for UEFI's)."""

    device: str
    mountpoint: str
    uuid: str


@dataclass(frozen=True)
class Disk:
    """The disk being installed, mounted at `root`."""

    device: str
    root: Path
    volumes: tuple[Volume, ...]

    def volume(self, mountpoint: str) -> Volume | None:
        return next((volume for volume in self.volumes if volume.mountpoint == mountpoint), None)


def run(*command: str, stdin: str | None = None) -> str:
    """Runs a system tool; its last error line becomes the reason when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"rc {done.returncode}"]
        raise InstallError(f"{command[0]}: {words[0]}")
    return done.stdout


def pick(plan: Plan, sys_block: Path = Path("/sys/block")) -> str:
    """The first disk that the kickstart names, else the first real one of the machine."""
    found = sorted(path.name for path in sys_block.iterdir() if (path / "device").exists())
    found = [name for name in found if not name.startswith(("sr", "fd"))]
    wanted = [name.removeprefix("/dev/") for name in plan.disks]
    chosen = next((name for name in wanted if name in found), None) if wanted else next(iter(found), None)
    if chosen is None:
        raise InstallError(f"no disk to install to: wanted {wanted or 'any'}, present {found}")
    return f"/dev/{chosen}"


def layout(partitions: tuple[Partition, ...], *, uefi: bool = False) -> str:
    """sfdisk's script: a DOS label, the root file system's partition active; for UEFI a GPT, its partition
    first."""
    fixed = [part for part in partitions if not part.grow]
    growing = [part for part in partitions if part.grow]
    if len(partitions) > 4 or len(growing) > 1:
        raise InstallError("at most four partitions, at most one of them growing")
    rows = ["label: gpt", f"size={ESP_MIB}MiB, type=U"] if uefi else ["label: dos"]
    boot_on = "/boot" if any(part.mountpoint == "/boot" for part in partitions) else "/"
    for part in (*fixed, *growing):
        size = "" if part.grow else f"size={part.size_mib}MiB, "
        kind = "S" if part.mountpoint == "swap" else "L"
        active = part.mountpoint == boot_on and not uefi
        rows.append(f"{size}type={kind}{', bootable' if active else ''}")
    return "\n".join(rows) + "\n"


def _make(device: str, part: Partition) -> Volume:
    if part.mountpoint == "swap":
        run("mkswap", "-q", device)
        return Volume(device, "swap", "")
    # extlinux 6.04 reads ext4 without the 64bit feature and its checksums only
    run("mkfs.ext4", "-q", "-F", "-O", "^64bit,^metadata_csum,^orphan_file", "-m", "0", device)
    return Volume(device, part.mountpoint, run("blkid", "-s", "UUID", "-o", "value", device).strip())


def _make_esp(device: str) -> Volume:
    run("mkfs.vfat", "-F", "32", "-n", "ESP", device)
    return Volume(device, ESP, "")


def prepare(plan: Plan, root: Path) -> Disk:
    """Writes the partition table and the file systems, and mounts them under `root`, but for UEFI's own."""
    device, uefi = pick(plan), FIRMWARE.is_dir()
    run(
        "sfdisk",
        "--quiet",
        "--wipe",
        "always",
        "--wipe-partitions",
        "always",
        device,
        stdin=layout(plan.partitions, uefi=uefi),
    )
    ordered = [*(p for p in plan.partitions if not p.grow), *(p for p in plan.partitions if p.grow)]
    first = 2 if uefi else 1
    made = (_make(f"{device}{number}", part) for number, part in enumerate(ordered, start=first))
    volumes = (*([_make_esp(f"{device}1")] if uefi else []), *made)
    for volume in sorted(volumes, key=lambda item: item.mountpoint):
        if volume.mountpoint in ("swap", ESP):
            continue
        where = root / volume.mountpoint.lstrip("/")
        where.mkdir(parents=True, exist_ok=True)
        run("mount", volume.device, str(where))
    return Disk(device, root, volumes)


def release(disk: Disk) -> None:
    """Unmounts everything below and at the root: the data is on the disk after this."""
    run("umount", "--recursive", str(disk.root))
    run("sync")
