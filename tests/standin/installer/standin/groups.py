"""comps.xml -> package names of a group or an environment.

Read here and not by dnf: Debian 13's libcomps 0.1.21 crashes under Python 3.13 as soon as a group is
looked at. Only what an unattended install needs: mandatory and default packages, mandatory groups.
"""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ElementTree
from pathlib import Path

WANTED = frozenset({"mandatory", "default"})


class Groups:
    """The groups and environments of one repository (none when it has no comps.xml)."""

    def __init__(self, path: Path | None) -> None:
        self._groups: dict[str, list[str]] = {}
        self._environments: dict[str, list[str]] = {}
        if path is None:
            return
        data = path.read_bytes()
        root = ElementTree.fromstring(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        for group in root.iter("group"):
            entries = group.iterfind("packagelist/packagereq")
            names = [entry.text or "" for entry in entries if entry.get("type", "mandatory") in WANTED]
            self._groups[group.findtext("id", "")] = names
        for environment in root.iter("environment"):
            members = [entry.text or "" for entry in environment.iterfind("grouplist/groupid")]
            self._environments[environment.findtext("id", "")] = members

    def group(self, name: str) -> list[str] | None:
        return self._groups.get(name)

    def environment(self, name: str) -> list[str] | None:
        members = self._environments.get(name)
        if members is None:
            return None
        return [package for member in members for package in self._groups.get(member, [])]
