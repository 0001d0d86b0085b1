"""A sidecar as the service `page` sees it: what it answers is set by the test, what it was asked is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twinboot_page.client import SidecarClient, SidecarDown

BY_HTTP = {"x-real-ip": "192.168.0.7", "x-forwarded-proto": "http"}
BY_HTTPS = {"x-real-ip": "192.168.0.7", "x-forwarded-proto": "https"}
"""What the HTTP service adds to a request."""
STATUS: dict[str, Any] = {
    "ok": True, "server": "server1", "cluster": "lab", "version": "1.2.3", "state": "active", "new": [1],
    "site": {"number": 3, "digest": "ab"},
    "groups": {"first": {"address": "192.168.0.253", "state": "held", "holder": "server1",
                         "order": ["server1", "server2"], "services": {"dhcpd": "running"}}},
    "trees": {"rh9": {"server1": "as imported", "server2": "copying"}},
    "tree_copies": {"server2": {"rh9": {"from": "server1", "done": 5, "size": 10, "left_s": 3.0}}},
    "alarms": [{"code": "disk-full", "subject": "server1", "text": "full", "since": "2026-01-02T03:04:05Z"}],
}  # fmt: skip
MOVES: dict[str, Any] = {
    "ok": True, "server": "server1", "moves": [
        {"number": 7, "group": "first", "address": "192.168.0.253", "kind": "takeover", "from": "server2",
         "to": "server1", "reason": "dead", "done": True, "left_out": 0, "at": 1.5,
         "events": [{"at": 1.5, "after_s": 0.0, "kind": "dead", "text": "silent"}]}]}  # fmt: skip


ROLLOUT: dict[str, Any] = {
    "ok": True, "server": "server1", "committed": {"number": 3, "digest": "ab" * 8},
    "working": {"number": 3, "digest": "ab" * 8}, "servers": {}, "attempt": None, "fault": "",
}  # fmt: skip
COMPARED: dict[str, Any] = {
    "ok": True, "number": 3, "base": "ab" * 8, "digest": "cd" * 8, "left_out": 0,
    "changes": [{"path": "hosts.cli1", "before": "a", "after": "b"}],
    "diff": ["@@ -1,2 +1,2 @@", " version: 1", "-a", "+<b>"],
}  # fmt: skip
PAST: dict[str, Any] = {
    "number": 3, "digest": "ab" * 8, "who": "token anna", "via": "page", "server": "server2", "at": 5.0,
    "before": 2,
}  # fmt: skip
LOG: dict[str, Any] = {
    "ok": True, "name": "cli1", "lines": [["server1", "2026-01-02 03:04:05 info <b>x"]], "left_out": [],
    "silent": ["server2"],
}  # fmt: skip
CHOICES: dict[str, Any] = {
    "ok": True, "profiles": {"rh9": "rh9"}, "groups": ["first"], "subnets": ["192.168.0.0/24"]}
CHANGE: dict[str, Any] = {
    "ok": True, "applied": False, "number": 0, "base": "ab" * 8, "digest": "cd" * 8,
    "lines": ["  + new1: {mac: ...}"], "entries": {"new1": {"mac": "52:54:00:ff:ff:01"}},
    "message": "nothing was changed: this was only asked",
}  # fmt: skip
ACTION: dict[str, Any] = {
    "id": "1", "at": 1.5, "ended": 2.5, "server": "server1", "who": "token ops", "role": "operate",
    "from": "192.168.0.7", "via": "api", "what": "install cli1", "result": "done", "said": "1 to be",
}  # fmt: skip
DONE: dict[str, Any] = {
    "ok": True, "message": "1 to be installed at the next start from the network: cli1"}


def machine(number: int, **more: Any) -> dict[str, Any]:
    """One of many, as the sidecar tells it."""
    return {
        "name": f"cli{number}", "group": "first" if number % 2 else "second", "profile": "rh9",
        "state": "done" if number % 2 else "packages", "step": "done", "boots": "disk",
        "macs": [f"52:54:00:00:00:{number:02x}"],
        "addresses": [f"192.168.0.{number}"], "silent_s": 1.0, "at": 5.0, "words": "<b>\x1b[31m", **more,
    }  # fmt: skip


class FakeSidecar(SidecarClient):
    """answers: by command; a command without one is refused. None: the sidecar does not run."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] | None = {
            "who": {"ok": True, "reading": "open", "name": "", "role": "nobody", "csrf": "", "until": None},
            "status": STATUS, "history": MOVES, "unknown": {"ok": True, "unknown": [
                {"mac": "52:54:00:ff:ff:01", "serial": "X1", "asked": 2}]},
            "machines": {"ok": True, "machines": [machine(number) for number in range(1, 6)]},
            "rollout": ROLLOUT, "site-diff": COMPARED, "apply": ROLLOUT,
            "sites": {"ok": True, "sites": [PAST, {**PAST, "number": 2, "before": None}]},
            "site-change": {**COMPARED, **PAST}, "log": LOG, "choices": CHOICES,
            "hosts": {"ok": True, "text": "name,mac\ncli1,52:54:00:00:00:01\n"},
            "enroll": CHANGE, "unenroll": CHANGE, "hosts-import": {**CHANGE, "applied": True, "number": 4},
            "site": {"ok": True, "number": 3, "digest": "ab" * 8, "text": "version: 1\n"},
            "audit": {"ok": True, "server": "server1", "entries": [ACTION]},
            "order": DONE, "standby": DONE, "resume": DONE, "exposed": {"ok": True},
            "machine": {"ok": True, "machine": machine(1, state_history=[{"at": 1.0, "text": "kernel"}])},
        }  # fmt: skip
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(
        self, command: str, options: Mapping[str, Any] | None = None, *, timeout_s: float = 1.0
    ) -> bytes:
        self.asked.append((command, dict(options or {})))
        if self.answers is None:
            raise SidecarDown("the sidecar of this server does not run")
        if command == "hosts" and (options or {}).get("format") == "json":
            return b'{"ok": true, "text": "[]"}\n'
        reply = self.answers.get(command, {"ok": False, "error": f"no {command}"})
        return json.dumps(reply).encode() + b"\n"

    @property
    def commands(self) -> list[str]:
        return [command for command, _ in self.asked]
