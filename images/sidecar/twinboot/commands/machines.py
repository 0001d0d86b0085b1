"""What `twinboot machines`, `machine`, `install` and `local` print. All can be read without its colours.

What a machine has sent is printed as plain text: rich is told not to read markup in it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from twinboot.machines.view import STATES

from . import client, power
from .options import fail
from .status import duration

_WATCH_EVERY_S = 1.0
_ORDER_LIMIT_S = 30.0
_WIDTH_IN_A_PIPE = 120
_WIDTH_OF_UNKNOWN = 200
_STYLES = {"done": "green", "failed": "bold red", "stalled": "bold red", "waiting": "dim", "local": "dim",
           "restored": "yellow", "queued": "yellow"}

Machine = Mapping[str, Any]


def print_machines(
    *, names: Sequence[str], state: str, profile: str, as_json: bool, watch: bool
) -> None:
    """All of them, or those that fit."""
    known = (*STATES, "queued")
    if state and state not in known:
        fail(f"machines: no state {state!r}; there are: {', '.join(known)}", 2)

    def chosen() -> list[Machine]:
        return _chosen(client.answer("machines"), names, state, profile)

    if as_json:
        print(json.dumps(chosen(), indent=1))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    if not watch:
        console.print(table_of(chosen()))
        return
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, screen=True) as live:
        while True:
            live.update(table_of(chosen()))
            time.sleep(_WATCH_EVERY_S)


def print_unknown(*, as_json: bool) -> None:
    """Machines without an entry that have asked to boot, whichever server heard them."""
    found = client.answer("unknown")["unknown"]
    if as_json:
        print(json.dumps(found, indent=1))
        return
    if not found:
        print("no server has heard of a machine without an entry")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_OF_UNKNOWN)
    console.print(unknown_table(found))
    print("an entry for one of them: scripts/twinboot enroll MAC --name NAME --profile PROFILE")


def unknown_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """A line each, the latest first. Columns of which nothing is known are left out."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0), expand=False)
    rows = [_unknown_row(one) for one in found]
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(row[name] or "-") for name in columns))
    return table


def _unknown_row(one: Machine) -> dict[str, str]:
    """By column. A vendor class is shown where nothing better tells the machine."""
    machine = " ".join(part for part in (one["maker"], one["product"]) if part)
    return {
        "mac": one["mac"], "firmware": one["firmware"], "machine": machine, "serial": one["serial"],
        "last asked": f"{duration(one['last_s'])} ago", "first": f"{duration(one['first_s'])} ago",
        "times": str(one["asked"]), "relay": one["relay"], "heard by": ", ".join(one["servers"]),
        "uuid": one["uuid"], "vendor class": "" if machine else one["vendor"],
    }  # fmt: skip


def print_machine(name: str, *, as_json: bool) -> None:
    """One of them, with all that is known."""
    machine = client.answer("machine", {"name": name})["machine"]
    if as_json:
        print(json.dumps(machine, indent=1))
        return
    for line in lines_of(machine):
        print(line)


def order(
    what: str, hosts: Sequence[str], profile: str, *, yes: bool, now: bool = False, force: bool = False
) -> None:
    """`twinboot install` and `local`. Whole profiles are asked about. now: and restarted, by their BMCs."""
    if not hosts and not profile:
        fail(f"{what}: name hosts, or a profile with --profile", 2)
    if force and not now:
        fail("install: --force is for --now, which would restart a machine that is being installed", 2)
    when = "now" if now else "at their next start from the network"
    if what == "install" and profile and not yes:
        count = len(_chosen(client.answer("machines"), [], "", profile))
        if not sys.stdin.isatty():
            fail(f"install: erases the disks of {count} machines {when}; "
                 "--yes says that this is meant", 2)  # fmt: skip
        question = f"Erase and install {count} machines {when}? [yes/no] "
        if input(question).strip() != "yes":
            fail("install: nothing was changed")
    if now:
        power.install_now({"hosts": list(hosts), "profile": profile, "force": force})
        return
    reply = client.answer(
        "order", {"order": what, "hosts": list(hosts), "profile": profile}, timeout_s=_ORDER_LIMIT_S)
    print(reply["message"])


