"""Values of a profile's template, and what a template of an operator's own must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...site.faults import Fault
from ..base import common_values, erased
from .additions import sections_of, with_own
from .disks import PLACEHOLDER, SCRIPT_NAME
from .reports import ASKING_NAME
from .sections import GUARD_NAME, last_script, sections
from .xml_text import MalformedError, comment, profile_of, texts_at

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ..base import Passwords

PARTITIONING = "partitioning"


def autoyast_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    """Everything that default.xml.j2 and templates of an operator's own may use."""
    site = plan.site
    profile = site.profiles[install.profile]
    own = profile.additions.get("autoyast")
    found = with_own(sections(plan, install, machine, passwords), own, last_script(machine))
    title = f"host {machine.name}" if machine else f"profile {install.profile}"
    note = (
        "Disks: what is erased is said by partitioning of the profile's own."
        if plan.once((sections_of, install.profile), lambda: PARTITIONING in sections_of(own))
        else erased(plan.disks(install))
    )  # fmt: skip
    return {
        **common_values(plan, install, machine),
        "title": comment(title),
        "note": comment(note),
        "sections": found,
        "rootpw": passwords.root,
    }


def must_hold(*, known: bool, guarded: bool) -> Callable[[str, str], Iterator[Fault]]:
    """The check of a profile that was made with a template of an operator's own. known: it is a host's.
    guarded: it is for machines that are not known, of a site with hosts."""
    first = ASKING_NAME if known else GUARD_NAME if guarded else None

    def check(path: str, text: str) -> Iterator[Fault]:
        try:
            root = profile_of(text)
        except MalformedError as exc:
            yield Fault(path, "", f"{exc} of what it becomes; `| e` writes a value so that XML can hold it")
            return
        if root.tag != "profile":
            yield Fault(path, root.tag, 'must be <profile xmlns="http://www.suse.com/1.0/yast2ns" ...>')
        names = set(texts_at(root, "scripts/pre-scripts/script/filename"))
        needed = [SCRIPT_NAME] if PLACEHOLDER in text.partition("<scripts")[0] else []
        for name in (*needed, *([first] if first else [])):
            if name not in names:
                yield Fault(path, name, "is no pre-script of it; write {{ sections.scripts }}")

    return check
