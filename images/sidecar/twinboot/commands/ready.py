"""Whether this server is well enough to carry its share: what `twinboot ready` asks after an upgrade.

Owns the judgement of a status (agent.control.answers.status). Alarms about other servers, or about the
cluster, do not count: they say nothing about this server's version. Nor do those of this server whose kind no
release causes (alarms.AlarmKind).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from twinboot.alarms import find
from twinboot.daemons import EVERYWHERE

ASK_EVERY_S = 0.5
_EVERYWHERE = frozenset(one.name for one in EVERYWHERE)
"""The others are probed where their group is held."""

Status = Mapping[str, Any]


def faults(status: Status, version: str = "") -> list[str]:
    """Why this server is not ready; empty: it is. version: what must run; empty: any."""
    found = []
    if version and status["version"] != version:
        found.append(f"version {status['version']} runs, not {version}")
    if status["state"] not in ("active", "standby"):
        found.append(f"the sidecar is {status['state']}")
    peers = status["peers"]
    if peers and not any(peer["state"] == "alive" for peer in peers.values()):
        found.append("no other server is heard")
    found += [
        f"{name} is {one['health']}" + (f": {one['fault']}" if one["fault"] else "")
        for name, one in sorted(status["daemons"].items())
        if one["health"] != "good" and (name in _EVERYWHERE or one["health"] != "unknown")
    ]
    me, told = status["server"], status["daemons"]
    found += [
        alarm["text"] for alarm in status["alarms"]
        if alarm["subject"].split("/")[0] == me and alarm["subject"].partition("/")[2] not in told
        and ((kind := find(alarm.get("code", ""))) is None or kind.of_release)
    ]
    return found


def wait_ready(
    ask: Callable[[], Status | None], version: str, timeout_s: float, *,
    now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Ask until there is no fault, or the time is over: the faults of the last answer.

    ask: None while the agent does not answer.
    """
    deadline = now() + timeout_s
    while True:
        status = ask()
        found = ["the sidecar does not answer"] if status is None else faults(status, version)
        if not found or now() >= deadline:
            return found
        sleep(ASK_EVERY_S)
