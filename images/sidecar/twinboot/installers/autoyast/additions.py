"""What a profile says in AutoYaST's own words, and how it is merged into what is made of settings.

A mapping of sections is merged: mapping into mapping; lists and single values take the place of ours. A text
of XML elements takes the place of whole sections of these names, as one would copy them from a profile. Of
scripts, both are added to ours, which choose the disks and stop known machines.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from ...site.faults import Fault
from ..merging import merged
from .xml_text import MalformedError, element, element_text, section, sections_in

SCRIPTS, _LAST = "scripts", "chroot-scripts"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_EXAMPLE = 'partitioning: [{device: /dev/sda, use: all}], or XML: <partitioning config:type="list">...'


def with_own(ours: Mapping[str, JsonValue], own: JsonValue, last: JsonValue = None) -> dict[str, str]:
    """Every section as text. own: of a checked site; None: nothing. last: a script for the new system after
    all others; None: none."""
    if not isinstance(own, str):
        values = merged(ours, own if isinstance(own, dict) else {}, appended={SCRIPTS})
        if last is not None:
            values = merged(values, {SCRIPTS: {_LAST: [last]}}, appended={SCRIPTS})
        return {name: section(name, value) for name, value in values.items()}
    given = sections_in(own)
    if last is not None and SCRIPTS not in given:
        ours = merged(ours, {SCRIPTS: {_LAST: [last]}}, appended={SCRIPTS})
    if SCRIPTS in given and SCRIPTS in ours:
        given[SCRIPTS] = _scripts(element(SCRIPTS, ours[SCRIPTS]), given[SCRIPTS])
        if last is not None:
            _scripts(given[SCRIPTS], element(SCRIPTS, {_LAST: [last]}))
    texts = {name: section(name, value) for name, value in ours.items() if name not in given}
    return {**texts, **{name: element_text(one) for name, one in given.items()}}


def _scripts(ours: ET.Element, own: ET.Element) -> ET.Element:
    for group in own:
        there = ours.find(group.tag)
        if there is None:
            ours.append(group)
        else:
            there.extend(group)
    return ours


def sections_of(own: JsonValue) -> dict[str, ET.Element]:
    """The sections that it names; of a checked value."""
    if isinstance(own, str):
        return sections_in(own)
    return {name: element(name, value) for name, value in own.items()} if isinstance(own, dict) else {}


def own_faults(path: str, own: JsonValue) -> Iterator[Fault]:
    """What is no section of a profile. path: of the setting."""
    if isinstance(own, str):
        yield from _text_faults(path, own)
    elif isinstance(own, dict):
        for name, value in own.items():
            if not isinstance(value, dict | list):
                yield Fault(f"{path}.{name}", value, f"a section is a mapping or a list; write {_EXAMPLE}")
            else:
                yield from _value_faults(f"{path}.{name}", name, value)
    else:
        yield Fault(path, own, f"must be a mapping of sections, or a text of XML; write {_EXAMPLE}")


def _text_faults(path: str, text: str) -> Iterator[Fault]:
    try:
        found = sections_in(text)
    except MalformedError as exc:
        yield Fault(path, text, f"{exc}; write elements as they stand below <profile>")
        return
    if not found:
        yield Fault(path, text, f"no element in it; write {_EXAMPLE}")


def _value_faults(path: str, name: str, value: JsonValue) -> Iterator[Fault]:
    if not _NAME.fullmatch(name):
        yield Fault(path, name, "no name of an XML element; write letters, digits, _ and - after a letter")
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _value_faults(f"{path}.{key}", key, one)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _value_faults(f"{path}[{at}]", name, one)
    elif isinstance(value, float):
        yield Fault(path, value, "AutoYaST knows whole numbers and text; write it in quotes")
    elif isinstance(value, str) and any(not (one.isprintable() or one in "\n\t") for one in value):
        yield Fault(path, value, "must be printable text; XML cannot hold the rest")


def needs_second_stage(own: JsonValue) -> bool:
    """Is one of its sections for the second stage, after the first start from the disk?"""
    found = sections_of(own)
    scripts = found.get(SCRIPTS)
    after = scripts is not None and scripts.find("post-scripts") is not None
    return after or bool(found.keys() - FIRST_STAGE)


FIRST_STAGE = frozenset({
    "add-on", "bootloader", "configuration_management", "deploy_image", "files", "firewall", "general",
    "groups", "host", "iscsi-client", "fcoe-client", "kdump", "keyboard", "language", "login_settings",
    "networking", "partitioning", "partitioning_advanced", "proxy", "report", "runlevel", SCRIPTS, "security",
    "services-manager", "software", "ssh_import", "suse_register", "timezone", "user_defaults", "users",
})  # fmt: skip
"""Sections that YaST is done with before the first start from the disk (inst_autosetup.rb)."""
