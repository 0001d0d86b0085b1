"""Tokens, sessions, roles, and what is kept of an action."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twinboot.access import audit, sessions, tokens
from twinboot.access.audit import Who
from twinboot.access.roles import ACTIONS, READS, SEES, Role, is_action, needed, role_named
from twinboot.access.tokens import Token

SECRET = tokens.made_of(bytes(range(32)))
OPS = Token("ops", Role.OPERATE, tokens.digest(SECRET))
DESK = Token("desk", Role.READ, tokens.digest("another"), "2027-12-31")
KEY, OLD = sessions.key_of(b"k" * 32), sessions.key_of(b"o" * 32)
NOW = 1_800_000_000.0


def test_a_token_has_256_bits_and_can_be_searched_for() -> None:
    assert SECRET.startswith("twinboot_")
    assert len(SECRET) == len("twinboot_") + 43
    assert tokens.digest(SECRET) == OPS.sha256 != SECRET


def test_a_token_is_found_by_its_digest_alone() -> None:
    assert tokens.find([DESK, OPS], SECRET) is OPS
    for wrong in ("", OPS.sha256, SECRET[:-1], SECRET + "x", SECRET.upper(), "\u00e9\x00", "x" * 100_000):
        assert tokens.find([DESK, OPS], wrong) is None, wrong[:20]


def test_a_token_is_good_up_to_its_last_day() -> None:
    assert DESK.good_on("2027-12-31")
    assert not DESK.good_on("2028-01-01")
    assert OPS.good_on("2999-01-01")


def test_a_site_names_tokens_and_a_role_that_is_none_gives_nothing() -> None:
    site = {"api": {"tokens": [{"name": "a", "role": "admin", "sha256": "x"}, {
        "name": "b", "role": "emperor", "sha256": "y", "expires": "2027-01-01"}]}}
    assert [one.role for one in tokens.tokens_of(site)] == [Role.ADMIN, Role.NOBODY]
    assert tokens.tokens_of(None) == tokens.tokens_of({}) == ()
    assert tokens.reading_is_open({})
    assert not tokens.reading_is_open({"api": {"read": "token"}})


@pytest.mark.parametrize(("request_", "role"), [
    ({"cmd": "status"}, Role.NOBODY), ({"cmd": "order"}, Role.OPERATE), ({"cmd": "audit"}, Role.OPERATE),
    ({"cmd": "standby"}, Role.OPERATE), ({"cmd": "standby", "force": True}, Role.ADMIN),
    ({"cmd": "apply"}, Role.ADMIN), ({"cmd": "site"}, Role.ADMIN), ({"cmd": "dance"}, None), ({}, None),
    ({"cmd": ["status"]}, None), ({"cmd": "takeover"}, None),
])
def test_what_each_command_takes(request_: dict[str, Any], role: Role | None) -> None:
    assert needed(request_) is role


def test_what_is_kept_is_what_changes_something() -> None:
    assert all(is_action({"cmd": one}) for one in ACTIONS)
    assert not any(is_action({"cmd": one}) for one in (*READS, *SEES))
    assert not is_action({"cmd": "standby", "ask": True})
    assert [role_named(one.word) for one in Role] == list(Role)


def test_a_session_is_good_for_half_a_day_with_the_key_that_made_it_or_the_one_before() -> None:
    text = sessions.made(OPS, OLD, NOW)
    found = sessions.check(text, [KEY, OLD], [DESK, OPS], NOW + 1)
    assert found is not None
    assert (found.token, found.until) == (OPS, int(NOW) + sessions.LASTS_S)
    assert found.csrf == sessions.csrf_of(text, OLD) != sessions.csrf_of(text, KEY)
    assert sessions.check(text, [KEY], [OPS], NOW) is None
    assert sessions.check(text, [OLD], [OPS], NOW + sessions.LASTS_S) is None


def test_a_session_dies_with_its_token() -> None:
    text = sessions.made(OPS, KEY, NOW)
    another = Token("ops", Role.ADMIN, tokens.digest("a new one"))
    assert sessions.check(text, [KEY], [DESK], NOW) is None
    assert sessions.check(text, [KEY], [another], NOW) is None, "of the same name"


def test_no_part_of_a_session_can_be_changed() -> None:
    text = sessions.made(OPS, KEY, NOW)
    for at in range(len(text)):
        other = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
        assert sessions.check(other, [KEY], [OPS, DESK], NOW) is None, at
    for wrong in ("", ".", "a.b", text + "x", "\u00e9." + text, text.replace(".", "")):
        assert sessions.check(wrong, [KEY], [OPS], NOW) is None


def test_actions_are_told_in_the_words_of_the_command_line() -> None:
    hosts = [f"cli{number}" for number in range(30)]
    long = audit.what_of({"cmd": "order", "order": "install", "hosts": hosts, "profile": "rh9"})
    assert long.startswith("install cli0 cli1 ")
    assert long.endswith("and 10 more --profile rh9")
    assert audit.what_of({"cmd": "standby", "force": True}) == "standby --force"
    now = {"cmd": "order-now", "hosts": ["cli128"], "profile": "rh9", "force": True}
    assert audit.what_of(now) == "install --now cli128 --profile rh9 --force"
    new = {"cmd": "enroll", "machines": [{"mac": "52:54:00:00:00:01", "name": "web1"}, {"mac": "x"}, 7]}
    assert audit.what_of(new) == "enroll 52:54:00:00:00:01=web1 x ?"
    assert audit.what_of({"cmd": "unenroll", "hosts": ["web1"]}) == "unenroll web1"
    table = {"cmd": "hosts-import", "text": "x" * 99, "replace": True}
    assert audit.what_of(table) == "hosts import --replace"
    assert is_action(new)
    assert not is_action({**new, "ask": True})
    off = {"cmd": "power", "do": "off", "hosts": ["cli128"]}
    assert audit.what_of(off) == "power cli128 off"
    assert is_action(off)
    assert not is_action({**off, "do": "status"})
    applied = {"cmd": "apply", "previous": True, "without": ["server2"], "text": "x" * 9999}
    assert audit.what_of(applied) == "apply --previous --without server2"
    assert len(audit.what_of({"cmd": "order", "order": "x" * 1000})) == audit.MAX_SAID


def test_an_action_whose_server_died_is_not_forgotten() -> None:
    who = Who("token ops", "operate", "192.168.0.7", "api")
    lines = [
        audit.asked("1", 5.0, "server1", who, "install cli1"),
        audit.asked("2", 6.0, "server1", who, "standby"),
        audit.ended("1", 7.0, {"ok": True, "message": "done so"}), b"half a li", b"[]", b'{"id": "9"}',
    ]
    first, second = audit.entries(lines)
    assert (first["who"], first["from"], first["result"], first["said"], first["ended"]) == (
        "token ops", "192.168.0.7", "done", "done so", 7.0)
    assert (second["what"], second["result"], second["ended"]) == ("standby", audit.UNFINISHED, None)
    assert json.loads(audit.ended("1", 1.0, {"ok": False, "error": "e" * 999}))["said"].endswith("...")
