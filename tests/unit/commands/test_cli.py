"""The commands: what they print, their exit codes, and how little the health check needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from twinboot import cli
from twinboot.commands import client, status

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "examples" / "parity.yaml"
STATUS: dict[str, Any] = {
    "ok": True, "server": "server1", "cluster": "rack1", "version": "1", "boot": "1", "uptime_s": 75.0,
    "state": "active", "lan": "good", "hold_down_s": 0.0,
    "daemons": {"vsftpd": {"health": "broken", "fault": "connection refused"}},
    "groups": {
        "first": {"address": "192.168.0.253", "state": "held", "holder": "server1",
                  "order": ["server1", "server2"], "services": {"dhcpd": "running"}, "since_s": 60},
        "second": {"address": "192.168.0.254", "state": "idle", "holder": None,
                   "order": ["server2", "server1"], "services": {}, "since_s": 60},
    },
    "peers": {
        "server2": {
            "state": "dead", "standby": False, "lan": "unknown", "daemons": {}, "hold_down_s": 0.0,
            "links": {
                "lan": {"state": "down", "age_ms": 12_000}, "crossover": {"state": "down", "age_ms": None},
            },
        },
        "server3": {
            "state": "alive", "standby": False, "lan": "no carrier", "hold_down_s": 75.2,
            "daemons": {"vsftpd": {"health": "good"}}, "links": {"lan": {"state": "up", "age_ms": 100}},
        },
    },
    "https": {"port": 8443, "fingerprint": "AB:CD"},
    "counters": {"received": 7, "malformed": 0, "forged": 0, "foreign": 0, "replayed": 0},
    "alarms": [{"code": "server-silent", "subject": "server2", "text": "server server2 is not heard",
                "since": "2026-11-22T17:00:00Z"}],
}


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["twinboot", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    code = ended.value.code
    return 0 if code is None else int(code)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, bool]]]:
    """An agent that answers; what it was asked."""
    asked: list[tuple[str, dict[str, bool]]] = []

    def ask(command: str, options: dict[str, bool] | None = None, **_: object) -> dict[str, Any]:
        asked.append((command, options or {}))
        if command == "resume":
            return {"ok": False, "error": "not back yet"}
        return dict(STATUS) if command == "status" else {"ok": True, "message": "on standby"}

    monkeypatch.setattr(client, "ask", ask)
    return asked


def test_every_command_is_in_the_help(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert run(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    for name in (
        "agent",
        "engine-proxy",
        "status",
        "history",
        "standby",
        "resume",
        "check",
        "parts",
        "render",
        "key",
        "schema",
    ):
        assert f"\n  {name} " in said
        assert run(monkeypatch, name, "--help") == 0


def test_status_as_json(monkeypatch: pytest.MonkeyPatch, capsys: Any, agent: object) -> None:
    assert run(monkeypatch, "status", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {key: value for key, value in STATUS.items() if key != "ok"}


def test_status_as_a_table_without_colour() -> None:
    console = Console(width=140, no_color=True, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(status.render(STATUS))
    text = console.export_text()
    for words in ("server1 of rack1: active, up 1m15s", "192.168.0.253", "dhcpd running", "nobody", "dead",
                  "lan down (12s)", "crossover down (never)", "server server2 is not heard",
                  "page: https://ADDRESS:8443/ by SHA-256 AB:CD",
                  "ALARM server-silent server2, since 2026-11-22 17:00:00 UTC"):
        assert words in text
    rows = text.splitlines()
    begin = next(at for at, row in enumerate(rows) if row.startswith("health"))
    assert [row.split() for row in rows[begin:begin + 3]] == [
        ["health", "LAN", "vsftpd", "hold-down"],
        ["server1", "good", "broken", "none"],
        ["server3", "no", "carrier", "good", "1m15s", "left"],
    ]
    assert not rows[begin + 3].startswith("server2"), "of the dead nothing is known"


def test_alarms_are_readable_at_80_columns() -> None:
    text = ("split: 192.168.0.253 (first) is still answered by 02:42:00:00:00:07 "
            "although server2 is silent on every link")
    alarms = [{"code": "split", "subject": "first", "text": text, "since": "2026-11-22T17:00:00Z"},
              {"code": "takeover-refuses-at-start", "subject": "server1", "text": "refused",
               "since": "2026-11-22T17:00:01Z"}]
    console = Console(width=80, no_color=True, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(status.render({**STATUS, "alarms": alarms}))
    rows = [row.rstrip() for row in console.export_text().splitlines()]
    begin = rows.index("ALARM split first, since 2026-11-22 17:00:00 UTC")
    end = rows.index("ALARM takeover-refuses-at-start server1, since 2026-11-22 17:00:01 UTC")
    folded = rows[begin + 1:end]
    assert all(row.startswith("      ") for row in folded)
    assert " ".join(row.strip() for row in folded) == text
    assert rows[end + 1:] == ["      refused"]


def test_who_could_take_over_is_readable_on_80_columns_and_so_is_each_version() -> None:
    why = ["dhcpd: its container is gone, and its image too"]
    readiness = {
        "server1": {"ready": True, "why": [], "remedy": ""},
        "server2": {"ready": False, "why": why, "remedy": "`make up` on server2"},
        "server3": {"ready": None, "why": [], "remedy": ""},
    }
    told = json.loads(json.dumps(STATUS))
    for group in told["groups"].values():
        group["readiness"] = readiness
    told["peers"]["server2"] |= {"left": True, "version": "0.12.0"}
    told["peers"]["server3"] |= {"hears_us": False, "version": None}
    console = Console(width=80, no_color=True, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(status.render(told))
    rows = [row.rstrip() for row in console.export_text().splitlines()]
    assert all(len(row) <= 80 for row in rows)
    begin = next(place for place, row in enumerate(rows) if row.startswith("could take over"))
    assert [row.split() for row in rows[begin:begin + 4]] == [
        ["could", "take", "over", "first", "second"],
        ["server1", "yes", "yes"], ["server2", "no", "no"], ["server3", "unknown", "unknown"],
    ]
    said = " ".join(" ".join(rows[begin + 4:begin + 6]).split())
    assert said.startswith(f"server2 could not: {why[0]}; `make up` on server2"), said
    peers = " ".join(" ".join(rows).split())
    assert "left" in peers
    assert "0.12.0" in peers
    assert "does not hear" in peers


def test_connections_in_the_table() -> None:
    connections: dict[str, Any] = {
        "takeover": True, "followed": {"ftp": 5, "http": 7}, "totals": {"taken-over": {"ftp": 20}},
        "taken_ms": {"median": 1.2, "worst": 8.0}, "lag_ms": {"server2": 3.0},
    }

    def shown(**more: Any) -> str:
        console = Console(width=160, no_color=True, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        console.print(status.render({**STATUS, "connections": {**connections, **more}}))
        return console.export_text()

    assert "connections: 5 ftp, 7 http; peers know within 1.2 ms (worst 8.0); taken-over 20 ftp" in shown()
    assert "server2 lacks the last 250 ms" in shown(lag_ms={"server2": 250.0})
    assert "connections: no takeover process" in shown(takeover=False)
    assert "silent (not taken over, may hang) 2 http" in shown(totals={"silent": {"http": 2}})


def test_commands_ask_the_agent_and_say_what_came_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, agent: list[tuple[str, dict[str, bool]]]
) -> None:
    assert run(monkeypatch, "standby", "--force") == 0
    assert run(monkeypatch, "resume") == 1
    assert agent == [("standby", {"force": True, "ask": False}), ("resume", {})]
    said = capsys.readouterr()
    assert "on standby" in said.out
    assert "resume: not back yet" in said.err


@pytest.mark.parametrize("words", [("status",), ("status", "--health"), ("standby",), ("resume",)])
def test_without_an_agent_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, words: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *words) == 1
    said = capsys.readouterr()
    assert (said.out + said.err).count("\n") == 1
    assert "the agent does not run on this server" in said.out + said.err


def imported(modules: set[str], *words: str) -> tuple[list[str], str]:
    """Which of these modules a command imports, and what it says on its standard error."""
    script = (
        f"import sys; sys.argv = ['twinboot', *{words!r}]\n"
        "from twinboot import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        f"import json; print(json.dumps(sorted({modules!r} & set(sys.modules))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr


HEAVY = {"typer", "rich", "pydantic", "docker", "asyncio", "yaml", "twinboot.core", "dataclasses"}


@pytest.mark.parametrize("word", ["status", "takeover", "tree-sync", "engine-proxy"])
def test_health_checks_import_nothing_heavy(word: str) -> None:
    assert imported(HEAVY, word, "--health")[0] == []


def test_nor_does_that_of_power() -> None:
    script = f"import sys, twinboot.power.host.health; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("word", ["status", "machines", "machine", "logs", "history", "standby", "ready"])
def test_what_only_asks_the_agent_does_not_import_the_site(word: str) -> None:
    of_the_site = {"twinboot.site", "ruamel.yaml", "yaml", "cryptography"}
    found, said = imported(of_the_site, word, *(["one"] if word in ("machine", "logs") else []))
    assert found == []
    assert "does not" in said, "there is none to ask"


def test_a_command_does_not_import_what_others_need() -> None:
    others = {"twinboot.commands.joining.member", "twinboot.commands.hosts.command", "cryptography"}
    found, said = imported(others, "import", "/nothing.iso")
    assert found == []
    assert "twinboot: import: the trees folder" in said


def test_typer_brings_no_rich_along_and_our_tables_have_it() -> None:
    found, _ = imported({"rich", "typer.rich_utils", "markdown_it"}, "standby", "--ask")
    assert found == []
    found, said = imported({"rich.table", "typer.rich_utils", "typer"}, "trees", "list")
    assert found == ["rich.table", "typer"], said


def test_a_command_alone_is_as_among_the_others(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for word in (*cli._COMMANDS, *cli._GROUPS):
        assert run(monkeypatch, word, "--help") == 0
        shown = capsys.readouterr().out
        assert f"Usage: twinboot {word} " in shown
        made = cli._application("")
        with pytest.raises(SystemExit):
            made([word, "--help"], prog_name="twinboot")
        assert capsys.readouterr().out == shown


def test_every_command_stands_in_the_help_and_a_word_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert run(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    for word in ("status", "tree-sync", "apply", "enroll", "backup", "token", "import", "trees", "webhooks"):
        assert f"\n  {word} " in shown
    assert run(monkeypatch, "stauts") == 2
    assert "stauts" in capsys.readouterr().err
    assert run(monkeypatch, "status", "--help") == 0
    assert "--watch" in capsys.readouterr().out


def test_schema_is_the_one_in_the_repository(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert run(monkeypatch, "schema") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((ROOT / "config/site.schema.json").read_text())


def test_key_is_made_once(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    assert run(monkeypatch, "key", "--out", str(tmp_path / "k")) == 0
    assert run(monkeypatch, "key", "--out", str(tmp_path / "k")) == 1
    assert "not overwritten" in capsys.readouterr().err


def test_render_says_what_changed_and_every_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "site.yaml").write_text(EXAMPLE.read_text())
    (config / "templates").symlink_to(ROOT / "config" / "templates")
    words = ("render", "--config", str(config), "--out-etc", str(tmp_path / "etc"), "--out-pub",
             str(tmp_path / "pub"))
    assert run(monkeypatch, *words) == 2, "a server must be named"
    for expected in ("dhcpd", "nothing that needs a restart"):
        assert run(monkeypatch, *words, "--server", "server1") == 0
        assert expected in capsys.readouterr().out
    (config / "site.yaml").write_text(EXAMPLE.read_text() + "\nnonsense: 1\nmore: 2\n")
    assert run(monkeypatch, *words, "--server", "server1") == 2
    said = capsys.readouterr().err
    assert said.count("FAULT") == 2
