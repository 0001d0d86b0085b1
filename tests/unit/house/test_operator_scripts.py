"""What `scripts/twinboot backup`, `restore`, `invite` and `scripts/join` hand on: words, files, secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKER = """#!/bin/sh
case "$*" in
    *"ps --quiet"*) cat "$CALLS.running" 2>/dev/null; exit ;;
    *"config --images"*) echo image; exit ;;
    info* | image*) exit ;;
    *" sidecar join"*) cat >"$CALLS.input"; echo server3 ;;
    *" sidecar "*stdin*) cat >"$CALLS.input" ;;
esac
echo "$*" >>"$CALLS"
"""


class Project:
    """A checkout with a stand-in for docker, which notes how it was called."""

    def __init__(self, top: Path) -> None:
        self.top, self.calls = top, top / "calls"
        for name in ("scripts", "compose", "images"):
            (top / name).mkdir()
        for path in (ROOT / "scripts").iterdir():
            if path.is_file():
                shutil.copy(path, top / "scripts" / path.name)
        (top / "scripts/up").write_text('#!/bin/sh\necho "up $*"\n')
        shutil.copy(ROOT / "compose/.env.example", top / "compose/.env.example")
        shutil.copy(ROOT / "images/versions.env", top / "images/versions.env")
        (top / "config").mkdir()
        (top / "bin").mkdir()
        (top / "bin/docker").write_text(DOCKER)
        (top / "bin/docker").chmod(0o755)
        (top / "phrase").write_text("correct horse\nsecond line\n")
        (top / "a").mkdir()

    def set_up(self) -> None:
        (self.top / "compose/.env").write_text("TWINBOOT_SERVER=server1\nTWINBOOT_TREES=/tmp\n")

    def type_in(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = {"PATH": f"{self.top}/bin:{os.environ['PATH']}", "CALLS": str(self.calls)}
        return subprocess.run(
            ("sh", *words), cwd=self.top / "a", env={**os.environ, **path, **environment},
            capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    @property
    def called(self) -> str:
        return self.calls.read_text().splitlines()[-1] if self.calls.exists() else ""

    @property
    def input(self) -> str:
        return Path(f"{self.calls}.input").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_backup_is_made_where_it_is_asked_for_and_no_argument_has_the_passphrase(project: Project) -> None:
    project.set_up()
    done = project.type_in("../scripts/twinboot", "backup", "--passphrase-file", "../phrase", "from.backup")
    assert done.returncode == 0, done.stderr
    assert f"-v {project.top}/a:/mnt/out" in project.called
    assert project.called.endswith(" --passphrase-stdin --shown from.backup /mnt/out/from.backup")
    assert project.input == "correct horse\n"
    assert "horse" not in project.called
    project.type_in("../scripts/twinboot", "backup", "--passphrase-file=../phrase", "-")
    assert project.called.endswith("sidecar backup --passphrase-stdin -")


@pytest.mark.parametrize(("words", "why"), [
    (("backup", "x"), "compose/.env is missing"), (("restore",), "which file?"),
    (("restore", "nowhere"), "nowhere is not there"), (("restore", "../a"), "../a is no file"),
    (("restore", "--frob", "x"), "no option --frob"), (("restore", "x", "y"), "one file, not"),
    (("restore", "--passphrase-file"), "wants a file"), (("restore", "../phrase"), "no terminal"),
])  # fmt: skip
def test_a_wrong_word_is_one_line(project: Project, words: tuple[str, ...], why: str) -> None:
    done = project.type_in("../scripts/twinboot", *words)
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "sidecar restore" not in project.called


def test_a_restore_is_for_a_server_that_does_not_run(project: Project) -> None:
    words = ("../scripts/twinboot", "restore", "--replace", "--passphrase-file", "../phrase", "../phrase")
    Path(f"{project.calls}.running").write_text("c1\n")
    done = project.type_in(*words)
    assert (done.returncode, project.called) == (2, "")
    assert "make down first" in done.stderr
    Path(f"{project.calls}.running").unlink()
    done = project.type_in(*words)
    assert done.returncode == 0, done.stderr
    assert f"-v {project.top}/config:/config -v {project.top}/phrase:/mnt/backup:ro" in project.called
    assert project.called.endswith("restore --passphrase-stdin --shown ../phrase --replace /mnt/backup")


def test_an_invited_server_is_put_into_the_site_first(project: Project) -> None:
    project.set_up()
    entry = ("--address", "192.168.0.9", "--interface", "eth0", "--link", "crossover=10.0.0.3@eth1")
    done = project.type_in(
        "../scripts/twinboot", "invite", "server3", *entry, "--minutes", "5", "--yes")
    assert done.returncode == 0, done.stderr
    calls = [line.partition(" sidecar ")[2] for line in project.calls.read_text().splitlines()]
    assert calls == [
        "member add server3 --address 192.168.0.9 --interface eth0 --link crossover=10.0.0.3@eth1",
        "twinboot apply --without server3 --yes", "member settle", "invite server3 --minutes 5",
    ]  # fmt: skip
    project.calls.unlink()
    project.type_in("../scripts/twinboot", "invite")
    assert project.called.endswith(" sidecar invite")
    nameless = project.type_in("../scripts/twinboot", "invite", "--address", "192.168.0.9")
    assert nameless.returncode == 2
    assert "the name of the new server is missing" in nameless.stderr


def test_a_server_joins_and_starts(project: Project) -> None:
    (project.top / "compose/.env").write_text(f"TWINBOOT_SERVER=\nTWINBOOT_TREES={project.top}/trees\n")
    done = project.type_in("../scripts/join", "TB1-secret")
    assert done.returncode == 0, done.stderr
    assert "up server3" in done.stdout
    assert project.input == "TB1-secret\n"
    assert "secret" not in project.called
    assert (project.top / "trees").is_dir()
    project.type_in("../scripts/join", "TB1-secret", REPLACE="1")
    assert project.called.endswith("sidecar join --replace")
    assert project.type_in("../scripts/join").returncode == 2
