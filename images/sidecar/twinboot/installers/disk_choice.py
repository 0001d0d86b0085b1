"""Finds the disks of a machine whose names are not known: a script for the installer's shell.

Owns which disks count, and the words of DiskChoice. It names no disk that is not there, so a machine
without a fitting one is not installed. Sources: the kernel's sysfs-block, sysfs-class-nvme.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..site.model.storage import DISK_WORDS, DiskChoice

PLACE = "/tmp/twinboot-disks"
"""Files of the script begin so."""
NONE_FOUND = "twinboot-found-no-disk"

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
list >{place}.found
sort -V {place}.found >{place}.sorted 2>/dev/null || sort {place}.found >{place}.sorted
chosen=
choose() {{
    one=${{1:-{none}}}
    case ",$chosen," in *",$one,"*) return ;; esac
    chosen=${{chosen:+$chosen,}}$one
}}
of() {{ sed -n "${{1}}p" "$2" | cut -d ' ' -f 2; }}
sort -s -k 3,3n {place}.sorted >{place}.sizes
sort -s -k 3,3nr {place}.sorted >{place}.reversed
{choices}
"""
_CHOICES = {
    DiskChoice.FIRST: f'choose "$(of 1 {PLACE}.sorted)"',
    DiskChoice.SMALLEST: f'choose "$(of 1 {PLACE}.sizes)"',
    DiskChoice.LARGEST: f'choose "$(of 1 {PLACE}.reversed)"',
}


def is_word(disks: Sequence[str]) -> bool:
    """Must the machine be looked at to know its disks?"""
    return bool(set(disks) & DISK_WORDS) and tuple(disks) != (DiskChoice.ALL,)


def choosing_script(disks: Sequence[str]) -> str:
    """A script for sh that leaves the names of these disks (`disks` of profile or host), comma between them
    and without /dev/, in $chosen."""
    choices = [_CHOICES[DiskChoice(one)] if one in DISK_WORDS else f'choose "{one}"' for one in disks]
    return _SCRIPT.format(
        words=", ".join(disks), place=PLACE, none=NONE_FOUND, choices="\n".join(choices)
    )
