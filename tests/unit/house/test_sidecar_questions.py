"""Scripts that ask a sidecar which is being replaced, or restarts, meanwhile: the code is the server's, not
the exec's.

Docker is a script here that plays the restart, for what is tested is the scripts' own way with exit codes.
The real thing is in tests/lab/operator/test_make_up.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKER = """#!/bin/sh
# Each question takes the next line of $PLAY: exit code, then what is said. The last one stays.
case " $* " in *" exec "*) ;; *" ps "*) echo c1; exit ;; *) echo "$@" >>"$CALLS"; exit ;; esac
echo "$@" >>"$CALLS"
line=$(head -n 1 "$PLAY")
[ "$(wc -l <"$PLAY")" = 1 ] || sed -i 1d "$PLAY"
code=${line%% *} said=${line#* }
if [ "$code" = 0 ]; then echo "$said"; else echo "$said" >&2; fi
exit "$code"
"""
ACTIVE, OLD = '0 {"state": "active", "settled": true}', '0 {"state": "active", "settled": false}'
KILLED, GONE = "137 ", "1 the container is not running"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("scripts/sidecar.sh", "scripts/down", "scripts/twinboot"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose/.env").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(DOCKER)
    (tmp_path / "bin/docker").chmod(0o755)
    (tmp_path / "bin/sleep").write_text("#!/bin/sh\n")
    (tmp_path / "bin/sleep").chmod(0o755)
    return tmp_path


def run(folder: Path, script: str, *play: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The script, while the sidecar answers as the play says; and what Docker was told."""
    (folder / "play").write_text("\n".join(play) + "\n")
    (folder / "calls").write_text("")
    env = {
        **os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "CALLS": str(folder / "calls"),
        "PLAY": str(folder / "play"), "SETTLE_S": "2",
    }
    done = subprocess.run(("sh", "-euc", script), cwd=folder, env=env, capture_output=True, text=True)
    return done, (folder / "calls").read_text().splitlines()


SETUP = "compose='docker compose'; . scripts/sidecar.sh; "


@pytest.mark.parametrize("restart", [(KILLED,), (GONE, GONE), (KILLED, GONE, KILLED)])
def test_a_restart_under_the_last_status_is_no_fault(folder: Path, restart: tuple[str, ...]) -> None:
    done, _ = run(folder, SETUP + "show_status", *restart, "0 server1 of rack1: active")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "server1 of rack1: active\n"


def test_a_sidecar_that_stays_away_is_one(folder: Path) -> None:
    done, _ = run(folder, SETUP + "show_status", "1 twinboot: the agent does not run on this server")
    assert done.returncode == 1
    assert "does not run" in done.stderr


def test_up_waits_for_the_life_that_works_with_the_new_file(folder: Path) -> None:
    starting = '0 {"state": "starting", "settled": true}'
    done, calls = run(folder, SETUP + "wait_settled", OLD, KILLED, GONE, starting, ACTIVE)
    assert done.returncode == 0
    assert len(calls) == 5
    assert run(folder, SETUP + "wait_settled", OLD)[0].returncode == 1
    older_release = '0 {"state": "active", "site": null}'
    assert run(folder, SETUP + "wait_settled", older_release)[0].returncode == 0


REFUSED = "1 twinboot: standby: server2 would take group first and could not serve it: dhcpd"


def test_down_asks_first_and_stops_nothing_when_it_is_refused(folder: Path) -> None:
    done, calls = run(folder, "scripts/down", KILLED, REFUSED)
    assert done.returncode == 1
    assert "server2 would take group first and could not serve it: dhcpd" in done.stderr
    assert "make down FORCE=1" in done.stderr
    assert not [one for one in calls if " stop " in one or " down " in one]


@pytest.mark.parametrize(
    ("words", "play"),
    [
        ("--force", (REFUSED,)),
        ("", ("0 it may hand over",)),
        ("", ("2 No such option: --ask",)),
        ("", ("1 twinboot: the agent does not run on this server",)),
    ],
    ids=["forced", "allowed", "a sidecar of an older release", "no sidecar"],
)
def test_else_it_stops_the_sidecar_first_and_then_the_rest(
    folder: Path, words: str, play: tuple[str, ...]
) -> None:
    done, calls = run(folder, f"scripts/down {words}", *play)
    assert done.returncode == 0, done.stderr
    compose = "compose -f compose/compose.yaml"
    assert calls[-2:] == [
        f"{compose} stop sidecar", f"{compose} --profile takeover --profile power down --remove-orphans"]
