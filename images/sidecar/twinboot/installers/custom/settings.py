"""What a profile says of files, and what it says in vain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from ...site.faults import Fault

if TYPE_CHECKING:
    from ...site.model.site import Profile

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"files": {"type": "object", "additionalProperties": {"type": "string"}}},
    "additionalProperties": False,
}
FOR_TEMPLATES = (
    "packages", "lang", "keyboard", "timezone", "rootpw_file", "ssh_keys", "users", "ntp", "proxy", "disks",
    "partitions", "network", "post", "finish",
)  # fmt: skip
"""Settings that mean nothing without a file that is made of them."""
OF_A_NEW_SYSTEM = ("packages", "disks", "partitions", "rootpw_file", "post", "finish")
"""Those of the settings above that are about a system that is written to a disk: such a profile may erase."""
ANSWERS = "{answers}"
_PART = re.compile(r"[A-Za-z0-9._+@~-]+")
_TEMPLATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.j2")
_LONGEST = 100


def files_of(profile: Profile) -> Mapping[str, str]:
    """Files of a checked profile: path below the folder of its files -> template below templates/custom."""
    own = profile.additions.get("custom")
    files = own.get("files") if isinstance(own, dict) else None
    return {path: str(template) for path, template in files.items()} if isinstance(files, dict) else {}


def in_vain(path: str, profile: Profile) -> Iterator[Fault]:
    """Settings that nothing is made of."""
    if profile.template is not None:
        remedy = "has no file of one name; write custom: {files: {NAME: TEMPLATE.j2}}"
        yield Fault(f"{path}.template", profile.template, remedy)
    if files_of(profile):
        return
    for at, argument in enumerate(profile.kernel_args):
        if ANSWERS in argument.replace("{{", ""):
            remedy = "is the folder of its files, and there are none; write custom: {files: {PATH: TEMPLATE}}"
            yield Fault(f"{path}.kernel_args[{at}]", argument, remedy)
    defaults = type(profile).model_fields
    for name in FOR_TEMPLATES:
        if getattr(profile, name) != defaults[name].default:
            shown = profile.model_dump(mode="json")[name]
            remedy = (
                "installer custom makes nothing of it by itself; use it in a template that custom.files "
                "names, or remove it"
            )
            yield Fault(f"{path}.{name}", shown, remedy)


def writes_a_system(profile: Profile) -> bool:
    """Does a profile say anything of a system that is written to a disk?"""
    defaults = type(profile).model_fields
    return any(getattr(profile, name) != defaults[name].default for name in OF_A_NEW_SYSTEM)


def addition_faults(path: str, value: Mapping[str, JsonValue]) -> Iterator[Fault]:
    """path: of the profile's `custom`."""
    for name in value.keys() - {"files"}:
        yield Fault(f"{path}.{name}", value[name], "unknown key; write files: {PATH: TEMPLATE.j2}")
    files = value.get("files", {})
    if not isinstance(files, dict):
        yield Fault(f"{path}.files", files, "must be a mapping of paths to templates: {a.cfg: a.j2}")
        return
    for name, template in files.items():
        parts = name.split("/")
        if len(name) > _LONGEST or not all(_PART.fullmatch(one) and one.strip(".") for one in parts):
            remedy = "not a plain relative path; write one such as boot.cfg or etc/settings.ini"
            yield Fault(f"{path}.files", name, remedy)
        if any(other.startswith(f"{name}/") for other in files):
            yield Fault(f"{path}.files", name, "is a folder of another file; rename one of them")
        if not isinstance(template, str) or not _TEMPLATE.fullmatch(template):
            remedy = "not a template's name; write that of a file in templates/custom, such as boot.cfg.j2"
            yield Fault(f"{path}.files.{name}", template, remedy)
