"""Which disks Agama is given: drives, and a script in the profile that finds them.

Owns both. Agama can sort drives by name or size, but tells neither a SAN's nor a USB disk from the machine's
own: so a script names those that are meant by links, before the storage section is read. Where it has not
run no drive is found, and Agama does not install. Sources: Agama's storage.schema.json,
with_name.rb, yast2-storage-ng's device_finder.rb (any link below /dev).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from ...site.model.site import DiskChoice
from ..base import erased
from ..disk_choice import NONE_FOUND, choosing_script, is_word
from ..holding import HOLD

PLACEHOLDER = "/dev/twinboot/disk-"
"""With a number from 1: in the order of `disks`."""
SCRIPT_NAME = "twinboot-disks.sh"
SHEBANG = "#!/bin/sh\n"
_LINKS = """\
case ",$chosen," in
    *,{none},*) hold "the disk of this install is not there ($chosen). Nothing was erased." ;;
esac
mkdir -p {folder}
number=0
for disk in $(echo "$chosen" | tr , ' '); do
    number=$((number + 1))
    [ -b "/dev/$disk" ] || hold "the disk /dev/$disk is not there. Nothing was erased."
    ln -sfn "$(readlink -f "/dev/$disk")" "{placeholder}$number"
done
echo "twinboot: to be erased: $chosen" >/dev/console
"""
_EMPTIED: JsonValue = {"search": "*", "delete": True}
_SYSTEM: JsonValue = {"generate": "default"}


def storage(disks: Sequence[str]) -> dict[str, JsonValue]:
    """The section: the product's own layout on the first disk; the others are emptied."""
    if tuple(disks) == (DiskChoice.ALL,):
        first: JsonValue = {"sort": {"name": "asc"}, "max": 1}
        return {"drives": [
            {"search": first, "partitions": [_EMPTIED, _SYSTEM]}, {"search": "*", "partitions": [_EMPTIED]}
        ]}  # fmt: skip
    drives: list[JsonValue] = [{"search": f"{PLACEHOLDER}1", "partitions": [_EMPTIED, _SYSTEM]}]
    for number in range(2, len(disks) + 1):
        search: JsonValue = f"{PLACEHOLDER}{number}"
        if is_word(disks):  # two of them may mean one disk
            search = {"condition": {"name": search}, "ifNotFound": "skip"}
        drives.append({"search": search, "partitions": [_EMPTIED]})
    return {"drives": drives}


def heading(disks: Sequence[str]) -> str:
    """What the first script begins with."""
    return f"{SHEBANG}# {erased(tuple(disks))}\n"


def linking_script(disks: Sequence[str]) -> str:
    """For sh, before the storage section is read; of `all` it says what they are."""
    head = heading(disks)
    if tuple(disks) == (DiskChoice.ALL,):
        return f'{head}echo "twinboot: to be erased: every disk" >/dev/console\n'
    folder = PLACEHOLDER.rpartition("/")[0]
    links = _LINKS.format(none=NONE_FOUND, placeholder=PLACEHOLDER, folder=folder)
    return head + HOLD + choosing_script(disks) + links
