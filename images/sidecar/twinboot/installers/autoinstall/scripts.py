"""Scripts that Subiquity runs: before it looks at disks, and in the new system.

Owns their text, and how a known machine asks and reports by them. cloud-init writes them to FOLDER in the
live system, so nothing of them is quoted. Sources: Subiquity's reference manual (early-commands:
/autoinstall.yaml is read again after them; error-commands) and cmdlist.py (a failed one of the early commands
ends the install), curtin (in-target), cloud-init (write_files, bootcmd).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...site.model.site import DiskChoice
from ..disk_choice import NONE_FOUND, choosing_script
from ..known import guard_script
from ..new_system import setup_script
from ..reporting import COUNT_DEB, JOURNAL, PLACE, WATCH, call, report_script
from .network import BOOTED
from .text import COMMANDS

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile
    from ..base import Passwords

FOLDER = "/run/twinboot"
DISK = "/dev/twinboot-disk"
"""Stands for the disk, until the first script has found it: there is no such disk."""
EARLY = f"sh {FOLDER}/early.sh"
"""The first command of all: without it a known machine would be installed without having asked."""
_ANSWERS = "/autoinstall.yaml"
_ROOT = "/target"
_WHY = f"{FOLDER}/why"
_IF_BEGUN = f"[ ! -e {PLACE} ] || "
_LOGS = f"/var/log/installer/subiquity-server-info.log /var/log/installer/curtin-install.log {_WHY}"

_EARLY = f"""\
# Runs before Subiquity looks at disks. A failure ends the install.
stop() {{
    echo "$*" >{_WHY}
    for place in /dev/console /dev/stderr; do echo "twinboot: $*" >$place; done 2>/dev/null
    exit 1
}}
"""
_GUARDED = f"""\
[ -e {FOLDER}/unknown ] || stop "nobody has looked whether this is a known machine. Nothing was erased."
"""
_ASKING = f"""\
cp {FOLDER}/report.sh {PLACE}
{call("start")} || exit 1 # it has said why
{WATCH}"""
_DISK = """\
choose_disk() {{
{choosing}
}}
choose_disk
disk=$(readlink -f "/dev/$chosen")
if [ "$chosen" = {none} ] || [ ! -b "$disk" ]; then
    stop "the disk of this install is not there ($chosen). Nothing was erased."
fi
sed -i "s|{placeholder}|$disk|" {answers}
echo "twinboot: to be erased: $disk"
"""
_CARD = """\
card=$(sed -n 's/.*BOOTIF=01-\\([0-9A-Fa-f-]*\\).*/\\1/p' /proc/cmdline | tr A-F- a-f:)
if [ -z "$card" ]; then
    card=$(ip -4 route show default | sed 's/.* dev \\([^ ]*\\).*/\\1/;q')
    card=$(cat "/sys/class/net/$card/address" 2>/dev/null)
fi
[ -n "$card" ] || stop "nobody knows the card that has booted. Nothing was erased."
sed -i "s|{placeholder}|$card|" {answers}
"""
_LATE = """\
# Runs when the new system is there, below /target.
{finishing}in_new_system() {{ # name of a script beside this one
    install -m 700 "{folder}/$1.sh" "/target/root/twinboot-$1.sh"
    curtin in-target --target=/target -- \\
        sh -c "sh /root/twinboot-$1.sh >/root/twinboot-$1.log 2>&1 </dev/null" ||
        echo "twinboot: $1 failed: see /root/twinboot-$1.log of the new system" >/dev/console
    rm -f "/target/root/twinboot-$1.sh"
}}
{calls}
"""
_GUARD = """
# Before anything else: is this a known machine that has booted as an unknown one?
bootcmd:
- |
{script}"""
_HOLD = f"""\
(
%s
) || while :; do sleep 60; done # it has said why
mkdir -p {FOLDER} && touch {FOLDER}/unknown
"""


def guard(plan: SitePlan) -> str:
    """A section of cloud-config that stops a known machine; empty for a site without hosts. As a string, that
    is pasted into one script: a site's list is longer than one argument may be."""
    script = guard_script(plan)
    if not script:
        return ""
    lines = (_HOLD % script.rstrip("\n")).splitlines()
    return _GUARD.format(script="".join(f"  {line}\n" if line else "\n" for line in lines))


def scripts(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords, *, guarded: bool,
    needs: str,
) -> dict[str, str]:
    """By name. needs: where placeholders may stand that are to be filled."""
    profile = plan.site.profiles[install.profile]
    early = [_EARLY, *([_GUARDED] if guarded else []), *([_ASKING] if machine else [])]
    if DISK in needs:
        early.append(_DISK.format(
            choosing=choosing_script(plan.disks(install)).rstrip("\n"), none=NONE_FOUND, placeholder=DISK,
            answers=_ANSWERS,
        ))  # fmt: skip
    if BOOTED in needs:
        early.append(_CARD.format(placeholder=BOOTED, answers=_ANSWERS))
    new = dict(_in_new_system(plan, profile, passwords))
    late = {"late": _LATE.format(
        folder=FOLDER, calls="\n".join(f"in_new_system {one}" for one in new),
        finishing=f"{call('finishing')}\n" if machine else "",
    )}  # fmt: skip
    report = {"report": _report(plan, install, machine)} if machine else {}
    return {**report, "early": "".join(early), **new, **(late if new else {})}


def commands(machine: Machine | None, own: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Lists of commands by the section's name, with those of the profile's own within: nothing of an
    operator's runs before the question, or after the end was told."""
    found = {name: [*own.get(name, ())] for name in COMMANDS}
    found["early-commands"].insert(0, EARLY)
    found["late-commands"].insert(0, f"sh {FOLDER}/late.sh")
    if machine is not None:
        found["late-commands"].append(_IF_BEGUN + call("done"))
        found["error-commands"].insert(0, _IF_BEGUN + call(f"error {_LOGS}"))
    return {name: list_ for name, list_ in found.items() if list_}


def _report(plan: SitePlan, install: Install, machine: Machine) -> str:
    counted = COUNT_DEB.format(root=_ROOT)
    return report_script(plan, install, machine, root=_ROOT, count=counted, follow=JOURNAL)


def _in_new_system(plan: SitePlan, profile: Profile, passwords: Passwords) -> Iterator[tuple[str, str]]:
    root = f"usermod -p {shlex.quote(passwords.root or '*')} root\n"
    yield "setup", root + setup_script(plan, profile, passwords)
    if profile.post.strip():
        yield "post", profile.post.rstrip("\n") + "\n"


def files_of(texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The same, as cloud-init writes them."""
    return [
        {"path": f"{FOLDER}/{name}.sh", "permissions": "0700", "content": text}
        for name, text in texts.items()
    ]


def erased(disks: tuple[str, ...], *, own_storage: bool) -> str:
    """What the first lines of the answers say of the disks."""
    if own_storage:
        return "Disks: what is erased is said by autoinstall.storage of the profile."
    words = ", ".join(disks)
    if set(disks) & set(DiskChoice):
        return f"Disks: {words} of this machine, and no other, is erased; see early.sh."
    return f"Disks: {words} and no other is erased."
