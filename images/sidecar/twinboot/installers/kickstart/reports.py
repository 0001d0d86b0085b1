"""How a kickstart file asks and reports: sections beside those of its template.

Source: pykickstart's documentation, "%pre", "%post", "%onerror"; Anaconda knows %onerror from RHEL 8 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reporting import WATCH, call, laid_down, report_script
from .releases import Release

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

_OLD_ROOT, _ROOT = "/mnt/sysimage", "/mnt/sysroot"
"""Where the new system is mounted: from RHEL 8 on at both."""
_LOGS = "/tmp/anaconda.log /tmp/packaging.log /tmp/program.log /tmp/storage.log"


def begin_sections(plan: SitePlan, install: Install, machine: Machine, release: Release) -> str:
    """After all other %pre sections, before a disk is touched: the question. %onerror beside it."""
    root = _ROOT if release.knows_onerror else _OLD_ROOT
    script = laid_down(report_script(plan, install, machine, root=root))
    begin = f"{script}{call('start')} || exit 1\n{WATCH}"
    sections = _section("%pre --erroronfail", begin, release)
    if release.knows_onerror:
        sections += _section("%onerror", f"{call(f'error {_LOGS}')}\n", release)
    return sections


def finishing_section(release: Release) -> str:
    """Before all other %post sections."""
    return _section("%post --nochroot", f"{call('finishing')}\n", release)


def end_section(release: Release) -> str:
    """The section that runs after all other %post sections."""
    return _section("%post --nochroot", f"{call('done')}\n", release)


def _section(head: str, text: str, release: Release) -> str:
    end = "%end\n" if release.ends_sections else ""
    return f"\n{head}\n{text}{end}"