def table_of(machines: Sequence[Machine]) -> Table:
    """A line each; the last words in what is left of the width."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0), expand=False)
    for column in ("machine", "state", "boots", "profile", "server", "so far", "heard", "last words"):
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for one in machines:
        state = str(one["state"])
        table.add_row(
            one["name"], Text(_told(one), style=_STYLES.get(state, "")), one["boots"], one["profile"],
            one["server"] or "-", so_far(one), _heard(one), Text(_last_line(one)),
        )  # fmt: skip
    return table


def lines_of(machine: Machine) -> list[str]:
    """Name and value of each fact, then the last words."""
    boots = "its installer" if machine["boots"] == "install" else "its disk"
    rows = {
        "machine": machine["name"],
        "state": _told(machine),
        "network start": boots,
        "profile": machine["profile"],
        "cards": ", ".join(machine["macs"]),
        "addresses": ", ".join(machine["addresses"]),
        "group": _group(machine),
        "firmware": machine.get("firmware", ""),
        "heard by": f"{machine['server']}, {_heard(machine)} ago" if machine["server"] else "no server yet",
        "orders": f"{machine['orders']} since its entry in the site file",
        "so far": so_far(machine),
    }
    if machine["installed_with"] != machine["profile"]:
        rows["installed with"] = machine["installed_with"]
    if not machine["reports"]:
        ends = "it starts what it starts until `twinboot local`"
        if machine["once"]:
            ends = "it counts as started when its kernel is fetched"
        rows["reports"] = f"none by itself: {ends}"
    width = max(map(len, rows))
    lines = [f"{name:<{width}}  {value}" for name, value in rows.items() if value]
    history = [
        f"    {_moment(one['at'])}  {one['state']:<10} {one['server']:<12} {one['words']}".rstrip()
        for one in machine["state_history"]
    ]  # fmt: skip
    history += [
        f"    {_moment(one['at'])}  fetched    {one['server']:<12} {one['path']}"
        for one in machine.get("files") or ()
    ]  # fmt: skip
    history.sort()
    words = [f"    {line}" for line in str(machine["words"]).splitlines()]
    return [
        *lines, *(["state history, times in UTC, since this server's sidecar began"] if history else []),
        *history,
        *(["last words"] if words else []), *words,
    ]  # fmt: skip


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def so_far(machine: Machine) -> str:
    """Packages and bytes of an install."""
    parts = []
    if machine["packages"]:
        of = f" of {machine['of']}" if machine["of"] else ""
        parts.append(f"{machine['packages']}{of} packages")
    if machine["kib"]:
        parts.append(f"{machine['kib'] / 1024:.0f} MiB")
    return ", ".join(parts)


def _group(machine: Machine) -> str:
    """given is there where the site balances by load."""
    home = str(machine["group"])
    if "given" not in machine:
        return home
    if machine["given"]:
        return f"{machine['given']} (given by load; its boot files come from {home})"
    return f"none yet: it is given one, by load, when it asks; its boot files come from {home}"


def _told(machine: Machine) -> str:
    state = str(machine["state"])
    if "turn" in machine:
        return f"{state}, {machine['turn']} of {machine['turns']}"
    return f"{state} at {machine['step']}" if state in ("failed", "stalled") else state


def _heard(machine: Machine) -> str:
    return duration(machine["silent_s"]) if machine["server"] else "-"


def _last_line(machine: Machine) -> str:
    lines = str(machine["words"]).splitlines()
    return lines[-1] if lines else ""


def _chosen(reply: Mapping[str, Any], names: Sequence[str], state: str, profile: str) -> list[Machine]:
    found: list[Machine] = reply["machines"]
    known = {one["name"] for one in found}
    for name in names:
        if name not in known:
            fail(f"no host {name!r} in the site file", 2)
    if profile and profile not in {one["profile"] for one in found}:
        fail(f"no host of the site file has the profile {profile!r}", 2)
    return [
        one for one in found
        if (not names or one["name"] in names) and (not state or one["state"] == state)
        and (not profile or one["profile"] == profile)
    ]  # fmt: skip
