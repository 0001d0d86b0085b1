"""The lab's standing shells: one script after the other, and what happens when the shell is gone."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from twinlab.host.shell import Lost, Shell

PIPED: Any = {
    "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True,
    "start_new_session": True,
}  # fmt: skip


@pytest.fixture
def shell() -> Shell:
    return Shell(lambda: subprocess.Popen(("bash",), **PIPED))


@pytest.mark.parametrize(
    ("script", "code", "out", "err"),
    [
        ("echo one; echo two", 0, "one\ntwo\n", ""),
        ("printf unended", 0, "unended", ""),
        ("", 0, "", ""),
        ("echo \"it's\"; echo wrong >&2; exit 7", 7, "it's\n", "wrong\n"),
        ("set -e\nfalse\necho never", 1, "", ""),
        ("cat; echo 'it reads nothing'", 0, "it reads nothing\n", ""),
    ],
)
def test_it_gives_what_a_shell_of_its_own_would(
    shell: Shell, script: str, code: int, out: str, err: str
) -> None:
    for _ in range(2):
        done = shell.run(script, 10)
        assert (done.code, done.out, done.err) == (code, out, err)


def test_the_next_script_knows_nothing_of_the_last(shell: Shell) -> None:
    shell.run("cd /; word=set; exec 2>&-", 10)
    assert shell.run("echo ${word:-unset} $PWD", 10).out != "set /\n"
    assert shell.run("echo ${word:-unset}", 10).out == "unset\n"


def test_one_that_hangs_is_lost_and_begins_anew(shell: Shell) -> None:
    with pytest.raises(Lost):
        shell.run("sleep 60", 0.2)
    assert shell.run("echo there", 10).out == "there\n"


def test_one_that_ended_meanwhile_is_lost_once_at_most(shell: Shell) -> None:
    pid = int(shell.run("echo $PPID", 10).out)
    with pytest.raises(Lost):
        shell.run(f"kill {pid}; sleep 5", 10)
    assert shell.run("echo there", 10).out == "there\n"


def test_a_command_that_is_no_shell_is_lost() -> None:
    with pytest.raises(Lost):
        Shell(lambda: subprocess.Popen(("git",), **PIPED)).run("echo there", 10)
