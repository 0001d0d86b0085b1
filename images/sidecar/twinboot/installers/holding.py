"""Holds an install for ever, where the installer goes on, or asks, after a script that has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .known import guard_script

if TYPE_CHECKING:
    from ..planning.plan import SitePlan

HOLD = """\
hold() { # for ever, with this on the console: the installer would go on after a script that has failed
    while :; do
        [ $# = 0 ] || echo "twinboot: $*" >/dev/console
        sleep 60
    done
}
"""
"""For sh: hold WORDS ..."""
_GUARDED = """\
if ! (
{guard}); then hold; fi
"""


def holding_guard(plan: SitePlan) -> str:
    """known.guard_script() that holds on a known machine; empty for a site without hosts."""
    guard = guard_script(plan)
    return HOLD + _GUARDED.format(guard=guard) if guard else ""
