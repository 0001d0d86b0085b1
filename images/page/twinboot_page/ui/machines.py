"""The table of machines: which ones, in which order, how far each is. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ..models import Machine, MachineWithHistory, Unknown
from . import words

STATES = (
    "failed", "stalled", "loader", "kernel", "answers", "packages", "finishing", "waiting", "done", "local",
)  # fmt: skip
"""States in the order in which their machines need somebody."""
MEANINGS = {
    "failed": "the installer reported an error", "stalled": "nothing was heard for too long",
    "loader": "its boot loader has been fetched", "kernel": "the installer's kernel has been fetched",
    "answers": "the answer file has been fetched", "packages": "its disk is being written",
    "finishing": "the last scripts run", "waiting": "not started from the network yet",
    "done": "installed", "local": "told to start from its disk",
}  # fmt: skip
UNDER_WAY = ("loader", "kernel", "answers", "packages", "finishing")
PAGE = 100
NAMED = 12
_BEGIN = {"waiting": 0, "loader": 4, "kernel": 8, "answers": 12, "packages": 16, "finishing": 90, "done": 100}
"""Percent of the bar at which a step begins."""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for in the address of the page. Values that cannot be are passed over."""

    text: str = ""
    state: str = ""
    profile: str = ""
    server: str = ""
    sort: str = ""
    offset: int = 0

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Query:
        offset = said.get("offset", "")
        return cls(
            text=said.get("text", "").strip()[:100], state=said.get("state", "")[:40],
            profile=said.get("profile", "")[:100], server=said.get("server", "")[:100],
            sort="need" if said.get("sort") == "need" else "",
            offset=int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 8 else 0,
        )  # fmt: skip

    def link(self, **other: str | int) -> str:
        """The address of the same table with something else."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__} | other
        said = urlencode({name: value for name, value in values.items() if value})
        return f"/ui/machines?{said}" if said else "/ui/machines"

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.state or self.profile or self.server)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A page of the machines that fit. first: number of its first one, from 1."""

    machines: Sequence[Machine]
    total: int
    first: int
    before: str
    after: str

    @property
    def last(self) -> int:
        return self.first + len(self.machines) - 1


def choose(machines: Sequence[Machine], query: Query) -> Chosen:
    """Those that fit, in the site file's order, or those first that need somebody."""
    part = query.text.lower()
    found = [
        one for one in machines
        if (not query.state or one.state == query.state)
        and (not query.profile or one.profile == query.profile)
        and (not query.server or one.server == query.server) and (not part or _has(one, part))
    ]
    if query.sort == "need":
        order = {state: number for number, state in enumerate(STATES)}
        found.sort(key=lambda one: order.get(one.state, -1))
    start = min(query.offset, max(0, len(found) - 1)) // PAGE * PAGE
    page = found[start:start + PAGE]
    return Chosen(
        machines=page, total=len(found), first=start + 1 if page else 0,
        before=query.link(offset=start - PAGE) if start else "",
        after=query.link(offset=start + PAGE) if start + PAGE < len(found) else "",
    )  # fmt: skip


def percent(one: Machine) -> int:
    """How far its install is, of a hundred."""
    begin = _BEGIN.get(one.step, 0)
    if one.step == "packages" and one.of:
        return begin + int((_BEGIN["finishing"] - begin) * min(1.0, one.packages / one.of))
    return begin


def so_far(one: Machine) -> str:
    """Packages and bytes of an install."""
    parts = []
    if one.packages:
        parts.append(f"{one.packages}{f' of {one.of}' if one.of else ''} packages")
    if one.kib:
        parts.append(words.size(one.kib * 1024))
    return ", ".join(parts)


def heard(one: Machine) -> str:
    """When its server last heard of it."""
    return words.age(one.silent_s) if one.server else "never"


def told(one: Machine) -> str:
    """The machine's state, and the step at which it stands still."""
    return f"{one.state} at {one.step}" if one.state in ("failed", "stalled") else one.state


def erases(one: Machine) -> bool:
    """Whether the machine's next start from the network erases its disk."""
    return one.boots == "install"


@dataclass(frozen=True, slots=True)
class Share:
    """The share of all machines that are in one state. begin, width: percent, for the picture."""

    state: str
    count: int
    begin: float
    width: float

    @property
    def tone(self) -> str:
        return words.tone(self.state)

    @property
    def meaning(self) -> str:
        return MEANINGS.get(self.state, "")


def shares(machines: Sequence[Machine]) -> list[Share]:
    """Shares by state, those first that need somebody."""
    counts = Counter(one.state for one in machines)
    found, begin = [], 0.0
    for state in (*STATES, *sorted(set(counts) - set(STATES))):
        if counts[state]:
            width = 100 * counts[state] / len(machines)
            found.append(Share(state, counts[state], round(begin, 3), round(width, 3)))
            begin += width
    return found


def installs(machines: Sequence[Machine]) -> Counter[str]:
    """How many are under way, by the server that heard of each last."""
    return Counter(one.server for one in machines if one.state in UNDER_WAY)


def says(one: Unknown) -> list[tuple[str, str]]:
    """What an unknown machine tells of itself: what every release knows, then what a newer one adds."""
    known = {"vendor class": one.vendor, "UUID": one.uuid, **(one.model_extra or {})}
    said = {name: ", ".join(map(str, one)) if isinstance(one, list) else one for name, one in known.items()}
    return [(name.replace("_", " "), str(value)) for name, value in said.items() if value not in ("", None)]


def history_of(one: MachineWithHistory) -> list[dict[str, Any]]:
    """The machine's states and the files that it fetched, in order of time."""
    files = [{"at": file.at, "server": file.server, "file": file.path} for file in one.files]
    return sorted([*one.state_history, *files], key=lambda part: float(part.get("at") or 0))


def named(machines: Sequence[Machine]) -> str:
    """Their names, or the first of them and how many more."""
    shown = ", ".join(one.name for one in machines[:NAMED])
    return f"{shown} and {len(machines) - NAMED} more" if len(machines) > NAMED else shown


def values_of(machines: Sequence[Machine], name: str) -> list[str]:
    """What a filter can be set to."""
    return sorted({str(getattr(one, name)) for one in machines} - {""})


def _has(one: Machine, part: str) -> bool:
    return any(part in text.lower() for text in (one.name, *one.macs, *one.addresses, one.words))
