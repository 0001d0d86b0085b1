"""Which disks AutoYaST is given: a script in the profile that looks at the machine, and writes their names.

Owns the script, and the names that stand for them until then. No machine has a disk of such a name, so
AutoYaST stops where the script has not run. A drive without partitions is laid out by the product's own
proposal, on the drives that the profile names and no other. Sources: yast2-autoinstallation's
autosetup_helpers.rb (modified.xml), yast2-storage-ng's autoinst_proposal.rb.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from ..disk_choice import NONE_FOUND, choosing_script
from ..holding import HOLD
from .network import BOOTED

PLACEHOLDER = "/dev/twinboot-disk-"
"""With a number from 1: in the order of `disks`."""
SCRIPT_NAME = "twinboot-disks.sh"

_REWRITE = """\
case ",$chosen," in
    *,{none},*) hold "the disk of this install is not there ($chosen). Nothing was erased." ;;
esac
cp /tmp/profile/autoinst.xml /tmp/profile/twinboot.xml || hold "no profile to write disks into"
number=0
for disk in $(echo "$chosen" | tr , ' '); do
    number=$((number + 1))
    sed -i "s|{placeholder}$number<|/dev/$disk<|" /tmp/profile/twinboot.xml
done
while [ "$number" -lt {count} ]; do # two words have meant one disk
    number=$((number + 1))
    sed -i "\\|<drive>.*{placeholder}$number<.*</drive>|d" /tmp/profile/twinboot.xml
done
"""
_CARD = """\
card=$(ip -4 -o route get {server} | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
[ -n "$card" ] || hold "no card leads to {server}. Nothing was erased."
sed -i "s|>{booted}<|>$card<|" /tmp/profile/twinboot.xml
"""
_DONE = """\
mv /tmp/profile/twinboot.xml /tmp/profile/modified.xml || hold "cannot write the profile"
echo "twinboot: to be erased: $chosen" >/dev/console
"""


def drives(disks: Sequence[str]) -> list[JsonValue]:
    """The partitioning section: every disk whole, by its placeholder."""
    return [
        {"device": f"{PLACEHOLDER}{number}", "initialize": True, "use": "all"}
        for number in range(1, len(disks) + 1)
    ]


def writing_script(disks: Sequence[str], server: str | None) -> str:
    """For sh before AutoYaST reads the profile again. server: an address of the site, by whose route the
    card is found that has booted; None: nothing asks for its name."""
    card = _CARD.format(server=server, booted=BOOTED) if server else ""
    rewrite = _REWRITE.format(none=NONE_FOUND, placeholder=PLACEHOLDER, count=len(disks))
    return HOLD + choosing_script(disks) + rewrite + card + _DONE
