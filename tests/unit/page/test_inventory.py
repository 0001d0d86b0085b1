"""The inventory of Ansible: all pages, of the first server that answers."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakesidecar import FakeSidecar, machine
from fastapi.testclient import TestClient

FOLDER = Path(__file__).parents[3] / "config/examples/ansible"


@pytest.fixture
def script(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Its names; a server whose address ends with 9 does not answer, others are the page."""
    for name in ("TWINBOOT_CA", "TWINBOOT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    names = runpy.run_path(str(FOLDER / "twinboot_inventory.py"))

    def ask(url: str, path: str) -> Any:
        if url.endswith("9"):
            raise OSError("no route to host")
        return client.get(f"/api/v1/{path}").json()

    for function in ("machines", "main"):
        names[function].__globals__["ask"] = ask
        names[function].__globals__["PAGE"] = 2
    return names


def test_all_machines_are_in_it_with_groups_by_profile_address_and_state(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TWINBOOT_URL", "http://192.168.0.9, http://192.168.0.253")
    assert script["main"](["--list"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["profile_rh9"]["hosts"] == [f"cli{number}" for number in range(1, 6)]
    assert found["group_second"]["hosts"] == ["cli2", "cli4"]
    assert found["state_done"]["hosts"] == ["cli1", "cli3", "cli5"]
    assert found["_meta"]["hostvars"]["cli2"]["ansible_host"] == "192.168.0.2"


def test_what_is_missing_or_down_is_one_line(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TWINBOOT_URL", raising=False)
    assert script["main"]([]) == 2
    monkeypatch.setenv("TWINBOOT_URL", "http://192.168.0.9")
    assert script["main"]([]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "no server answers: http://192.168.0.9: no route to host"


def test_a_machine_without_address_or_with_an_odd_profile_breaks_nothing(
    script: dict[str, Any], sidecar: FakeSidecar
) -> None:
    assert sidecar.answers is not None
    odd = machine(7, addresses=[], profile="rhel-9.4", group="")
    found = script["inventory"]([odd])
    assert found["profile_rhel_9_4"]["hosts"] == ["cli7"]
    assert found["_meta"]["hostvars"]["cli7"]["ansible_host"] == "cli7"


def test_a_token_does_not_go_over_plain_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("twinboot_x\n")
    monkeypatch.setenv("TWINBOOT_TOKEN_FILE", str(tmp_path / "token"))
    names = runpy.run_path(str(FOLDER / "twinboot_inventory.py"))
    with pytest.raises(OSError, match="https:// alone"):
        names["ask"]("http://192.0.2.1", "version")


def test_the_playbook_erases_nobody_who_was_not_named() -> None:
    (play,) = yaml.safe_load((FOLDER / "reinstall.yml").read_text())
    first = play["tasks"][0]["ansible.builtin.assert"]
    assert first["that"] == "ansible_limit is defined"
