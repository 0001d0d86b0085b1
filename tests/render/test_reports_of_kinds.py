"""What answers of each installer kind ask before a disk is touched, and what they report, run by the host's
own sh on a machine to be: Ubuntu, SUSE 15 and 16, and images of an operator's own."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from autoinstalling import Live, told, ubuntu
from kickstart_pre import Machine
from pre_scripts import HELD, run
from rendering import KINDS, TEMPLATES, document, rendered, site
from test_reports import asked, disk
from twinboot.installers.autoyast.xml_text import profile_of
from twinboot.kinds import INSTALLERS
from twinboot.machines import facts
from twinboot.machines.reports import Event
from twinboot.planning.plan import SitePlan
from twinboot.render.machine_facts import machine_facts
from twinboot.site import SiteError, parse

WHOLE = [Event.START, Event.STEP, Event.DONE]


def events(machine: Machine) -> list[Event]:
    reports = [report for _, report in asked(machine)]
    assert len({one.token for one in reports}) <= 1, "one token from the question to the end"
    return [one.event for one in reports]


def host_files(kind: str) -> str:
    """The answers of the first host of the kind's example."""
    of = site(kind)
    (name, *_) = of.hosts
    files = rendered(of).pub
    return next(text for path, text in files.items() if re.search(f"answers/{kind}/{name}[./]", path))


def test_ubuntu_asks_before_it_looks_at_disks(tmp_path: Path) -> None:
    config = told(ubuntu(), "odd")
    machine = disk(Machine(tmp_path, answer="no it is installed"))
    live = Live(machine)
    assert live.boot(config)
    assert live.early(config) is None
    assert "it is installed. Nothing was erased" in (tmp_path / "console").read_text()
    live.failed(config)
    assert events(machine) == [Event.START], "what was not let begin has not failed"
    machine.answer = "go"
    assert live.early(config) is not None
    machine.answer = "ok"
    live.late(config)
    assert events(machine) == [Event.START, *WHOLE]


def test_ubuntu_says_why_it_has_failed(tmp_path: Path) -> None:
    config, machine = told(ubuntu(), "odd"), Machine(tmp_path)
    live = Live(machine)
    assert live.boot(config)
    assert live.early(config) is None, "there is no disk"
    logs = tmp_path / "var/log/installer"
    logs.mkdir(parents=True)
    (logs / "subiquity-server-info.log").write_text("".join(f"line {at}\n" for at in range(50)))
    machine.answer = "ok"
    live.failed(config)
    _, last = asked(machine)[-1]
    assert last.event is Event.ERROR
    assert "line 49" in last.words.splitlines()
    assert "the disk of this install is not there" in last.words.splitlines()[-1]


def test_nothing_of_an_operators_runs_before_the_question_or_after_the_end() -> None:
    own = {"early-commands": ["mine"], "late-commands": ["mine"], "error-commands": ["mine"]}
    found = told(ubuntu(autoinstall=own), "odd")["autoinstall"]
    told_last = "[ ! -e /tmp/twinboot-report ] || sh /tmp/twinboot-report done"
    assert found["early-commands"] == ["sh /run/twinboot/early.sh", "mine"]
    assert found["late-commands"] == ["sh /run/twinboot/late.sh", "mine", told_last]
    assert found["error-commands"][1:] == ["mine"]
    unknown = told(ubuntu(autoinstall=own), "noble-first")["autoinstall"]
    assert unknown["late-commands"] == ["sh /run/twinboot/late.sh", "mine"]
    assert unknown["error-commands"] == ["mine"]


def test_a_template_of_ubuntu_that_would_not_ask_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "autoinstall").mkdir()
    template = tmp_path / "autoinstall/mine.j2"
    options = {"templates": (tmp_path, *TEMPLATES)}
    template.write_text("#cloud-config\nautoinstall: {version: 1}\n")
    with pytest.raises(SiteError) as caught:
        rendered(ubuntu(template="mine.j2"), **options)
    assert {fault.value for fault in caught.value.faults} == {
        "sh /run/twinboot/early.sh", "/run/twinboot/early.sh", "/run/twinboot/report.sh"
    }  # fmt: skip
    template.write_text("#cloud-config\n{{ config }}")
    assert told(ubuntu(template="mine.j2"), "odd", **options)["autoinstall"]["early-commands"]


def agama_scripts(group: str) -> dict[str, str]:
    found = json.loads(host_files("agama"))["scripts"][group]
    return {one["name"]: one["content"] for one in found}


