"""What `twinboot apply` prints while the servers check a site and take it into use.

The work is the agents': when this command is ended in the middle, they bring it to its end all the same.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..client import AgentDown

Ask = Callable[..., dict[str, Any]]

_LOOK_S = 0.3
_AGENT_AWAY_S = 90.0
"""This server's own agent begins anew with the site; so long it may be away."""
_PEER_AWAY_S = 30.0
_IN_USE_LIMIT_S = 240.0


class Failed(Exception):
    """The site was not applied; the text says why, and that nothing was changed where nothing was."""


def follow(ask: Ask, number: int, say: Callable[[str], None]) -> None:
    """Say what happens until site `number`, or a newer one, is in use on every server that is heard."""
    told, pending = _Progress(say), _Pending(say)
    began = time.monotonic()
    while True:
        status = _status(ask)
        told.tell(status, number)
        attempt = status["attempt"]
        mine = attempt is not None and attempt["number"] == number
        if mine and attempt["phase"] == "failed":
            raise Failed(f"nothing was changed: {attempt['error']}")
        if not mine and status["committed"]["number"] < number:
            raise Failed(f"nothing was changed: the sidecar began anew before site {number} was committed")
        behind = pending.behind(status, number, time.monotonic())
        if not behind:
            return
        if time.monotonic() >= began + _IN_USE_LIMIT_S:
            raise Failed(f"site {number} is committed, but not in use yet on {', '.join(behind)}: they take "
                         "it by themselves; scripts/twinboot status says what is wrong")
        time.sleep(_LOOK_S)


def _status(ask: Ask) -> dict[str, Any]:
    """What the agent says; it may be away for a moment."""
    until = time.monotonic() + _AGENT_AWAY_S
    while True:
        try:
            status = ask("rollout")
            if status.get("ok"):
                return status
            fault = str(status.get("error"))
        except AgentDown as exc:
            fault = str(exc)
        if time.monotonic() >= until:
            raise Failed(f"this server's agent has been away for {_AGENT_AWAY_S:g} s: {fault}")
        time.sleep(_LOOK_S)


def _works_by(version: Mapping[str, Any] | None, number: int) -> bool:
    return version is not None and version["number"] >= number


class _Pending:
    """Servers that do not work by the site yet. One that goes over is away for a moment: it is waited for."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._alive_at: dict[str, float] = {}

    def behind(self, status: Mapping[str, Any], number: int, now: float) -> list[str]:
        servers = status["servers"]
        for name, peer in servers.items():
            if _works_by(peer["working"], number):
                self._alive_at.pop(name, None)
            elif peer["alive"]:
                self._alive_at[name] = now
        for name, at in tuple(self._alive_at.items()):
            if name not in servers:
                del self._alive_at[name]  # this server works by the new site, which does not name it
            elif now >= at + _PEER_AWAY_S:
                del self._alive_at[name]
                self._say(f"{name} is not heard any more: it takes the site when it is back")
        mine = [] if _works_by(status["working"], number) else [str(status["server"])]
        return mine + list(self._alive_at)


class _Progress:
    """Each thing is said once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._said = say, set[str]()

    def tell(self, status: Mapping[str, Any], number: int) -> None:
        for line in self._lines(status, number):
            if line not in self._said:
                self._said.add(line)
                self._say(line)

    def _lines(self, status: Mapping[str, Any], number: int) -> Iterator[str]:
        attempt = status["attempt"]
        if attempt is not None and attempt["number"] == number:
            for name, vote in attempt["votes"].items():
                yield f"{name}: {'refused' if vote['faults'] else 'accepted'}"
                yield from (f"  {name}: FAULT {fault}" for fault in vote["faults"])
                yield from (f"  {name}: {note}" for note in vote["notes"])
        if status["committed"]["number"] >= number:
            yield f"site {number} is committed: every server takes it"
            servers = {str(status["server"]): status["working"]}
            servers |= {name: peer["working"] for name, peer in status["servers"].items()}
            for name, working in servers.items():
                if _works_by(working, number):
                    yield f"{name}: works by site {working['number']}"


def status_lines(status: Mapping[str, Any]) -> Iterator[str]:
    """What `twinboot apply --status` prints."""
    servers = {str(status["server"]): {"alive": True, "working": status["working"]}} | dict(status["servers"])
    by = status.get("by") or {}
    yield f"site {status['committed']['number']} is in force{_asked_for(by)}"
    for name, one in servers.items():
        heard = "" if one["alive"] else ", not heard"
        number = one["working"]["number"] if one["working"] is not None else "not known"
        yield f"  {name}: site {number}{heard}"
    attempt = status["attempt"]
    if attempt is not None and attempt["phase"] != "committed":
        by = _asked_for(attempt.get("by") or {})
        yield f"site {attempt['number']}{by}: {attempt['phase']} {attempt['error']}".rstrip()
    file = status["file"]
    words = {
        "same": "config/site.yaml is this site",
        "edited": "config/site.yaml is edited, not applied",
        "earlier": f"config/site.yaml is that of site {file['number']}",
        "faulty": f"config/site.yaml has faults: {file['fault']}",
        "unknown": "config/site.yaml was not read yet",
    }
    yield words[file["state"]]


def _asked_for(by: Mapping[str, Any]) -> str:
    """Behind the number of a site; empty when it is not known who it was."""
    if not by.get("who"):
        return ""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(by["at"]))
    return f" ({by['who']} on {by['server']}, {at} UTC)"


def confirmed(question: str) -> bool:
    print(question, end=" ", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
