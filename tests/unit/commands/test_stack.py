"""What the site file asks of compose/.env; `render` refuses a stack that was started with something else."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sitechange import GOOD
from twinboot import cli
from twinboot.commands import stack
from twinboot.site import parse

SERIAL = {"kind": "serial", "device": "/dev/ttyS0"}
TAKEOVER = {stack.PROFILES: "takeover", stack.OVERLAY: ""}


def document(*, takeover: object = "on", serial: bool = False, power: bool = False) -> dict[str, Any]:
    made = copy.deepcopy(GOOD)
    if power:
        made["power"] = {"kind": "redfish", "user": "twinboot", "password_file": "secrets/power/bmc"}
        made["hosts"]["cli128"]["power"] = {"address": "10.0.8.128"}
    made["takeover"] = takeover
    if serial:
        for server in made["servers"].values():
            server["links"]["cable"] = SERIAL
    return made


@pytest.mark.parametrize(("takeover", "serial", "profiles", "overlay"), [
    ("on", False, "takeover", ""), ("tickle", False, "takeover", ""), ("off", False, "", ""),
    ({"ftp": "off", "http": "on"}, False, "takeover", ""), ("off", True, "", "serial.yaml"),
])
def test_the_parts_follow_from_the_site(takeover: object, serial: bool, profiles: str, overlay: str) -> None:
    site = parse(document(takeover=takeover, serial=serial))
    assert stack.wanted(site, "server1") == {stack.PROFILES: profiles, stack.OVERLAY: overlay}


def test_power_is_a_part_where_a_host_has_it() -> None:
    site = parse(document(power=True))
    assert stack.wanted(site, "server1")[stack.PROFILES] == "takeover,power"
    assert stack.stale(site, "server1", {stack.PROFILES: "power, takeover"}) == ""
    assert stack.stale(site, "server1", {stack.PROFILES: "*"}) == ""
    assert "takeover,power" in stack.stale(site, "server1", {stack.PROFILES: "takeover"})
    assert stack.stale(parse(document()), "server1", {stack.PROFILES: "takeover,power"})
    assert stack.wanted(parse(document(takeover="off", power=True)), "server1")[stack.PROFILES] == "power"


@pytest.mark.parametrize("given", [
    TAKEOVER, {stack.PROFILES: "other, takeover"}, {stack.PROFILES: "*"}, {stack.OVERLAY: "/dev/null"}, {},
])
def test_what_agrees_is_not_stale(given: dict[str, str]) -> None:
    assert stack.stale(parse(document()), "server1", given) == ""


def test_what_disagrees_is_told_in_one_line_with_its_remedy() -> None:
    said = stack.stale(parse(document(serial=True)), "server1", {stack.PROFILES: "", stack.OVERLAY: ""})
    assert "COMPOSE_PROFILES= where the site file asks for COMPOSE_PROFILES=takeover" in said
    assert "TWINBOOT_OVERLAY= where the site file asks for TWINBOOT_OVERLAY=serial.yaml" in said
    assert "`make up`" in said
    assert "\n" not in said
    off = stack.stale(parse(document(takeover="off")), "server1", TAKEOVER)
    assert "COMPOSE_PROFILES=takeover where the site file asks for COMPOSE_PROFILES=:" in off
    assert stack.stale(parse(document()), "server9", {stack.PROFILES: ""}) == "", "render names that itself"


def test_render_refuses_before_it_changes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(document()))
    places = {"--config": tmp_path, "--out-etc": tmp_path / "etc", "--out-pub": tmp_path / "pub",
              "--trees": tmp_path}
    words = ["render", "--server", "server1", *(str(word) for pair in places.items() for word in pair)]

    def run(profiles: str) -> int:
        monkeypatch.setenv("COMPOSE_PROFILES", profiles)
        monkeypatch.setattr(sys, "argv", ["twinboot", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    assert run("") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "make up" in said.err
    assert not (tmp_path / "etc").exists()
    assert run("takeover") == 0
    assert (tmp_path / "etc/current").is_dir()


def test_parts_prints_lines_of_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(document(serial=True)))
    monkeypatch.setattr(sys, "argv", [
        "twinboot", "parts", "--server", "server1", "--site", str(tmp_path / "site.yaml")])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out == "COMPOSE_PROFILES=takeover\nTWINBOOT_OVERLAY=serial.yaml\n"
