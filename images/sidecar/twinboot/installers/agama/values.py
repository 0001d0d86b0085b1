"""Values of a profile's template, and what a template of an operator's own must hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from ...site.faults import Fault
from ..alike import Alike
from ..base import common_values
from .additions import SCRIPTS, with_own
from .network import card_faults
from .reports import ASKING_NAME, with_reports
from .sections import GUARD_NAME, sections
from .storage import PLACEHOLDER, SCRIPT_NAME

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ..base import Passwords

Check = Callable[[str, str], Iterator[Fault]]


def agama_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    """Everything that default.json.j2 and templates of an operator's own may use."""
    site = plan.site
    profile = site.profiles[install.profile]
    found = with_own(sections(plan, install, machine, passwords), profile.additions.get("agama"))
    if machine is not None:
        found[SCRIPTS] = with_reports(found[SCRIPTS])
    return {
        **common_values(plan, install, machine),
        "sections": {name: json_text(value) for name, value in found.items()},
        "rootpw": passwords.root,
    }


def json_text(value: JsonValue) -> str:
    """As it stands in a profile, one level in."""
    return _texts("", value)


def _indented(_name: str, value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")


_texts = Alike(_indented)


def checks(plan: SitePlan, install: Install, machine: Machine | None, *, own: bool, guarded: bool) -> Check:
    """The check of a filled template. own: it is an operator's. guarded: for machines that are not known, of
    a site with hosts."""
    first = ASKING_NAME if machine is not None else GUARD_NAME if guarded else None

    def check(path: str, text: str) -> Iterator[Fault]:
        yield from card_faults(plan, install, machine)
        if own:
            yield from _text_faults(path, text, first)

    return check


def _text_faults(path: str, text: str, first: str | None) -> Iterator[Fault]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as exc:
        reason = f"no JSON: {exc.msg} at line {exc.lineno}, column {exc.colno} of what it becomes"
        yield Fault(path, "", f"{reason}; `| tojson` writes a value as JSON")
        return
    if not isinstance(found, dict):
        yield Fault(path, "", "must be an object: { ... }")
        return
    scripts = found.get("scripts")
    before = scripts.get("pre") if isinstance(scripts, dict) else None
    entries = before if isinstance(before, list) else []
    names = {one.get("name") for one in entries if isinstance(one, dict)}
    needed = [SCRIPT_NAME] if PLACEHOLDER in json.dumps(found.get("storage")) else []
    for name in (*needed, *([first] if first else [])):
        if name not in names:
            yield Fault(path, name, 'is no pre script of it; write "scripts": {{ sections.scripts }}')
