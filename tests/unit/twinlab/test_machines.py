"""The lab's clients and the demo's machines: how they are made, waited for, and where they belong."""

from __future__ import annotations

import copy
from ipaddress import IPv4Address, IPv4Network

import pytest
from twinlab import LabError
from twinlab.demo.machines import Machine
from twinlab.demo.proof import home_of
from twinlab.host import client, labsite
from twinlab.host.client import Client
from twinlab.host.engine import Result
from twinlab.host.images import CLIENT_IMAGE
from twinlab.host.layout import Layout

LAYOUT = Layout("lab", IPv4Network("192.168.7.0/24"), IPv4Address("192.168.7.1"), None, 7)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    made: list[tuple[str, ...]] = []

    def docker(*words: str, **_: object) -> Result:
        made.append(words)
        return Result(words, 0, "", "")

    monkeypatch.setattr(client, "docker", docker)
    return made


def test_start_run_and_machine_make_the_same_container(calls: list[tuple[str, ...]]) -> None:
    how: client.Options = {
        "name": "a", "mac": "52:54:00:00:00:01", "ip": "192.168.7.9", "dns": ["192.168.7.253"],
    }  # fmt: skip
    client.start(LAYOUT, "true", **how)
    client.run(LAYOUT, ["true"], **how)
    with client.machine(LAYOUT, "true", **how):
        pass
    started, ran, removed, machine, gone = calls
    assert started[:2] == machine[:2] == ("run", "-d")
    assert ran[:2] == ("run", "--rm")
    assert started[2:] == ran[2:] == machine[2:]
    assert started[-2:] == (CLIENT_IMAGE, "true")
    for option, value in (
        ("--name", "lab-a"), ("--mac-address", "52:54:00:00:00:01"), ("--ip", "192.168.7.9"),
        ("--dns", "192.168.7.253"), ("--network", "lab-lan"),
    ):  # fmt: skip
        assert started[started.index(option) + 1] == value
    assert removed[:1] == gone[:1] == ("rm",)


def test_a_client_of_another_image_with_more_options(calls: list[tuple[str, ...]]) -> None:
    client.start(LAYOUT, image="vm", extra=("--device", "/dev/kvm"))
    assert calls[0][-3:] == ("--device", "/dev/kvm", "vm")
    assert "--ip" not in calls[0]


def test_waiting_for_a_machine_ends_with_its_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "logs", lambda _self: "its last words")
    machine = Machine("cli128", Client("x"), None, None)  # type: ignore[arg-type]
    machine.events["complete"] = {}
    machine.over = True
    machine.wait_for("complete", timeout_s=1)
    with pytest.raises(LabError, match=r"ended before 'first-boot': its machine stopped\nits last words"):
        machine.wait_for("first-boot", timeout_s=1)
    machine.events["failed"] = {"reason": "no disk"}
    with pytest.raises(LabError, match="before its boot: no disk"):
        machine.wait_for("first-boot", "its boot", timeout_s=1)


def test_a_machine_belongs_to_the_first_server_of_its_group_whatever_its_name() -> None:
    site = labsite.prepare(None, 2)
    assert (home_of(site, "cli129"), home_of(site, "cli128")) == ("server1", "server2")
    other = copy.deepcopy(site)
    other["servers"] = {f"box-{name}": server for name, server in site["servers"].items()}
    for group in other["groups"].values():
        group["order"] = [f"box-{name}" for name in group["order"]][::-1]
    assert (home_of(other, "cli129"), home_of(other, "cli128")) == ("box-server2", "box-server1")
