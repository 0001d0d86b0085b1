"""What a profile says in Agama's own words, and how it is merged into what is made of settings.

Mappings are merged into mappings; lists and single values take the place of ours. Scripts are added to ours,
which choose the disks and stop known machines. Source: Agama's profile.schema.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from ...site.faults import Fault, did_you_mean
from ..merging import merged

SCRIPTS = "scripts"
OLD_STORAGE = "legacyAutoyastStorage"
KNOWN = (
    "access", "bootloader", "dasd", "files", "hostname", "iscsi", "l10n", "localization", "network", "ntp",
    "product", "proxy", "questions", "root", OLD_STORAGE, SCRIPTS, "security", "software", "storage", "user",
    "zfcp",
)  # fmt: skip
"""Sections: Agama refuses a profile with any other."""
_ELSEWHERE = {"l10n": "localization", OLD_STORAGE: "storage"}
"""Sections that take the place of another one: Agama takes one of both."""


def with_own(ours: Mapping[str, JsonValue], own: JsonValue) -> dict[str, JsonValue]:
    """own: of a checked site; None: nothing."""
    given = own if isinstance(own, dict) else {}
    replaced = {_ELSEWHERE.get(name) for name in given}
    kept = {name: value for name, value in ours.items() if name not in replaced}
    return merged(kept, given, appended={SCRIPTS})


def own_faults(path: str, own: JsonValue) -> Iterator[Fault]:
    """What is no section of a profile. path: of the setting."""
    if not isinstance(own, dict):
        example = "software: {patterns: {add: [kvm_server]}}"
        yield Fault(path, own, f"must be a mapping of sections of Agama's profile; write {example}")
        return
    for name, value in own.items():
        if name not in KNOWN:
            remedy = f"no section of Agama's profile; {did_you_mean(name, KNOWN)}"
            yield Fault(f"{path}.{name}", value, remedy)
        elif not isinstance(value, list if name in _LISTS else dict):
            form = "a list" if name in _LISTS else "a mapping"
            yield Fault(f"{path}.{name}", value, f"must be {form}, as Agama's profile has it")


_LISTS = frozenset({"files", OLD_STORAGE})
