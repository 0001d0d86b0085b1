"""The socket for the page: what can be asked there, by whom, and what is kept of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from auditfake import MemoryLines
from twinboot.access import tokens
from twinboot.agent.control.audit import Audit
from twinboot.agent.control.page_listener import PageListener

SECRETS = {role: tokens.made_of(role.encode() * 8) for role in ("read", "operate", "admin")}
OLD = tokens.made_of(b"old")
DAY = 1_798_761_600.0  # 2027-01-01


class Place:
    """A listener with tokens of each role, and what came through it."""

    def __init__(self) -> None:
        entries = [{"name": role, "role": role, "sha256": tokens.digest(secret)}
                   for role, secret in SECRETS.items()]  # fmt: skip
        old = {"name": "old", "role": "admin", "sha256": tokens.digest(OLD), "expires": "2026-12-31"}
        entries.append(old)
        self.site: dict[str, Any] = {"api": {"read": "open", "tokens": entries}}
        self.through: list[dict[str, Any]] = []
        self.lines = MemoryLines()
        self.audit = Audit("server1", self.lines, lambda: DAY)
        self.listener = PageListener(self.ask, self.audit, lambda: self.site, lambda: DAY)
        self.listener.set_keys([b"k" * 32])

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self.through.append(request)
        return {"ok": True, "message": "done so"}

    def __call__(self, command: str, caller: Any = None, **more: Any) -> dict[str, Any]:
        request = {"cmd": command, **more, **({} if caller is None else {"caller": caller})}
        return asyncio.run(self.listener.answer(request))

    def kept(self) -> list[dict[str, Any]]:
        told = asyncio.run(self.audit.newest(100))
        actions: list[dict[str, Any]] = told["entries"]
        return actions


@pytest.fixture
def place() -> Place:
    return Place()


def by(role: str, **more: Any) -> dict[str, Any]:
    return {"token": SECRETS[role], "address": "192.168.0.7", "via": "api", **more}


def test_facts_are_told_without_a_token_and_nothing_is_kept_of_it(place: Place) -> None:
    for command in ("status", "machines", "history"):
        assert place(command)["ok"]
    assert [one["cmd"] for one in place.through] == ["status", "machines", "history"]
    assert place.lines.lines == []


@pytest.mark.parametrize("command", ["dance", "audit-all", "", "fetch"])
def test_what_is_not_in_the_list_cannot_be_asked_by_anybody(place: Place, command: str) -> None:
    assert place(command, by("admin"))["status"] == 404
    assert place.through == []


@pytest.mark.parametrize(("command", "more", "role"), [
    ("order", {"order": "install", "hosts": ["cli1"]}, "operate"), ("resume", {}, "operate"),
    ("standby", {}, "operate"), ("standby", {"force": True}, "admin"), ("apply", {"digest": "ab"}, "admin"),
    ("enroll", {"machines": []}, "admin"), ("enroll", {"ask": True}, "admin"), ("unenroll", {}, "admin"),
    ("hosts-import", {}, "admin"), ("hosts", {}, "admin"), ("choices", {}, "admin"), ("log", {}, "operate"),
    ("sites", {}, "operate"), ("site-change", {}, "admin"), ("site", {}, "admin"),
    ("site-diff", {"text": ""}, "admin"),
])
def test_each_action_takes_its_role(place: Place, command: str, more: dict[str, Any], role: str) -> None:
    order = ("read", "operate", "admin")
    assert place(command, **more)["status"] == 401
    for one in order[:order.index(role)]:
        reply = place(command, by(one), **more)
        assert (reply["status"], f"takes {role}" in reply["error"]) == (403, True)
    assert place.through == []
    for one in order[order.index(role):]:
        assert place(command, by(one), **more)["ok"]
    assert all("caller" not in one for one in place.through), "the secret goes no further"


@pytest.mark.parametrize("caller", [
    {"token": "nothing"}, {"token": ""}, {"token": OLD}, {"session": "a.b"}, {"session": ""},
    {"session": SECRETS["admin"]}])
def test_what_is_no_token_and_no_session_is_refused_and_reads_nothing_either(
    place: Place, caller: dict[str, Any]
) -> None:
    for command in ("status", "resume", "who", "login"):
        assert place(command, caller)["status"] == 401, command
    assert place.through == []


@pytest.mark.parametrize("caller", [7, [], "x", {"token": 7}, {"token": None}, {"session": {}}])
def test_a_caller_of_another_form_is_nobody(place: Place, caller: Any) -> None:
    assert place("status", caller)["ok"]
    assert place("resume", caller)["status"] == 401


def test_an_action_is_kept_with_who_from_where_and_how_it_ended(place: Place) -> None:
    place("order", by("operate"), order="install", hosts=["cli1"])
    (kept,) = place.kept()
    assert (kept["who"], kept["role"], kept["from"], kept["via"]) == (
        "token operate", "operate", "192.168.0.7", "api")
    assert (kept["what"], kept["result"], kept["said"]) == ("install cli1", "done", "done so")
    assert SECRETS["operate"].encode() not in b"".join(place.lines.lines)
    assert place("audit", by("operate"), limit=5)["entries"] == [kept]
    assert place("audit", by("read"), limit=5)["status"] == 403


def test_an_action_says_by_whom_whatever_its_request_says(place: Place) -> None:
    place("apply", by("admin"), digest="ab", by={"who": "somebody else"})
    assert place.through[-1]["by"] == {"who": "token admin", "via": "api"}


def test_nothing_is_done_for_others_when_it_cannot_be_kept(place: Place) -> None:
    place.lines.full = True
    assert "could not be kept" in place("resume", by("admin"))["error"]
    assert place.through == []


def test_a_session_acts_with_its_form_alone_and_reads_without(place: Place) -> None:
    login = place("login", by("operate"))
    assert login["ok"]
    session = {"session": login["session"], "via": "page", "address": "192.168.0.7"}
    who = place("who", session)
    assert (who["name"], who["role"], who["csrf"]) == ("operate", "operate", login["csrf"])
    assert place("status", session)["ok"]
    for csrf in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": None}):
        assert place("resume", {**session, **csrf})["status"] == 403
    assert place("resume", {**session, "csrf": who["csrf"]})["ok"]
    assert place.kept()[0]["via"] == "page"
    place.site["api"]["tokens"] = []
    assert place("resume", {**session, "csrf": who["csrf"]})["status"] == 401, "taken out of the site"


def test_a_token_that_everybody_could_read_is_named(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    place("exposed", by("admin"))
    place("exposed", {"token": "none of ours"})
    assert [one.getMessage() for one in caplog.records] == ["token-exposed", "token-refused"]
    assert [one["who"] for one in place.kept()] == ["token admin"]


def test_who_tells_whether_reading_is_open(place: Place) -> None:
    assert place("who")["reading"] == "open"
    place.site["api"]["read"] = "token"
    assert (place("who")["reading"], place("who")["role"]) == ("token", "nobody")


def test_root_may_act_on_a_server_whose_disk_is_full(place: Place) -> None:
    from twinboot.access.audit import Who

    place.lines.full = True
    done = asyncio.run(place.audit.do(Who("root on server1", "admin"), {"cmd": "resume"}, place.ask))
    assert done["ok"]
