"""The table of `twinboot history`. Everything in it can be read without its colours."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

EVENT_TITLES = {
    "fault": "the fault",
    "last-heartbeat": "last heartbeat",
    "suspected": "suspected to be dead",
    "found-dead": "dead: not on the LAN",
    "dead": "deadtime over",
    "goodbye": "says goodbye",
    "standby-asked": "standby asked for",
    "resume-asked": "resume asked for",
    "leave-asked": "told to stop",
    "peer-standby": "is on standby",
    "peer-claiming": "claims it",
    "peer-held": "holds it",
    "new-holder": "is its holder now",
    "peer-releasing": "releases it",
    "peer-idle": "has released it",
    "claim": "claim begins",
    "probe": "ARP probe",
    "probe-answered": "probe answered",
    "withdrawn": "claim withdrawn",
    "no-rst": "nftables: no RST for clients' connections",
    "address-up": "address is up",
    "announced": "first gratuitous ARP",
    "probed": "TCP probes to clients",
    "taken-over": "connection taken over",
    "silent": "no answer, not taken over",
    "first-data": "first data acknowledged",
    "service-start": "start asked for",
    "service-running": "runs",
    "service-answers": "answers its first probe",
    "service-stop": "stop asked for",
    "service-stopped": "has stopped",
    "release": "release begins",
    "frozen": "connections are frozen",
    "address-gone": "address is gone",
    "observed": "another server has it",
}
"""What each event is called. One that is not here is shown by its name."""
_HIGHLIGHTED = {"fault", "dead", "found-dead", "announced", "taken-over", "first-data", "address-gone"}
_WIDTH_IN_A_PIPE = 140


def print_moves(moves: Sequence[Mapping[str, Any]], *, as_list: bool = False) -> None:
    """Print one table per move, or one line per move."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    if as_list:
        console.print(moves_table(moves))
        return
    for move in moves:
        console.print(render_move(move))


def render_move(move: Mapping[str, Any]) -> Group:
    """One move: what happened, how long after the first event and after the one before."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("step", justify="right", no_wrap=True, style="dim")
    table.add_column("time of day", no_wrap=True, style="dim")
    table.add_column("event", overflow="fold", min_width=18)  # words may go to the next line, not letters
    table.add_column("", overflow="fold", min_width=18)
    before = float(move["events"][0]["after_s"]) if move["events"] else 0.0
    for event in move["events"]:
        after = float(event["after_s"])
        style = "bold" if event["kind"] in _HIGHLIGHTED else ""
        table.add_row(
            _format_seconds(after), f"+{_format_seconds(after - before)}", time_of_day(float(event["at"])),
            Text(EVENT_TITLES.get(event["kind"], str(event["kind"])), style=style), str(event["text"]),
        )
        before = after
    parts: list[Any] = [_title(move), table]
    if move["left_out"]:
        parts.append(Text(f"{move['left_out']} more events were not kept", style="dim"))
    return Group(*parts)


def moves_table(moves: Sequence[Mapping[str, Any]]) -> Table:
    """All moves, the newest last."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("move", "when", "group", "from", "to", "took", "reason"):
        wraps = column in ("when", "reason")  # a narrow terminal has date and time below each other
        table.add_column(column, no_wrap=not wraps, overflow="fold", min_width=12 if wraps else None)
    for move in moves:
        table.add_row(
            str(move["number"]), _when(float(move["at"])), move["group"], move["from"] or "nobody",
            move["to"] or "nobody yet", _time_taken(move), move["reason"],
        )
    return table


def time_of_day(at: float) -> str:
    """`17:00:00.123`, UTC as in the log."""
    millis = round(at * 1000)
    return f"{time.strftime('%H:%M:%S', time.gmtime(millis // 1000))}.{millis % 1000:03d}"


def _when(at: float) -> str:
    return f"{time.strftime('%Y-%m-%d', time.gmtime(at))} {time_of_day(at)}"


def _title(move: Mapping[str, Any]) -> Text:
    said = f"move {move['number']}: {move['group']} ({move['address']})"
    way = f"{move['from'] or 'nobody'} -> {move['to'] or 'nobody yet'}"
    text = Text(f"{said}, {way}, {_when(float(move['at']))} UTC", style="bold")
    if move["reason"]:
        text.append(f": {move['reason']}", style="")
    return text


def _time_taken(move: Mapping[str, Any]) -> str:
    """From the first event to the announcement, or to the address' going."""
    ends = [e["after_s"] for e in move["events"] if e["kind"] in ("announced", "address-gone", "new-holder")]
    return _format_seconds(float(ends[0])) if ends else "-"


def _format_seconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if abs(seconds) < 1 else f"{seconds:.3f} s"
