"""A new generation of rendered files: what differs is restarted, once, and nothing else is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from agentfakes import FakeEngine, until
from twinboot.agent import reload
from twinboot.agent.health.services import Services
from twinboot.agent.reload import Generations, Reloader
from twinboot.core.model import ServiceState


def generation(root: Path, name: str, **services: str) -> None:
    """Write a generation and switch to it as the writer does."""
    for service, text in services.items():
        folder = root / name / service
        folder.mkdir(parents=True)
        (folder / "conf").write_text(text)
    link = root / "current.new"
    link.symlink_to(name)
    link.rename(root / "current")


def test_only_what_differs_is_named_the_sidecar_last(tmp_path: Path) -> None:
    generation(tmp_path, "1", bind="a", vsftpd="a", sidecar="a")
    seen = Generations(tmp_path / "current")
    assert seen.changed() == ()
    generation(tmp_path, "2", bind="b", vsftpd="a", sidecar="b")
    assert seen.changed() == ("bind", "sidecar")
    assert seen.changed() == ("bind", "sidecar"), "until it is applied"
    seen.applied("bind")
    seen.applied("sidecar")
    assert seen.changed() == ()


def test_a_generation_of_equal_files_changes_nothing(tmp_path: Path) -> None:
    generation(tmp_path, "1", bind="a")
    seen = Generations(tmp_path / "current")
    generation(tmp_path, "2", bind="a")
    assert seen.changed() == ()


def test_a_missing_generation_is_no_error(tmp_path: Path) -> None:
    seen = Generations(tmp_path / "current")
    assert seen.changed() == ()
    generation(tmp_path, "1", bind="a")
    assert seen.changed() == ("bind",)


def test_reloader_restarts_once_and_retries_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "POLL_EVERY_S", 0.02)

    async def scenario() -> None:
        generation(tmp_path, "1", bind="a", dhcpd="a", sidecar="a")
        containers = FakeEngine()
        services = Services(("dhcpd",), containers, lambda _event: None)
        own: list[str] = []
        reloader = Reloader(Generations(tmp_path / "current"), services, lambda: own.append("changed"))
        reloader.arm()
        generation(tmp_path, "2", bind="b", dhcpd="b", sidecar="b")
        containers.fault = "busy"
        await until(lambda: own == ["changed"], "the sidecar is told of its own files")
        assert containers.restarted == []
        containers.fault = ""
        await until(lambda: containers.restarted == ["bind"], "bind is restarted; dhcpd does not run here")
        containers.states_now["dhcpd"] = ServiceState.RUNNING
        generation(tmp_path, "3", bind="b", dhcpd="c", sidecar="b")
        await until(lambda: containers.restarted == ["bind", "dhcpd"], "dhcpd is restarted where it runs")
        reloader.close()
        services.close(1)
        assert own == ["changed"]

    asyncio.run(scenario())
