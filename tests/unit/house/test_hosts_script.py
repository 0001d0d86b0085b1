"""scripts/hosts.sh: what it has done in which container, and that a refused change is taken back."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKER = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in
    *" ps "*) echo id ;;
    *" hosts proposal") echo '{"old": "a", "new": "b"}' ;;
    *" hosts write"*) cat >>"$CALLS"; exit "${WRITE:-0}" ;;
    *" apply "*) exit "${APPLY:-0}" ;;
    *) cat >"$STDIN"; exit "${CODE:-10}" ;;
esac
"""


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder, self.calls, self.stdin = folder / "project", folder / "calls", folder / "stdin"
        for name in ("twinboot", "hosts.sh", "settings.sh"):
            (self.folder / "scripts").mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "scripts" / name, self.folder / "scripts")
        for name in ("config", "compose", "bin"):
            (self.folder / name).mkdir()
        (self.folder / "compose/.env").write_text("TWINBOOT_CONFIG=../config\n")
        (self.folder / "bin/docker").write_text(DOCKER)
        (self.folder / "bin/docker").chmod(0o755)

    def call(self, *words: str, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "CALLS": str(self.calls),
               "STDIN": str(self.stdin), **environ}  # fmt: skip
        return subprocess.run(
            ("sh", self.folder / "scripts/twinboot", *words), cwd=self.folder / "config", env=env, text=True,
            input=text, capture_output=True,
        )  # fmt: skip

    def done(self) -> list[str]:
        """The steps, a word each."""
        said = self.calls.read_text().splitlines()
        steps = {"hosts proposal": "take", "hosts write --back": "back", "hosts write": "write",
                 "apply --yes": "apply"}  # fmt: skip
        found = []
        for line in said:
            found += [step for words, step in steps.items() if f"{words} " in f"{line} "][:1]
        return found


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_it_is_written_and_applied(server: Server) -> None:
    said = server.call("enroll", "52:54:00:00:02:01", "--name", "web1", "--yes", "--without", "server2")
    assert said.returncode == 0, said.stderr
    assert server.done() == ["take", "write", "apply"]
    calls = server.calls.read_text()
    assert '{"old": "a", "new": "b"}' in calls, "the writer was told what to write"
    assert f"{server.folder}/config:/config" in calls
    assert "--network" not in calls, "the writer's service has no network"
    (asked,) = [line for line in calls.splitlines() if " enroll " in line]
    assert asked.endswith("twinboot enroll 52:54:00:00:02:01 --name web1 --yes --without server2")
    assert "apply --yes --without server2" in calls


def test_what_a_server_refuses_is_taken_back(server: Server) -> None:
    said = server.call("unenroll", "web1", "--yes", APPLY="1")
    assert said.returncode == 1
    assert server.done() == ["take", "write", "apply", "back"]


def test_what_cannot_be_written_is_not_applied(server: Server) -> None:
    said = server.call("unenroll", "web1", "--yes", WRITE="2")
    assert said.returncode == 2
    assert server.done() == ["take", "write"]


def test_without_a_word_from_an_operator_nothing_is_changed(server: Server) -> None:
    said = server.call("enroll", "52:54:00:00:02:01", "--name", "web1")
    assert said.returncode == 3
    assert server.done() == ["take"]
    assert "--yes" in said.stderr


@pytest.mark.parametrize("code", ["0", "2", "3"])
def test_an_end_without_a_proposal_is_the_end(server: Server, code: str) -> None:
    assert server.call("hosts", "export", CODE=code).returncode == int(code)
    assert server.done() == []


def test_a_file_alone_is_written_when_that_is_wanted(server: Server) -> None:
    said = server.call("unenroll", "web1", "--yes", "--no-apply", CODE="11")
    assert said.returncode == 0
    assert server.done() == ["take", "write"]
    assert "scripts/twinboot apply" in said.stdout


@pytest.mark.parametrize("words", [
    ("my hosts.csv", "--subnet", "10.0.0.0/8", "--yes"), ("--subnet", "10.0.0.0/8", "my hosts.csv", "--yes"),
])  # fmt: skip
def test_a_table_is_read_from_the_callers_folder(server: Server, words: tuple[str, ...]) -> None:
    (server.folder / "config/my hosts.csv").write_text("name\nweb1\n")
    assert server.call("hosts", "import", *words).returncode == 0
    assert server.stdin.read_text() == "name\nweb1\n"
    (asked,) = [line for line in server.calls.read_text().splitlines() if " import " in line]
    assert " - " in f"{asked} "
    assert "hosts.csv" not in asked
    missing = server.call("hosts", "import", "other.csv", "--yes")
    assert missing.returncode == 2
    assert "other.csv" in missing.stderr
    assert server.call("hosts", "import", "-", "--yes", text="name\nweb2\n").returncode == 0
    assert server.stdin.read_text() == "name\nweb2\n"