def test_agama_holds_until_it_may_begin(tmp_path: Path) -> None:
    before = agama_scripts("pre")
    assert list(before)[:2] == ["twinboot-ask.sh", "twinboot-disks.sh"]
    machine = disk(Machine(tmp_path / "machine", answer="no it is installed"))
    code, said = run(machine, *before.values())
    assert code == HELD
    assert "it is installed. Nothing was erased" in said
    assert not (machine.top / "dev/twinboot").exists()
    machine.answer = "go"
    assert run(machine, *before.values())[0] == 0
    assert (machine.top / "dev/twinboot").exists()
    machine.answer = "ok"
    after = agama_scripts("post")
    run(machine, after["twinboot-finishing.sh"], after["twinboot-done.sh"])
    assert events(machine) == [Event.START, *WHOLE]


def test_a_script_that_holds_says_why(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    code, _ = run(machine, *agama_scripts("pre").values())
    assert code == HELD
    _, last = asked(machine)[-1]
    assert last.event is Event.ERROR
    assert "the disk of this install is not there" in last.words


def test_agama_is_watched(tmp_path: Path) -> None:
    """Bytes and packages while they are written, and its last words when its service ends before the end."""
    machine = disk(Machine(tmp_path / "machine"))
    assert run(machine, agama_scripts("pre")["twinboot-ask.sh"])[0] == 0
    top = machine.top
    machine.program("sleep", f'echo >>{top}/slept; [ "$(wc -l <{top}/slept)" -lt 9 ]')
    machine.program("systemctl", f'[ "$(wc -l <{top}/slept)" -lt 3 ]')
    machine.program("journalctl", "echo no space left on device")
    machine.program("df", "echo '/dev/sda2 9000 4321 4679 49% /mnt'")
    history = top / "mnt/var/log/zypp/history"
    history.parent.mkdir(parents=True)
    history.write_text("2026-01-01 00:00:00|command|root|\n" + "2026-01-01 00:00:01|install|vim|9\n" * 3)
    (top / "proc").mkdir()
    (top / "proc/mounts").write_text(f"/dev/sda2 {top}/mnt ext4 rw 0 0\n")
    run(machine, f"sh {'/tmp/twinboot-report'} watch")
    progress, last = asked(machine)[1][1], asked(machine)[-1][1]
    assert (progress.event, progress.number, progress.kib) == (Event.PROGRESS, 3, 4321)
    assert (last.event, last.words) == (Event.ERROR, "no space left on device")
    assert len(asked(machine)) == 4, "and no more is said"


def yast_scripts(group: str) -> dict[str, str]:
    found = profile_of(host_files("autoyast")).iterfind(f"scripts/{group}/script")
    return {one.findtext("filename") or "": one.findtext("source") or "" for one in found}


def run_hook(machine: Machine, hook: Path) -> None:
    path = f"{machine.servers()}:/usr/bin:/bin"
    subprocess.run(["sh", str(hook)], check=True, timeout=30, env={"PATH": path})


@contextmanager
def watching(machine: Machine) -> Iterator[None]:
    """The script that watches runs, so that others find its root."""
    watch = subprocess.Popen(["sh", f"{machine.top}/tmp/twinboot-report", "watch"])
    try:
        yield
    finally:
        watch.kill()
        watch.wait()


def test_yast_asks_and_is_heard_from_the_new_systems_root(tmp_path: Path) -> None:
    before, after = yast_scripts("pre-scripts"), yast_scripts("chroot-scripts")
    asking = before["twinboot-ask.sh"]
    machine = Machine(tmp_path / "machine", answer="no it is installed")
    hooks = machine.top / "var/lib/YaST2/hooks/installation"
    hooks.mkdir(parents=True)
    code, said = run(machine, asking)
    assert code == HELD
    assert "it is installed. Nothing was erased" in said
    machine.answer = "go"
    assert run(machine, asking)[0] == 0
    machine.answer = "ok"
    machine.program("chroot", 'shift\nexec "$@"')
    with watching(machine):
        run(machine, after["twinboot-finishing.sh"], after["twinboot-end.sh"])
        assert events(machine) == [Event.START, Event.START, Event.STEP], "the boot loader is not there yet"
        (hook,) = hooks.glob("before_umount_finish_[0-9][0-9]_*")
        run_hook(machine, hook)
    assert events(machine) == [Event.START, *WHOLE]
    assert not hook.exists(), "nothing is left in the new system"


def test_yast_that_has_failed_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    logs = machine.top / "var/log/YaST2"
    logs.mkdir(parents=True)
    lines = ["<1> n(1) [Ruby] a.rb:1 fine", "<3> n(1) [storage] b.cc:2 no space left", "<1> n(1) [x] y:1 z"]
    (logs / "y2log").write_text("".join(f"2026-01-01 00:00:00 {line}\n" for line in lines))
    assert run(machine, yast_scripts("pre-scripts")["twinboot-ask.sh"])[0] == 0
    machine.answer = "ok"
    (hook,) = (machine.top / "var/lib/YaST2/hooks/installation").glob("installation_failure_[0-9][0-9]_*")
    run_hook(machine, hook)
    _, last = asked(machine)[-1]
    assert last.event is Event.ERROR
    assert "no space left" in last.words
    assert "fine" not in last.words


@pytest.mark.parametrize("kind", KINDS)
def test_answers_of_unknown_machines_do_not_report(kind: str) -> None:
    for path, text in rendered(site(kind)).pub.items():
        owner = re.search(r"answers/[a-z]+/([^/.]+)", path)
        if owner is not None and owner[1] not in site(kind).hosts:
            assert "/report/" not in text


# Images of an operator's own --------------------------------------------------------------------------------


def custom(**profile: Any) -> Any:
    changed = document("custom")
    changed["profiles"]["appliance"] |= profile
    return parse(changed)


@pytest.fixture
def templates(tmp_path: Path) -> tuple[Path, ...]:
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom/settings.ini.j2").write_text("#!/bin/sh\n# {{ report }}\n{{ report_script }}")
    return (tmp_path, *TEMPLATES)


def test_an_image_of_ones_own_may_report(templates: tuple[Path, ...], tmp_path: Path) -> None:
    of = custom(kernel_args=["report={report}"])
    found = rendered(of, templates=templates).pub
    url = "http://install.example.lan/report/one"
    assert f"report={url}" in found["tftp/pxelinux.cfg/host.one"]
    text = found["answers/custom/one/hello"]
    assert f"# {url}\n" in text
    assert "report" not in found["answers/custom/appliance/hello"].replace("None", "")
    machine = Machine(tmp_path / "machine")
    calls = "".join(f"sh /tmp/twinboot-report {what}\n" for what in ("start", "finishing", "done"))
    assert run(machine, text)[0] == 0
    assert run(machine, calls)[0] == 0
    assert events(machine) == WHOLE


def test_a_placeholder_of_machines_means_nothing_to_unknown_ones() -> None:
    changed = document("custom")
    changed["profiles"]["memtest"]["kernel_args"] = ["report={report}"]
    with pytest.raises(SiteError, match="report"):
        parse(changed)


@pytest.mark.parametrize(
    ("profile", "once"),
    [({}, False), ({"once": True}, True), ({"disks": "largest"}, True), ({"post": "true"}, True),
     ({"disks": "largest", "once": False}, False), ({"ssh_keys": []}, False)],
)  # fmt: skip
def test_what_may_erase_is_not_repeated_by_itself(profile: dict[str, Any], once: bool) -> None:
    found = facts.decode(machine_facts(SitePlan(custom(**profile))))["one"]
    assert (found.once, found.reports) == (once, False)


def test_the_facts_follow_from_the_kind(tmp_path: Path) -> None:
    reporting = set()
    for kind in (*KINDS, "parity"):
        of = site(kind)
        for one in facts.decode(machine_facts(SitePlan(of))).values():
            profile = of.profiles[one.profile]
            declared = INSTALLERS.get(profile.installer)
            assert (one.once, one.reports) == (declared.once(profile), declared.reports)
            if one.reports:
                assert one.once
                reporting.add(kind)
    assert len(reporting) > 1
    with pytest.raises(SiteError, match="let begin once"):
        parse({**document("autoinstall"), "profiles": {
            name: {**one, "once": False} for name, one in document("autoinstall")["profiles"].items()
        }})  # fmt: skip


def test_limits_of_a_profile_count_before_the_sites() -> None:
    changed = {**document("custom"), "limits": {"loader_s": 60, "packages_s": 120}}
    changed["profiles"]["appliance"]["limits"] = {"packages_s": 3600}
    found = facts.decode(machine_facts(SitePlan(parse(changed))))
    assert found["one"].limits == {"loader": 60, "packages": 3600}
    assert found["two"].limits == {"loader": 60, "packages": 120}
