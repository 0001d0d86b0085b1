"""What `twinboot machines` prints of machines, whatever they have sent."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from twinboot.commands import machines, power

WORDS = "line one\n[red]no space[/red] left on device"
ONE: dict[str, Any] = {
    "name": "cli128", "state": "failed", "step": "packages", "boots": "disk", "profile": "rh9",
    "server": "server2", "orders": 1, "attempt": 0, "packages": 5, "of": 25, "kib": 72704, "silent_s": 75.0,
    "at": 1.7e9, "words": WORDS, "group": "second", "addresses": ["192.168.0.128"],
    "macs": ["52:54:00:00:01:28"], "installed_with": "rh8", "reports": True, "once": True,
    "state_history": [{"at": 1.7e9, "state": "loader", "server": "server1", "words": ""}],
}  # fmt: skip
OTHER = {**ONE, "name": "cli129", "state": "waiting", "words": "", "server": "", "boots": "install",
         "packages": 0, "kib": 0, "profile": "other", "installed_with": "other"}  # fmt: skip


def reply(*found: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "ready": True, "machines": list(found)}


def printed(*found: dict[str, Any], width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(machines.table_of(found))
    return out.getvalue().splitlines()


def test_a_table_fits_eighty_columns() -> None:
    lines = printed(ONE, OTHER)
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    wide = printed(ONE, OTHER, width=160)
    assert "[red]no space[/red] left on device" in wide[1], "words are no markup"
    assert "5 of 25 packages, 71 MiB" in wide[1]
    assert wide[2].split()[:3] == ["cli129", "waiting", "install"]


def test_all_of_one_machine() -> None:
    lines = machines.lines_of({**ONE, "firmware": "uefi-http"})
    told = dict(line.split("  ", 1) for line in lines if "  " in line.strip())
    assert told["state"].strip() == "failed at packages"
    assert told["installed with"].strip() == "rh8"
    assert told["firmware"].strip() == "uefi-http"
    assert "    2023-11-14 22:13:20  loader     server1" in lines
    assert lines[-1].strip() == "[red]no space[/red] left on device"
    silent = machines.lines_of({**OTHER, "reports": False, "once": False})
    assert any("no server yet" in line for line in silent)
    assert any(line.startswith("reports") for line in silent)


def test_a_group_by_load_and_a_turn() -> None:
    waits = {**OTHER, "state": "queued", "given": "", "turn": 3, "turns": 12}
    assert "queued, 3 of 12" in printed(waits, width=160)[1]
    lines = machines.lines_of(waits)
    assert any(line.startswith("group") and "none yet" in line and "second" in line for line in lines)
    lines = machines.lines_of({**ONE, "given": "first"})
    assert any("first (given by load; its boot files come from second)" in line for line in lines)


def test_filters(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machines.client, "ask", lambda *_, **__: reply(ONE, OTHER))
    for names, state, profile, wanted in (
        ((), "", "", ["cli128", "cli129"]), ((), "failed", "", ["cli128"]), ((), "", "other", ["cli129"]),
        (("cli129",), "", "", ["cli129"]), (("cli129",), "failed", "", []),
    ):  # fmt: skip
        found = machines._chosen(machines.client.answer("machines"), names, state, profile)
        assert [one["name"] for one in found] == wanted
    for bad in ({"names": ["nobody"]}, {"state": "gone"}, {"profile": "none"}):
        options: dict[str, Any] = {"names": (), "state": "", "profile": "", **bad}
        with pytest.raises(SystemExit) as end:
            machines.print_machines(**options, as_json=True, watch=False)
        assert end.value.code == 2
        assert next(iter(bad.values()))[0] in capsys.readouterr().err


def test_a_whole_profile_is_not_erased_by_accident(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[str] = []

    def ask(command: str, *_: object, **__: object) -> dict[str, Any]:
        sent.append(command)
        return {**reply(ONE, OTHER), "message": "told"}

    monkeypatch.setattr(machines.client, "ask", ask)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(SystemExit):
        machines.order("install", [], "rh9", yes=False)
    assert sent == ["machines"]
    machines.order("install", [], "rh9", yes=True)
    machines.order("install", ["cli128"], "", yes=False)
    assert sent[1:] == ["order", "order"]
    with pytest.raises(SystemExit):
        machines.order("local", [], "", yes=True)
    assert "told" in capsys.readouterr().out


def test_machines_without_an_entry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one: dict[str, Any] = {
        "mac": "52:54:00:00:00:09", "firmware": "UEFI x64 [red]", "vendor": "PXEClient", "asked": 3,
        "uuid": "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10", "first_s": 75.0, "last_s": 2.0, "serial": "S-42",
        "maker": "", "product": "", "relay": "", "servers": ["server2"],
    }  # fmt: skip
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(machines.client, "ask", lambda *_, **__: {"ok": True, "unknown": found})
    machines.print_unknown(as_json=False)
    assert "no server has heard" in capsys.readouterr().out
    found.append(one)
    machines.print_unknown(as_json=False)
    said = capsys.readouterr().out
    for word in (one["uuid"], "[red]", "S-42", "server2", "PXEClient", "scripts/twinboot enroll"):
        assert word in said
    assert "relay" not in said, "a column of which nothing is known"
    one.update(maker="Dell Inc.", product="R640", relay="10.8.0.1")
    machines.print_unknown(as_json=False)
    said = capsys.readouterr().out
    assert "Dell Inc. R640" in said
    assert "10.8.0.1" in said


def test_restarts_are_told_one_by_one_and_a_failure_is_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[tuple[str, Any]] = []
    outcomes = [{"host": "cli128", "ok": True, "said": "restarted"},
                {"host": "cli129", "ok": False, "said": "wrong password"}]  # fmt: skip

    def ask(command: str, options: Any = None, **_: object) -> dict[str, Any]:
        sent.append((command, options))
        if command != "power-job":
            return {"ok": True, "message": "2 to be installed", "job": 7, "outcomes": []}
        after = int(options["after"])
        return {"ok": True, "left": 1 - after if after < 2 else 0, "outcomes": outcomes[after:after + 1]}

    monkeypatch.setattr(power.client, "ask", ask)
    monkeypatch.setattr(power, "_LOOK_EVERY_S", 0.0)
    with pytest.raises(SystemExit) as end:
        machines.order("install", ["cli128", "cli129"], "", yes=False, now=True, force=True)
    assert end.value.code == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[1:] == ["cli128: restarted", "cli129: FAILED: wrong password"]
    assert sent[0] == ("order-now", {"hosts": ["cli128", "cli129"], "profile": "", "force": True})
    with pytest.raises(SystemExit) as end:
        machines.order("install", ["cli128"], "", yes=False, force=True)
    assert end.value.code == 2, "--force without --now would be thought to do something"
    with pytest.raises(SystemExit) as end:
        power.switch("cli128", "explode", force=False)
    assert end.value.code == 2
