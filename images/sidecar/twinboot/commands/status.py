"""The table of `twinboot status`. Everything in it can be read without its colours."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .client import AgentDown

_WATCH_EVERY_S = 0.5
_WIDTH_IN_A_PIPE = 160
_LAG_MS = 100
_READY = {True: "yes", False: "no", None: "unknown"}

_GOOD = {"held", "active", "alive", "up", "running", "good", "yes", "same",
         "as imported"}
_BAD = {"dead", "down", "leaving", "broken", "rx-dead", "no carrier", "no", "differs", "altered", "missing"}
_PENDING = {"claiming", "releasing", "starting", "stopping", "late", "standby", "unknown", "failing", "left",
            "copying", "unfinished", "removed"}


def render(status: Mapping[str, Any]) -> Group:
    """A status reply as something rich can print."""
    parts: list[Any] = [_title(status), _groups(status), _peers(status), _health(status), *_readiness(status),
                        *_trees(status)]
    if status.get("load"):
        parts.append(_load(status["load"]))
    if status.get("connections"):
        parts.append(_connections(status["connections"]))
    counters = " ".join(f"{name} {count}" for name, count in status["counters"].items())
    parts.append(Text(f"messages: {counters}", style="dim"))
    if https := status.get("https"):
        port = "" if https["port"] == 443 else f":{https['port']}"
        parts.append(Text(f"page: https://ADDRESS{port}/ by SHA-256 {https['fingerprint']}", style="dim"))
    for alarm in status["alarms"]:
        parts += _alarm(alarm)
    if not status["alarms"]:
        parts.append(Text("no alarms", style="green"))
    return Group(*parts)


def duration(seconds: float) -> str:
    """75 -> 1m15s; 90061 -> 1d1h."""
    total = int(seconds)
    units = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    shown: list[str] = []
    for size, unit in units:
        if total >= size:
            shown.append(f"{total // size}{unit}")
            total %= size
        if len(shown) == 2:
            break
    return "".join(shown) or "0s"


def _title(status: Mapping[str, Any]) -> Text:
    text = Text()
    text.append(str(status["server"]), style="bold")
    text.append(f" of {status['cluster']}: ")
    text.append_text(_styled(status["state"]))
    text.append(f", up {duration(status['uptime_s'])}, version {status['version']}")
    if status.get("site"):
        text.append(f", site {status['site']['number']}")
    return text


def _groups(status: Mapping[str, Any]) -> Table:
    load = status.get("load")
    more = ("installs",) if load else ()
    table = _table("group", "address", "held by", "here", "since", "order", "services here", *more)
    for name, group in status["groups"].items():
        services = Text(", ").join(
            Text.assemble(f"{service} ", _styled(state)) for service, state in group["services"].items()
        )
        holder = group["holder"]
        table.add_row(
            name, group["address"],
            Text(holder, style="green") if holder else Text("nobody", style="bold red"),
            _styled(group["state"]), duration(group.get("since_s", 0)), " > ".join(group["order"]), services,
            *((str(load["running"].get(name, 0)),) if load else ()),
        )
    return table


def _peers(status: Mapping[str, Any]) -> Table:
    table = _table("peer", "state", "version", "links (last message)")
    for name, peer in status["peers"].items():
        state = _styled("left" if peer.get("left") and peer["state"] == "dead" else peer["state"])
        if peer["state"] == "alive" and not peer.get("hears_us", True):
            state.append(", does not hear this one", style="bold red")
        if peer["standby"]:
            state.append(", standby", style="yellow")
        if peer.get("site_differs_s") is not None:
            state.append(", another site file", style="bold red")
        links = Text("   ").join(_link(link, one) for link, one in peer["links"].items())
        table.add_row(name, state, _version(peer.get("version"), status["version"]), links)
    return table


def _version(theirs: str | None, ours: str) -> Text:
    return Text(theirs or "unknown", style="" if theirs == ours else "yellow")


def _readiness(status: Mapping[str, Any]) -> list[Any]:
    """A row for each server: whether it could take each group over. Below, why not, and the command."""
    groups = {name: one["readiness"] for name, one in status["groups"].items() if one.get("readiness")}
    if not groups:
        return []
    table = _table("could take over", *groups)
    reasons: dict[tuple[str, str, str], None] = {}
    for server in dict.fromkeys(name for those in groups.values() for name in those):
        cells = []
        for those in groups.values():
            one = those.get(server)
            cells.append(_styled("" if one is None else _READY[one["ready"]]))
            for why in one["why"] if one is not None else ():
                reasons[(server, why, one["remedy"])] = None
        table.add_row(server, *cells)
    told = [
        Padding(Text(f"{server} could not: {why}" + (f"; {remedy}" if remedy else ""), style="yellow"),
                (0, 0, 0, 2), expand=False)
        for server, why, remedy in reasons
    ]
    return [table, *told]


def _trees(status: Mapping[str, Any]) -> list[Table]:
    """A row for each install tree: what it is here, and on the others beside that; below, those that are on
    their way, and the one whose files are being read again."""
    trees = status.get("trees") or {}
    if not trees:
        return []
    servers = list(dict.fromkeys(name for row in trees.values() for name in row))
    table = _table("tree", *servers)
    for name, row in trees.items():
        table.add_row(name, *(_styled(row.get(server, "unknown")) for server in servers))
    copies = [
        _on_its_way(f"{server}: {name} from {one['from']}", one["done"], one["size"], one["left_s"])
        for server, those in (status.get("tree_copies") or {}).items() for name, one in those.items()
    ]
    if status.get("tree_reading"):
        name, done, size = status["tree_reading"]
        copies.append(_on_its_way(f"{status['server']}: {name} is read again", done, size, None))
    return [table, *copies]


def _on_its_way(what: str, done: int, size: int, left_s: float | None) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    left = "" if left_s is None else f"{duration(left_s)} left"
    percent = f"{100 * done // size if size else 0} %"
    row.add_row(Text(f"  {what}", style="yellow"), ProgressBar(total=max(1, size), completed=done, width=12),
                percent, f"{_bytes(done)} of {_bytes(size)}", left)
    return row


def _bytes(size: int) -> str:
    value, unit = (size / 1e9, "GB") if size >= 1e9 else (size / 1e6, "MB")
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


def _health(status: Mapping[str, Any]) -> Table:
    """A row for each server that says something of its health; a dead one says nothing."""
    rows = {str(status["server"]): status, **status["peers"]}
    daemons = list(dict.fromkeys(name for row in rows.values() for name in row["daemons"]))
    table = _table("health", "LAN", *daemons, "hold-down")
    for server, row in rows.items():
        if row["lan"] == "unknown" and not row["daemons"]:
            continue
        words = (row["daemons"].get(name, {}).get("health", "") for name in daemons)
        hold_s = row["hold_down_s"]
        held = Text(f"{duration(hold_s)} left", style="yellow") if hold_s else Text("none", style="dim")
        table.add_row(server, _styled(row["lan"]), *(_styled(word) for word in words), held)
    return table


def _load(one: Mapping[str, Any]) -> Text:
    """Where the site balances by load: who waits, and what the servers send."""
    most = f"at most {one['at_once']} installs at once on a server" if one["at_once"] else "no limit"
    sent = ", ".join(f"{name} {rate / 1024:.1f} MiB/s" for name, rate in sorted(one["sent_kib_s"].items()))
    return Text(f"balancing by load: {most}; {one['queue']} wait; sent: {sent or 'not known'}", style="dim")


def _connections(one: Mapping[str, Any]) -> Text:
    """How many are followed, how soon the peers know of a change, and what became of those taken over."""
    if not one["takeover"]:
        return Text("connections: no takeover process", style="yellow")
    followed = ", ".join(f"{count} {kind}" for kind, count in one["followed"].items())
    text = Text(f"connections: {followed}", style="dim")
    taken = one["taken_ms"]
    if one["lag_ms"]:
        text.append(f"; peers know within {taken['median']} ms (worst {taken['worst']})")
    for peer, lag_ms in one["lag_ms"].items():
        if lag_ms > _LAG_MS:
            text.append(f"; {peer} lacks the last {lag_ms:.0f} ms", style="bold red")
    for what, counts in one["totals"].items():
        shown = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        if what == "silent":
            text.append(f"; silent (not taken over, may hang) {shown}", style="yellow")
        else:
            text.append(f"; {what} {shown}")
    return text


def _alarm(alarm: Mapping[str, str]) -> tuple[Text, Padding]:
    """Code, subject and since when on one line; the sentence below it, folded where it must be."""
    since = alarm["since"].replace("T", " ").replace("Z", " UTC")
    head = Text(f"ALARM {alarm['code']} {alarm['subject']}, since {since}", style="bold red")
    return head, Padding(Text(alarm["text"], style="red"), (0, 0, 0, 6), expand=False)


def _link(name: str, link: Mapping[str, Any]) -> Text:
    age = link["age_ms"]
    shown = "never" if age is None else f"{age} ms" if age < 10_000 else duration(age / 1000)
    return Text.assemble(f"{name} ", _styled(link["state"]), f" ({shown})")


def _styled(word: str) -> Text:
    style = "green" if word in _GOOD else "bold red" if word in _BAD else "yellow" if word in _PENDING else ""
    return Text(word, style=style)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column in ("group", "address", "peer"), overflow="fold")
    return table


def print_status(status: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    console.print(render(status))


def watch_status(ask: Callable[[str], dict[str, Any]]) -> None:
    """Twice a second until Ctrl-C; an agent that went away is shown, not an end."""
    with contextlib.suppress(KeyboardInterrupt), Live(auto_refresh=False, screen=True) as live:
        while True:
            try:
                shown: Any = render(ask("status"))
            except AgentDown as exc:
                shown = Text(str(exc), style="bold red")
            live.update(shown, refresh=True)
            time.sleep(_WATCH_EVERY_S)
