"""Which disks an install may see and erase, as kickstart commands.

Owns the choice of the commands. Names go into them as they are. Words (first, smallest, largest) are for
disks whose names are not known: a %pre script looks at the machine and writes the commands to INCLUDED.
Source: pykickstart's command versions.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...site.model.site import DiskChoice
from ..disk_choice import PLACE, choosing_script, is_word
from .releases import Release

INCLUDED = PLACE
CHOOSING = "ignoredisk"
"""The command that says what the installer sees. An operator's own takes the place of `disks`; of the
others each only takes that of ours."""
LAYOUT = frozenset({"autopart", "part", "partition", "logvol", "volgroup", "raid", "btrfs", "mount"})

_INCLUDE = """\
cat >{included} <<TWINBOOT
{commands}
TWINBOOT
echo "twinboot: to be erased: $chosen"
"""


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
    if not is_word(disks):
        note = f"Disks: {words} and no other is seen and erased."
        return DiskCommands(note, (*_commands(",".join(disks), disks[0], own, release), *layout))
    note = f"Disks: {words} of this machine, and no other, is seen and erased; see %pre."
    commands = _commands("$chosen", "${chosen%%,*}", own, release)
    script = choosing_script(disks) + _INCLUDE.format(included=INCLUDED, commands="\n".join(commands))
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
