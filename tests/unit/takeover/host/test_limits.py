"""What a kernel or engine does not give reaches the agent as an alarm of its kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twinboot.errors import ResourceError
from twinboot.takeover.host import start
from twinboot.takeover.host.capabilities import Capabilities
from twinboot.takeover.host.claim.moves import TakeoverMode
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.wire.ipc.takeover import Reply, parse_takeover_line

MODES = {ConnectionKind.FTP_CONTROL: TakeoverMode.ON, ConnectionKind.HTTP: TakeoverMode.ON}


class Rules(start.NftablesRules):
    """This kernel's nftables, of which the last parts are missing."""

    def __init__(self) -> None:
        self.missing_feature = "no socket expression"

    def install_input_hold(self, services: object) -> None:
        raise ResourceError("nftables", "no queue")


def failing(reason: str) -> Any:
    def made(*_: object) -> None:
        raise ResourceError("it", reason)

    return made


def codes(made: Capabilities) -> list[str]:
    return [limit.kind.code for limit in made.limits]


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "Capture", lambda _interface: object())
    monkeypatch.setattr(start.tcp_repair, "unavailable_reason", lambda: "")
    monkeypatch.setattr(start, "NetfilterLog", lambda: object())
    monkeypatch.setattr(start.connection_tracking, "unavailable_reason", lambda: "")
    monkeypatch.setattr(start, "NftablesRules", Rules)


def test_each_limit_has_its_kind_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    made = start.capabilities_of("eth0", MODES)
    assert codes(made) == ["takeover-refuses-at-start", "takeover-input-not-held"]
    assert "no socket expression" in made.limits[0].text
    assert "no queue" in made.limits[1].text
    monkeypatch.setattr(start.tcp_repair, "unavailable_reason", lambda: "no TCP_REPAIR")
    made = start.capabilities_of("eth0", MODES)
    assert codes(made) == ["takeover-refuses-at-start", "takeover-by-reset"]
    assert "no TCP_REPAIR" in made.limits[1].text
    monkeypatch.setattr(start.connection_tracking, "unavailable_reason", lambda: "tcp_loose=0")
    made = start.capabilities_of("eth0", MODES)
    assert codes(made) == ["takeover-refuses-at-start", "takeover-by-reset", "takeover-untracked"]
    assert "tcp_loose=0" in made.limits[2].text
    monkeypatch.setattr(start, "Capture", failing("no packet socket"))
    made = start.capabilities_of("eth0", MODES)
    assert codes(made) == ["takeover-blind", "takeover-refuses-at-start"]
    assert "no packet socket" in made.limits[0].text


def test_the_agent_reads_what_the_process_reports() -> None:
    made = start.capabilities_of("eth0", MODES)
    limits = [limit.as_pair() for limit in made.limits]
    word = parse_takeover_line(json.dumps({"id": 1, "report": {"limits": limits}}).encode())
    assert isinstance(word, Reply)
    assert word.report is not None
    assert word.report.limits == tuple(limits)
    assert [code for code, _ in limits] == codes(made)
