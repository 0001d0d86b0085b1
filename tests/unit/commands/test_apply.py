"""What `twinboot apply` prints: the difference, each server's answer, and its end."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sitechange import EXAMPLES, GOOD
from twinboot.commands.changing import changes, progress
from twinboot.commands.client import AgentDown
from twinboot.site import loads, parse

V6, V7 = {"number": 6, "digest": "aa"}, {"number": 7, "digest": "bb"}


def status(*, working: Any = V6, committed: Any = V6, peer: Any = V6, alive: bool = True,
           phase: str = "checking", error: str = "", votes: Any = None) -> dict[str, Any]:  # fmt: skip
    members = ["server1", "server2"]
    attempt = {"number": 7, "phase": phase, "error": error, "members": members, "votes": votes or {}}
    return {
        "ok": True, "server": "server1", "committed": committed, "working": working,
        "servers": {"server2": {"alive": alive, "working": peer, "committed": committed}},
        "file": {"state": "edited", "number": 0, "fault": ""}, "attempt": attempt, "heard": ["server2"],
    }


def followed(monkeypatch: pytest.MonkeyPatch, *replies: Any) -> list[str]:
    monkeypatch.setattr(progress, "_LOOK_S", 0.0)
    said: list[str] = []
    left = list(replies)

    def ask(_: str) -> dict[str, Any]:
        reply = left.pop(0) if len(left) > 1 else left[0]
        if reply is None:
            raise AgentDown("it begins anew")
        return dict(reply)

    progress.follow(ask, 7, said.append)
    return said


NOTE = "COMPOSE_PROFILES change: type `make up` on server2 afterwards"
GOOD_VOTES = {"server1": {"faults": [], "notes": []},
              "server2": {"faults": [], "notes": [NOTE]}}


def test_each_step_is_one_line_over_the_agents_own_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    anew = {**status(working=V7, committed=V7, peer=V7), "attempt": None}
    said = followed(
        monkeypatch, status(), status(votes=GOOD_VOTES),
        status(votes=GOOD_VOTES, committed=V7, phase="committed"),
        status(votes=GOOD_VOTES, committed=V7, peer=V7, phase="committed"), None, None, anew,
    )
    assert said == [
        "server1: accepted", "server2: accepted",
        "  server2: COMPOSE_PROFILES change: type `make up` on server2 afterwards",
        "site 7 is committed: every server takes it", "server2: works by site 7",
        "server1: works by site 7",
    ]


def test_a_refusal_has_its_faults_and_says_that_nothing_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    votes = {**GOOD_VOTES, "server2": {"faults": ["server server2: no interface eth9 here"], "notes": []}}
    with pytest.raises(progress.Failed, match="nothing was changed: server2 refuses it"):
        followed(monkeypatch, status(votes=votes),
                 status(votes=votes, phase="failed", error="server2 refuses it"))


def test_a_sidecar_that_begins_anew_before_the_commit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(progress.Failed, match="nothing was changed"):
        followed(monkeypatch, status(), {**status(), "attempt": None})


def test_a_peer_that_goes_over_is_waited_for_and_a_lost_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    over = status(working=V7, committed=V7, phase="committed")
    away = {**over, "servers": {"server2": {"alive": False, "working": V6, "committed": V7}}}
    back = {**over, "servers": {"server2": {"alive": True, "working": V7, "committed": V7}}}
    assert "server2: works by site 7" in followed(monkeypatch, over, away, away, back)
    monkeypatch.setattr(progress, "_PEER_AWAY_S", 0.0)
    assert any("not heard any more" in line for line in followed(monkeypatch, over, away, away))


def test_the_changes_are_shown_by_entry_and_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    old = loads((EXAMPLES / "parity.yaml").read_text())
    document = copy.deepcopy(GOOD)
    host = next(iter(document["hosts"].values()))
    document["hosts"]["web07"] = {**host, "mac": "52:54:00:00:09:09", "address": "192.168.0.77"}
    new = parse(document)
    assert any(line.startswith("  hosts.web07: (absent) -> ") for line in changes.entry_lines(old, new))
    found = {
        name: changes.file_changes(old, new, name, config=EXAMPLES, etc=EXAMPLES, trees=EXAMPLES)
        for name in new.servers
    }
    lines = list(changes.file_lines(found, full=False))
    assert any(line.startswith("  dhcpd/") and line.endswith("on all servers") for line in lines)
    assert not any("sidecar/" in line for line in lines)
    full = "\n".join(changes.file_lines(found, full=True))
    assert "52:54:00:00:09:09" in full
    assert not changes.file_changes(old, old, "server1", config=EXAMPLES, etc=EXAMPLES, trees=EXAMPLES)


def test_the_status_says_who_asked_for_a_site() -> None:
    by = {"who": "token anna", "via": "page", "server": "server2", "at": 45_296.0}
    told = {**status(), "by": by}
    told["attempt"] |= {"by": {**by, "who": "root on server1"}}
    first, *_, last, _ = progress.status_lines(told)
    assert first == "site 6 is in force (token anna on server2, 1970-01-01 12:34:56 UTC)"
    assert last == "site 7 (root on server1 on server2, 1970-01-01 12:34:56 UTC): checking"
    assert next(iter(progress.status_lines(status()))) == "site 6 is in force"
