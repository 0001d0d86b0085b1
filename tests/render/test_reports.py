"""What a host's answers ask the install servers before a disk is touched, run by the host's own sh."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kickstart_pre import Machine
from preseeding import Installer, of
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
from rendering import rendered, site, with_profile
from twinboot.installers.reporting import WATCH
from twinboot.machines import reports
from twinboot.machines.reports import Event, Report

OWN, OTHER = "192.168.0.254", "192.168.0.253"


def kickstart(**profile: Any) -> str:
    return rendered(with_profile(**profile)).pub["ks/cli128.ks"]


def asked(machine: Machine) -> list[tuple[str, Report]]:
    """Server and report of each question, as the agent reads it."""
    parts = [urlsplit(url) for url in machine.asked]
    return [(part.netloc, reports.parse(f"{part.path}?{part.query}")) for part in parts]


def disk(machine: Machine) -> Machine:
    machine.disk("vda", "pci0000:00/0000:00:04.0/virtio1")
    return machine


def section(text: str, head: str, containing: str) -> str:
    """The script of a section of a kickstart."""
    found = [part.partition("%end")[0] for part in text.split(f"\n{head}\n")[1:]]
    (script,) = (part for part in found if containing in part)
    return script


def test_an_install_that_is_refused_erases_nothing(tmp_path: Path) -> None:
    machine = disk(Machine(tmp_path / "machine", answer="no it is installed"))
    code, said = machine.run(kickstart())
    assert code == 1
    told = said + ((machine.top / "console").read_text() if (machine.top / "console").exists() else "")
    assert "it is installed. Nothing was erased" in told
    assert "twinboot install cli128" in told
    ((server, question),) = asked(machine)
    assert (server, question.host, question.event) == (OWN, "cli128", Event.START)


def test_an_install_that_may_begin_shows_one_token_to_its_end(tmp_path: Path) -> None:
    machine = disk(Machine(tmp_path / "machine"))
    text = kickstart()
    assert machine.run(text)[0] == 0
    machine.answer = "ok"
    machine.servers()
    for head, what in (("%post --nochroot", "finishing"), ("%post --nochroot", "done")):
        script = machine.moved(section(text, head, what))
        _run(machine, script)
    events = [question.event for _, question in asked(machine)]
    assert events == [Event.START, Event.STEP, Event.DONE]
    assert len({question.token for _, question in asked(machine)}) == 1
    assert not (machine.top / "twinboot-report.d/token").exists(), "so the watch ends"


def test_an_error_brings_the_end_of_the_logs(tmp_path: Path) -> None:
    machine = disk(Machine(tmp_path / "machine"))
    text = kickstart()
    assert machine.run(text)[0] == 0
    machine.answer = "ok"
    machine.servers()
    log = tmp_path / "anaconda.log"
    log.write_text("".join(f"line {n}\n" for n in range(100)) + "no space & <b>left</b> \x1b[31m?\n")
    script = machine.moved(section(text, "%onerror", "error")).replace("/tmp/anaconda.log", str(log))
    _run(machine, script)
    _, last = asked(machine)[-1]
    assert last.event is Event.ERROR
    assert last.words.splitlines()[0] == "line 89"
    assert "no space" in last.words.splitlines()[-1]
    assert len(parse_qs(urlsplit(machine.asked[-1]).query)["words"][0]) < 2000


def test_debian_asks_before_its_hooks_are_there(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", {"ens3": "52:54:00:00:01:29"})
    installer = Installer(machine)
    script = of(site("preseed"), "odd", "twinboot.sh")
    installer.answer("no it is installed")
    refused = installer.run(script)
    assert refused.returncode == 7, "held for ever"
    assert "it is installed. Nothing was erased" in (machine.top / "console").read_text()
    hook = machine.top / "lib/partman/init.d/00twinboot"
    assert not hook.exists()
    installer.answer("go")
    assert installer.run(script).returncode == 0
    assert hook.exists()
    installer.answer("ok")
    ended = installer.run(script, "finish")
    assert ended.returncode == 0, ended.stderr
    told = [(question.host, question.event) for _, question in asked(machine)]
    assert told == [("odd", event) for event in (Event.START, Event.START, Event.STEP, Event.DONE)]
    assert len({question.token for _, question in asked(machine)}) == 1


def _run(machine: Machine, script: str) -> None:
    environment = {"PATH": f"{machine.top}/bin:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", script], check=True, timeout=30, env=environment)


@pytest.mark.parametrize("version", ["RHEL5", "RHEL6", "RHEL7", "RHEL8", "RHEL9", "RHEL10", "F45"])
def test_every_release_reads_the_sections(version: str) -> None:
    text = kickstart(version=version)
    handler = makeVersion(version)
    KickstartParser(handler, missingIncludeIsFatal=False).readKickstartFromString(text)
    assert ("%onerror" in text) == (version not in ("RHEL5", "RHEL6", "RHEL7"))
    assert WATCH in text


def test_answers_of_unknown_machines_do_not_report() -> None:
    text = rendered(site()).pub["ks/rh9-first.ks"]
    assert "/report/" not in text


def test_every_group_is_asked_the_own_one_first() -> None:
    assert f"servers='{OWN} {OTHER}'" in kickstart()
    assert f"servers='{OWN}'" in kickstart(mirror=False)
    assert "servers='ftp.example.lan'" in rendered(site("dns")).pub["ks/cli128.ks"]
