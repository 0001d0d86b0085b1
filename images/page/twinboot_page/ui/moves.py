"""A move of a virtual address as a picture and a list. Pure: places are percent of the picture's width."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..models import Move, MoveEvent
from . import words

TITLES = {
    "fault": "the fault", "last-heartbeat": "last heartbeat", "suspected": "suspected to be dead",
    "found-dead": "dead: not on the LAN", "dead": "deadtime over", "goodbye": "says goodbye",
    "standby-asked": "standby asked for", "resume-asked": "resume asked for", "leave-asked": "told to stop",
    "peer-standby": "is on standby", "peer-claiming": "claims it", "peer-held": "holds it",
    "new-holder": "is its holder now", "peer-releasing": "releases it", "peer-idle": "has released it",
    "claim": "claim begins", "probe": "ARP probe", "probe-answered": "probe answered",
    "withdrawn": "claim withdrawn", "no-rst": "nftables: no RST for clients' connections",
    "address-up": "address is up",
    "announced": "first gratuitous ARP", "probed": "TCP probes to clients",
    "taken-over": "connection taken over",
    "silent": "no answer, not taken over", "first-data": "first data acknowledged",
    "service-start": "start asked for",
    "service-running": "runs", "service-answers": "answers its first probe", "service-stop": "stop asked for",
    "service-stopped": "has stopped", "release": "release begins", "frozen": "connections are frozen",
    "address-gone": "address is gone", "observed": "another server has it",
}  # fmt: skip
"""What each event is called. One that is not here is shown by its name."""
_ENDS = ("address-gone", "last-heartbeat", "goodbye", "peer-releasing", "release")
_BEGINS = ("announced", "address-up", "new-holder", "peer-held")
_STRONG = frozenset((*_ENDS[:3], "dead", "found-dead", "announced", "new-holder", "first-data"))
_ROOM = 0.25
"""This share of the time between begin and end is shown before it and after it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A server has the address. label: what stands at its end."""

    server: str
    begin: float
    width: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in the picture. label: its time."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """An event in the list. begin, width: of its strip, from the event before to itself."""

    at: str
    after: str
    title: str
    text: str
    strong: bool
    begin: float
    width: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A move. says: the picture in words. gap: for how long nobody had the address; empty: not known."""

    move: Move
    when: str
    way: str
    says: str
    gap: str
    lanes: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    rows: list[Row] = field(default_factory=list)


def shown(move: Move) -> Shown:
    """A move as the templates show it."""
    source, target = move.source or "", move.target or ""
    end, begin = _first(move, _ENDS, source), _first(move, _BEGINS, target)
    rows = _rows(move.events)
    common = {
        "move": move, "when": words.moment(move.at), "rows": rows,
        "way": f"{source or 'nobody'} → {target or ('nobody' if move.done else 'nobody yet')}",
    }
    if begin is None and end is None:
        return Shown(**common, says=f"{move.group} moved: {common['way']}", gap="")  # type: ignore[arg-type]
    left = min(one for one in (end, begin) if one is not None)
    right = max(one for one in (end, begin) if one is not None)
    span = max(right - left, 0.001)
    start, whole = left - _ROOM * span, (1 + 2 * _ROOM) * span

    def place(at: float) -> float:
        return round(100 * (at - start) / whole, 2)

    bars = []
    if source and end is not None:
        bars.append(Bar(source, 0, place(end)))
    if target and begin is not None:
        bars.append(Bar(target, place(begin), round(100 - place(begin), 2)))
    gap = words.short_time(begin - end) if begin is not None and end is not None and begin > end else ""
    told = []
    if source and end is not None:
        silent = any(one.kind == "last-heartbeat" for one in move.events)
        verb = "was last heard at" if silent else f"let go of {move.address} at"
        told.append(f"{source} {verb} {words.short_time(end)}")
    if target and begin is not None:
        told.append(f"{target} has {move.address} from {words.short_time(begin)} on")
    marks = tuple(Mark(place(one), words.short_time(one)) for one in (end, begin) if one is not None)
    return Shown(
        **common, says="; ".join(told), gap=gap, bars=tuple(bars), marks=marks,  # type: ignore[arg-type]
        lanes=tuple(dict.fromkeys(name for name in (source, target) if name)),
    )  # fmt: skip


def _first(move: Move, kinds: tuple[str, ...], server: str) -> float | None:
    """Seconds after the move's first event; the kinds in the order in which they count."""
    if not server:
        return None
    for kind in kinds:
        for one in move.events:
            if one.kind == kind:
                return one.after_s
    return None


def _rows(events: list[MoveEvent]) -> list[Row]:
    whole = max((one.after_s for one in events), default=0.0) or 1.0
    rows, before = [], 0.0
    for one in events:
        begin = 100 * min(before, one.after_s) / whole
        rows.append(Row(
            at=words.moment(one.at), after=words.short_time(one.after_s), text=one.text,
            title=TITLES.get(one.kind, one.kind), strong=one.kind in _STRONG,
            begin=round(min(begin, 99.2), 2),
            width=round(max(0.8, 100 * (one.after_s - before) / whole), 2),
        ))  # fmt: skip
        before = one.after_s
    return rows
