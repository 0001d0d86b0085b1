"""Machines that are offered no boot file are named, with what they say and why."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from bootfacts import FACTS
from rendering import rendered, site
from twinboot.agent.dhcp.unbootable import (
    FORGET_AFTER_S,
    MAX_CLIENTS,
    MAX_TOLD,
    UnbootableMachines,
    read_refusals,
)
from twinboot.loaders.refusals import decode, refusals
from twinboot.planning.plan import SitePlan
from twinboot.wire.net.dhcp import SNOOPER_MAC, DhcpMessage, MessageType

NOBODY = IPv4Address(0)
KNOWN, UNKNOWN = bytes.fromhex("525400000128"), bytes.fromhex("525400000b01")
PLAN = SitePlan(site(), boot=FACTS)
REFUSALS = refusals(PLAN, IPv4Address("192.168.0.251"))
ARM64 = {93: b"\0\x0b", 60: b"PXEClient:Arch:00011:UNDI:003000"}


def discover(said: dict[int, bytes], mac: bytes = UNKNOWN) -> DhcpMessage:
    return DhcpMessage(MessageType.DISCOVER, mac, mac, NOBODY, NOBODY, NOBODY, said)


def told(machines: UnbootableMachines, now: float = 1.0) -> list[tuple[str, str]]:
    return [(one.subject, one.text) for one in machines.alarm_conditions(now)]


@pytest.mark.parametrize("mac", [KNOWN, UNKNOWN])
def test_a_machine_that_nothing_is_for_is_named(mac: bytes) -> None:
    machines = UnbootableMachines(REFUSALS)
    machines.observe(discover(ARM64, mac), 1.0)
    [(subject, text)] = told(machines)
    assert subject == mac.hex(":")
    for word in (subject, "UEFI arm64", "PXEClient:Arch:00011", "kernel of tree rh9 is for x64"):
        assert word in text
    assert told(machines, 1.0 + FORGET_AFTER_S + 1) == []


@pytest.mark.parametrize(
    "said", [{}, {93: b"\0\0"}, {93: b"\0\7"}, {93: b"\0\x10", 60: b"HTTPClient"}, {60: b"MSFT 5.0"},
             {60: b"dhcpcd-9"}, {93: b"\0\7", 77: b"iPXE"}]
)  # fmt: skip
def test_who_gets_something_or_asks_for_nothing_is_not(said: dict[int, bytes]) -> None:
    machines = UnbootableMachines(REFUSALS)
    machines.observe(discover(said), 1.0)
    assert told(machines) == []


def test_a_type_that_nobody_knows() -> None:
    machines = UnbootableMachines(REFUSALS)
    machines.observe(discover({93: b"\0\x15", 60: b"U-Boot\x1b[2J" + b"x" * 99}), 1.0)
    [(_, text)] = told(machines)
    assert "U-Boot arm32" in text
    assert text.isprintable()
    assert len(text) < 250


def test_it_is_no_news_any_more_when_the_machine_says_something_else() -> None:
    machines = UnbootableMachines(REFUSALS)
    machines.observe(discover(ARM64), 1.0)
    machines.observe(discover({93: b"\0\7"}), 2.0)
    assert told(machines, 2.0) == []


def test_a_flood_is_bounded_and_the_snooper_s_own_question_is_none() -> None:
    machines = UnbootableMachines(REFUSALS)
    machines.observe(discover(ARM64, SNOOPER_MAC), 1.0)
    assert told(machines) == []
    for number in range(MAX_CLIENTS + 50):
        machines.observe(discover(ARM64, number.to_bytes(6, "big")), 1.0)
    assert len(machines._refused) == MAX_CLIENTS
    assert len(told(machines)) == MAX_TOLD
    request = replace(discover(ARM64), message_type=MessageType.REQUEST)
    machines.observe(request, 1.0)


def test_the_rendered_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "boot.json"
    path.write_text(rendered(site(), "server1", boot=FACTS).etc["sidecar/boot.json"])
    assert read_refusals(path) == REFUSALS
    for text in ("", "[]", "{}", "null", "{"):
        with pytest.raises(ValueError, match=r"refusals|Expecting"):
            decode(text)
        path.write_text(text)
        assert not read_refusals(path).why
    assert not read_refusals(tmp_path / "nothing").why
