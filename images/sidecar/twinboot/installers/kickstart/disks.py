"""Which disks an install may see and erase, as kickstart commands.

Owns the choice of the commands. Names go into them as they are. Words (first, smallest, largest) are for
disks whose names are not known: a %pre script looks at the machine and writes the commands to INCLUDED.
It names no disk that is not there, so a machine without a fitting one is not installed. Sources:
pykickstart's command versions; the kernel's sysfs-block, sysfs-class-nvme.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...site.model.site import DISK_WORDS, DiskChoice
from .releases import Release

INCLUDED = "/tmp/twinboot-disks"
NONE_FOUND = "twinboot-found-no-disk"
CHOOSING = "ignoredisk"
"""The command that says what the installer sees. An operator's own takes the place of `disks`; of the
others each only takes that of ours."""
LAYOUT = frozenset({"autopart", "part", "partition", "logvol", "volgroup", "raid", "btrfs", "mount"})

_SCRIPT = """\
# The disks of this machine: {words}. Not those of a SAN (Fibre Channel, iSCSI, NVMe over fabrics), of USB,
# or that can be taken out. In the order of their controllers and ports, which stays from start to start.
list() {{
    for disk in /sys/block/*; do
        name=${{disk##*/}}
        case $name in
            loop*|ram*|zram*|sr*|fd*|md*|dm-*|nbd*|mtd*|drbd*|rbd*|mmcblk*boot*|mmcblk*rpmb) continue ;;
        esac
        [ -e "$disk/device" ] || continue
        [ "$(cat "$disk/size")" -gt 0 ] && [ "$(cat "$disk/ro")" = 0 ] || continue
        [ "$(cat "$disk/removable")" = 0 ] || continue
        places=$(cd -P "$disk/device" && pwd)
        for path in "$places"/nvme*/transport; do # NVMe with several paths: the disk stands apart from them
            [ ! -e "$path" ] || places="$places $(cd -P "${{path%/*}}" && pwd)=$(cat "$path")"
        done
        [ ! -e "$disk/device/transport" ] || places="$places=$(cat "$disk/device/transport")"
        case "$places/" in
            */usb[0-9]*|*/rport-*|*/session[0-9]*|*/nvme-fabrics/*|*=tcp*|*=rdma*|*=fc*|*=loop*) continue ;;
        esac
        echo "${{places##* }} $name $(cat "$disk/size")"
    done
}}
list >{included}.found
sort -V {included}.found >{included}.sorted 2>/dev/null || sort {included}.found >{included}.sorted
chosen=
choose() {{
    one=${{1:-{none}}}
    case ",$chosen," in *",$one,"*) return ;; esac
    chosen=${{chosen:+$chosen,}}$one
}}
of() {{ sed -n "${{1}}p" "$2" | cut -d ' ' -f 2; }}
sort -s -k 3,3n {included}.sorted >{included}.sizes
sort -s -k 3,3nr {included}.sorted >{included}.reversed
{choices}
cat >{included} <<TWINBOOT
{commands}
TWINBOOT
echo "twinboot: to be erased: $chosen"
"""
_CHOICES = {
    DiskChoice.FIRST: f'choose "$(of 1 {INCLUDED}.sorted)"',
    DiskChoice.SMALLEST: f'choose "$(of 1 {INCLUDED}.sizes)"',
    DiskChoice.LARGEST: f'choose "$(of 1 {INCLUDED}.reversed)"',
}


@dataclass(frozen=True, slots=True)
class DiskCommands:
    """note: for the head of the file. lines: of the command section. script: of a %pre section, or empty."""

    note: str
    lines: tuple[str, ...]
    script: str = ""


def disk_commands(disks: tuple[str, ...], partitions: tuple[str, ...], release: Release) -> DiskCommands:
    """For these disks (`disks` of profile or host), with the operator's own storage commands after them."""
    own = {line.split()[0] for line in partitions}
    layout = (*partitions, *(() if own & LAYOUT else ("autopart",)))
    if CHOOSING in own:
        note = "Disks: what may be seen and erased is said by ignoredisk of the profile's partitions."
        return DiskCommands(note, (*_commands("", "", own, release), *layout))
    if disks == (DiskChoice.ALL,):
        note = "Disks: EVERY disk that the installer sees is erased, a SAN's too (disks: all)."
        return DiskCommands(note, (*_commands("", "", own, release), *layout))
    words = ", ".join(disks)
    if not set(disks) & DISK_WORDS:
        note = f"Disks: {words} and no other is seen and erased."
        return DiskCommands(note, (*_commands(",".join(disks), disks[0], own, release), *layout))
    note = f"Disks: {words} of this machine, and no other, is seen and erased; see %pre."
    choices = [_CHOICES[DiskChoice(one)] if one in DISK_WORDS else f'choose "{one}"' for one in disks]
    commands = _commands("$chosen", "${chosen%%,*}", own, release)
    script = _SCRIPT.format(
        words=words, included=INCLUDED, none=NONE_FOUND,
        choices="\n".join(choices), commands="\n".join(commands),
    )  # fmt: skip
    return DiskCommands(note, (f"%include {INCLUDED}", *layout), script)


def _commands(disks: str, first: str, own: set[str], release: Release) -> tuple[str, ...]:
    """For disks by name, comma between them; empty: for those that the installer sees. own: the
    operator's, which are not written twice."""
    old = release.rhel is not None and release.rhel <= 6
    boot = f" --driveorder={disks}" if old else f" --boot-drive={first}"
    ours = {
        CHOOSING: f"ignoredisk --only-use={disks}" if disks else "",
        "bootloader": f"bootloader --location=mbr{boot if disks else ''}",
        "zerombr": "zerombr",
        "clearpart": f"clearpart --all{f' --drives={disks}' if disks else ''} --initlabel",
    }
    return tuple(text for command, text in ours.items() if text and command not in own)
