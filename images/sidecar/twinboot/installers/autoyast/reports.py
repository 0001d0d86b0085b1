"""How AutoYaST asks and reports: scripts in the profile, and hooks that YaST itself runs.

A pre-script asks, and holds where the install may not begin: YaST goes on after one that has failed. It
leaves a hook that YaST runs before it shows that an install has failed. Scripts in the new system cannot be
sure of a curl there: they call the reporting script in the installer's own root, by way of the process that
watches. The end is told by a hook when the boot loader is written and the new system is about to be
unmounted; the hook lies in both roots, since YaST looks for it in one and runs it in the other. Sources:
script.rb and script_runner.rb of yast2-autoinstallation; Hooks.rb and its Hooks.md of yast2;
inst_finish.rb, switch_scr_finish.rb and umount_finish.rb of yast2-installation; proc(5) (/proc/PID/root).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..holding import asking_script
from ..reporting import COUNT_RPM, PLACE, call, report_script

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

ASKING_NAME = "twinboot-ask.sh"
_ROOT = "/mnt"
_HOOKS = "/var/lib/YaST2/hooks/installation"
_ENDING = f"{_HOOKS}/before_umount_finish_99_twinboot"
_LOGS = "/var/log/YaST2/y2log"
_FAILURE = f"""\
grep -E ' <(3|5)> ' {_LOGS} | tail -n 12 | cut -d ' ' -f 4- >{PLACE}.log
{call(f"error {PLACE}.log")}
exit 0
"""
_HOOK = f"""\
hooks={_HOOKS}
mkdir -p $hooks 2>/dev/null
if [ ! -w $hooks ] || ! touch $hooks/.twinboot 2>/dev/null; then # it is part of a read-only image
    mkdir -p {PLACE}.hooks
    cp -p $hooks/* {PLACE}.hooks/ 2>/dev/null
    mount --bind {PLACE}.hooks $hooks
fi
rm -f $hooks/.twinboot
cat >$hooks/installation_failure_99_twinboot <<'TWINBOOT_HOOK'
#!/bin/sh
{_FAILURE}TWINBOOT_HOOK
chmod 755 $hooks/installation_failure_99_twinboot
"""
_OUTSIDE = f"""\
# What this install has to say is said by the installer's own system, where the script that watches runs.
for process in /proc/[0-9]*; do
    ! tr '\\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q '^sh {PLACE} watch' || break
    process=
done
outside() {{ # a command
    [ -n "$process" ] && chroot "$process/root" "$@"
}}
"""
_FINISHING, _DONE = (f"outside sh {PLACE} {what}" for what in ("finishing", "done"))
_END = f"""\
hook={_ENDING}
mkdir -p {_HOOKS}
cat >$hook <<'TWINBOOT_HOOK'
#!/bin/sh
{_OUTSIDE}{_DONE}
rm -f {_ENDING}
exit 0
TWINBOOT_HOOK
chmod 755 $hook
text=$(cat $hook)
if ! printf '%s\n' "$text" | outside sh -c "cat >$hook && chmod 755 $hook"; then # YaST will not find it
    rm -f $hook
    {_DONE}
fi
exit 0
"""


def asking(plan: SitePlan, install: Install, machine: Machine) -> str:
    """The first pre-script of all."""
    counted = COUNT_RPM.format(root=_ROOT)
    report = report_script(
        plan, install, machine, root=_ROOT, count=counted, follow=f"tail -n 500 -F {_LOGS}"
    )
    return asking_script(report) + _HOOK


def finishing() -> str:
    """Before all other scripts in the new system."""
    return f"{_OUTSIDE}{_FINISHING}\nexit 0\n"


def end() -> str:
    """The script that runs after all of them."""
    return _OUTSIDE + _END
