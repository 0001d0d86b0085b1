"""Holds an install for ever, where the installer goes on, or asks, after a script that has failed.

Owns what holds: a known machine that has booted as an unknown one, and an install that was not let begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .known import guard_script
from .reporting import PLACE, WATCH, call, laid_down

if TYPE_CHECKING:
    from ..planning.plan import SitePlan

HOLD = f"""\
hold() {{ # for ever, with this on the console: the installer would go on after a script that has failed
    if [ $# != 0 ] && [ -e {PLACE} ]; then # the install servers are told why
        echo "$*" >{PLACE}.why
        sh {PLACE} error {PLACE}.why
    fi
    while :; do
        [ $# = 0 ] || echo "twinboot: $*" >/dev/console
        sleep 60
    done
}}
"""
"""Shell function: hold WORDS ..."""
_GUARDED = """\
if ! (
{guard}); then hold; fi
"""


def holding_guard(plan: SitePlan) -> str:
    """known.guard_script() that holds on a known machine; empty for a site without hosts."""
    guard = guard_script(plan)
    return HOLD + _GUARDED.format(guard=guard) if guard else ""


def asking_script(report: str) -> str:
    """Lays down the script of reporting.py, asks by it whether the install may begin, and holds where it may
    not; then it watches."""
    return f"{HOLD}{laid_down(report)}{call('start')} || hold # it has said why\n{WATCH}"
