"""How Agama asks and reports: scripts in the profile, beside those that it needs for itself.

Agama goes on after a script that has failed, so the first one holds where it may not begin. That Agama has
given up is seen by its own service, which ends. Post scripts run when the boot loader is there, before the
new system is unmounted. Sources: Agama's actions.rs and runner.rs (of its branch SLE-16: model.rs,
finisher.rb), agama-autoinstall.service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from ..holding import asking_script
from ..reporting import COUNT_RPM, JOURNAL, call, report_script
from .storage import SHEBANG

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

ASKING_NAME = "twinboot-ask.sh"
_ROOT = "/mnt"
_GIVEN_UP = (
    "! systemctl is-active --quiet agama-autoinstall && "
    'journalctl -o cat --no-pager -n 12 -u agama -u agama-web-server -u agama-autoinstall >"$own/log" 2>&1'
)


def asking(plan: SitePlan, install: Install, machine: Machine) -> str:
    """The first script of all."""
    report = report_script(
        plan, install, machine, root=_ROOT, count=COUNT_RPM.format(root=_ROOT), given_up=_GIVEN_UP,
        follow=JOURNAL,
    )  # fmt: skip
    return asking_script(report)


def with_reports(scripts: JsonValue) -> JsonValue:
    """The section with what is said when packages are there, before all other post scripts, and at the end,
    after all of them, those of the profile's own too."""
    assert isinstance(scripts, dict)
    after = scripts.get("post")
    told = (_script("finishing"), *(after if isinstance(after, list) else ()), _script("done"))
    return {**scripts, "post": [*told]}


def _script(what: str) -> dict[str, JsonValue]:
    content = f"{SHEBANG}{call(what)}\n"
    return {"name": f"twinboot-{what}.sh", "chroot": False, "content": content}
