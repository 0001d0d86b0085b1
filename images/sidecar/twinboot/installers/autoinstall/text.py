"""Values of an operator's own, packages and keyboards, as Subiquity takes them.

Owns which sections there are (newer ones are ignored by older installers) and of what type. Source:
Subiquity's "Autoinstall configuration reference manual", apt-get(8), keyboard(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from ...site.faults import Fault, did_you_mean

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(/[a-z0-9.-]+)?")
_TASK = re.compile(r"@[a-z0-9][a-z0-9+-]*")
_LAYOUT = re.compile(r"([a-z]{2,5})(-([A-Za-z0-9_-]+))?")
_OTHER_NAMES = {"uk": "gb", "br": "br", "sv": "se", "cf": "ca"}
"""Keymaps of the console whose layout of XKB is called otherwise."""
_NO_VARIANT = frozenset({"latin1", "lat1", "latin2", "latin9", "latin1-nodeadkeys"})
COMMANDS = ("early-commands", "late-commands", "error-commands")
"""Lists of commands that are added to ours."""
_SECTIONS: Mapping[str, tuple[type, ...]] = {
    "active-directory": (dict,), "apt": (dict,), "codecs": (dict,), "debconf-selections": (str,),
    "drivers": (dict,), "early-commands": (list,), "error-commands": (list,), "identity": (dict,),
    "interactive-sections": (list,), "kernel": (dict,), "kernel-crash-dumps": (dict,), "keyboard": (dict,),
    "late-commands": (list,), "locale": (str,), "network": (dict,), "oem": (dict,), "packages": (list,),
    "proxy": (str, type(None)), "refresh-installer": (dict,), "reporting": (dict,), "shutdown": (str,),
    "snaps": (list,), "source": (dict,), "ssh": (dict,), "storage": (dict,), "timezone": (str,),
    "ubuntu-advantage": (dict,), "ubuntu-pro": (dict,), "updates": (str,), "user-data": (dict,),
    "version": (int,), "zdevs": (list,),
}  # fmt: skip
_WORDS: Mapping[type, str] = {
    dict: "a mapping", list: "a list", str: "text", int: "a number", type(None): "null",
}  # fmt: skip


def keyboard(name: str) -> dict[str, str] | None:
    """A layout of XKB and its variant, of this or of a console keymap's name; None when it is neither."""
    found = _LAYOUT.fullmatch(name)
    if found is None:
        return None
    layout, variant = _OTHER_NAMES.get(found[1], found[1]), found[3] or ""
    if variant in _NO_VARIANT:
        variant = "nodeadkeys" if variant.endswith("nodeadkeys") else ""
    return {"layout": layout, "variant": variant} if variant else {"layout": layout}


def package_faults(path: str, packages: tuple[str, ...]) -> Iterator[Fault]:
    """Lines that are neither a package nor a task."""
    for at, line in enumerate(packages):
        if line.startswith("-"):
            remedy = "the installer leaves no package out; remove it, and write `apt-get -y purge` in post"
            yield Fault(f"{path}[{at}]", line, remedy)
        elif not (_TASK.fullmatch(line) or (_PACKAGE.fullmatch(line) and line[-1] not in "+-")):
            remedy = "no package or task; write a name such as vim, or @samba-server for a task of tasksel"
            yield Fault(f"{path}[{at}]", line, remedy)


def packages_of(lines: tuple[str, ...]) -> list[str]:
    """As apt-get has them: a task with a ^ behind it."""
    return [f"{one[1:]}^" if one.startswith("@") else one for one in lines]


def section_faults(path: str, value: Mapping[str, JsonValue]) -> Iterator[Fault]:
    """What of a profile's own `autoinstall` Subiquity would refuse, or leave out without a word."""
    for name, section in value.items():
        at, types = f"{path}.{name}", _SECTIONS.get(name)
        if types is None:
            yield Fault(at, section, f"no section of autoinstall; {did_you_mean(name, _SECTIONS)}")
        elif not isinstance(section, types) or isinstance(section, bool):
            yield Fault(at, section, f"must be {' or '.join(_WORDS[one] for one in types)}")
        elif name == "version" and section != 1:
            yield Fault(at, section, "there is version 1 alone; remove it")
        elif name.endswith("-commands"):
            yield from _command_faults(at, section)
    storage = value.get("storage")
    if isinstance(storage, dict) and {"layout", "config"} <= storage.keys():
        yield Fault(f"{path}.storage", list(storage), "Subiquity takes layout or config; write one of them")


def _command_faults(path: str, commands: JsonValue) -> Iterator[Fault]:
    assert isinstance(commands, list)
    for at, one in enumerate(commands):
        words = one if isinstance(one, list) else [one]
        if not words or not all(isinstance(word, str) for word in words):
            yield Fault(f"{path}[{at}]", one, "must be a command, or a list of its words; write it in quotes")
