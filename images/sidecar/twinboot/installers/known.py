"""Stops the install of a known machine as an unknown one: a script that answers for unknown ones begin with.

Owns the script. A machine that is in the site file, but has booted by a card that is not, is unknown to
DHCP and to the boot loader. Its other cards and its UUID tell who it is before a disk is touched, and the
install stops. Sources: sysfs-class-net (address), sysfs-firmware-dmi (id/product_uuid); RFC 4391 section
9.1 for the GUID.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..planning.plan import SitePlan

_SCRIPT = """\
# Machines of the site file. One of them that comes here has booted by a card that the file does not name: it
# is not to be installed as an unknown machine.
known='
{known}
'
stop() {{
    for place in /dev/console /dev/stderr; do
        echo "twinboot: this machine is $2 (known by $1), but has booted as an unknown one." \\
            "Nothing was erased. Add the MAC address of the card that it boots from to hosts.$2.mac." >$place
    done 2>/dev/null
    exit 1
}}
look_up() {{
    rest=${{known##*"
$1 "}}
    [ "$rest" = "$known" ] || stop "$1" "${{rest%%
*}}"
}}
for card in /sys/class/net/*/address; do
    mac=$(tr A-Z a-z <"$card") || continue
    [ -n "$mac" ] || continue
    look_up "$mac"
    look_up "$(echo "$mac" | cut -c 37-)" # InfiniBand: the port GUID at the end
done
uuid=$(tr A-Z a-z </sys/class/dmi/id/product_uuid 2>/dev/null) || true
[ -z "$uuid" ] || look_up "$uuid"
exit 0
"""


def guard_script(plan: SitePlan) -> str:
    """A script for sh that fails on a known machine; empty for a site without hosts."""
    return plan.once((guard_script,), lambda: _guard_script(plan))


def _guard_script(plan: SitePlan) -> str:
    rows = [
        f"{one} {machine.name}"
        for machine in plan.machines
        for one in (*machine.host.mac, *((machine.host.uuid,) if machine.host.uuid else ()))
    ]
    return _SCRIPT.format(known="\n".join(rows)) if rows else ""
