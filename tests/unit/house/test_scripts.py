"""The thin scripts: what they say and do where there is no stack, no lab and no Python environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from twinlab import cli
from twinlab.host.images import VERSION, versions
from twinlab.host.server import without_ansi
from twinlab.lab import Lab

ROOT = Path(__file__).parents[3]
DOCKER = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$1 $2" in
    "ps --all") echo c1; echo c2 ;;
    "network ls") echo n1 ;;
    "volume ls") echo v1 ;;
    "image ls")
        case "$*" in *dangling=true*) echo i1; exit ;; esac
        echo "twinboot/tftp:0.1.0-$MINE"; echo twinboot/tftp:0.1.0; echo twinboot/tftp:0.1.0-beef ;;
esac
"""


def test_logs_without_a_stack_say_so(tmp_path: Path) -> None:
    for name in ("Makefile", "images/versions.env", "compose/compose.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    said = subprocess.run(("make", "-s", "logs"), cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode != 0
    assert "nothing of Twinboot was started here: make up SERVER=name" in said.stderr
    assert said.stdout == ""


def test_clean_removes_the_labs_and_images_of_this_checkout_alone_and_makes_nothing(tmp_path: Path) -> None:
    for name in ("Makefile", "images/versions.env", "scripts/clean", "scripts/settings.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in ("build/lab", ".venv", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin/docker").write_text(DOCKER)
    (tmp_path / "bin/docker").chmod(0o755)
    mine = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:4]
    env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls"),
           "MINE": mine}
    subprocess.run(("make", "-s", "clean"), cwd=tmp_path, env=env, check=True)
    label = f"--filter label=org.twinboot.lab.checkout={tmp_path}"
    assert (tmp_path / "calls").read_text().splitlines() == [
        "info", f"ps --all --quiet {label}", "rm --force --volumes c1 c2",
        f"network ls --quiet {label}", "network rm n1",
        f"volume ls --quiet {label}", "volume rm v1",
        "image ls --format {{.Repository}}:{{.Tag}} --filter reference=twinboot*/*",
        f"image rm twinboot/tftp:0.1.0-{mine}",
        "image ls --quiet --filter dangling=true --filter "
        f"label=org.opencontainers.image.version={versions()['TWINBOOT_VERSION']}-{mine}", "image rm i1",
    ]  # fmt: skip
    assert not (tmp_path / "build").exists()
    assert not (tmp_path / ".venv").exists()


def test_the_labs_help_names_the_command_that_people_type() -> None:
    ask = (sys.executable, "-m", "twinlab", "--help")
    said = subprocess.run(ask, capture_output=True, text=True, check=True)
    assert "Usage: scripts/lab " in said.stdout
    assert "twinlab" not in said.stdout


def test_logs_of_the_lab_take_server_and_service_by_position(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

        def logs(self, service: str) -> str:
            return f"{self.name} {service}\n"

    monkeypatch.setattr(Lab, "server", lambda _self, name: Fake(name))
    monkeypatch.setattr(sys, "argv", ["lab", "logs", "server2", "vsftpd"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out == "server2 vsftpd\n"


def test_no_control_codes_in_what_is_piped_on() -> None:
    assert without_ansi("\033[2K\033[1;31ma\033[0m b\n") == "a b\n"


def test_a_labs_images_are_this_checkouts_own_whatever_make_has_exported() -> None:
    ask = "import os; from twinlab.host import images; print(os.environ['TWINBOOT_VERSION'])"
    env = {**os.environ, "TWINBOOT_VERSION": "9.9.9"}
    said = subprocess.run((sys.executable, "-c", ask), env=env, capture_output=True, text=True, check=True)
    assert said.stdout == f"{VERSION}\n"


@pytest.mark.parametrize(("first", "other"), [(1, 9), (9, 1), (0, 9), (9, 0)])
def test_the_second_lab_begins_when_one_run_has_ended_and_the_run_goes_on(first: int, other: int) -> None:
    """Under `set -e`: whether it ends while it is waited for or has ended before, that is no fault."""
    script = f"""set -euo pipefail
eval "$(sed -n '/^one_ended()/,/^}}/p' scripts/test)"
declare -A pids
sleep {first} & pids[first]=$!
sleep {other} & pids[other]=$!
one_ended first other
alive=0
for pid in "${{pids[@]}}"; do ! kill "$pid" 2>/dev/null || alive=$((alive + 1)); done
echo "$alive goes on"
"""
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1 goes on\n"), done.stderr


def test_a_run_is_followed_that_has_only_just_begun(tmp_path: Path) -> None:
    """Its log is there at once, whenever the process that writes it comes to its turn."""
    (tmp_path / "build").mkdir()
    script = f"""set -euo pipefail
eval "$(sed -n '/^beside()/,/^}}/p;/^follow()/,/^}}/p' {ROOT}/scripts/test)"
declare -A pids
beside one echo said
[ -e build/test-one.log ] || exit 3
follow one
wait "${{pids[one]}}"
"""
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "one: ended after" in done.stdout
