"""The service monitor among stand-ins: what it tells the core, and when; and repairs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from agentfakes import FakeEngine, Server, until
from twinboot.adapters.permit import ServePermit
from twinboot.agent.health import checks
from twinboot.agent.health import services as services_module
from twinboot.agent.health.checks import HealthMonitor
from twinboot.agent.health.services import Services
from twinboot.core.effects import RestartService, StartService, StopService
from twinboot.core.events import Event, ServiceObserved, ServiceProbed
from twinboot.core.model import ServiceState
from twinboot.errors import ResourceError


class Daemons:
    """Probes that can hang."""

    def __init__(self) -> None:
        self.faults = {"one": "", "two": ""}
        self.hang = threading.Event()
        self.hanging: set[str] = set()
        self.told: list[Event] = []
        self.unwanted: set[str] = set()
        self.watch = HealthMonitor(
            {name: lambda name=name: self._probe(name) for name in self.faults},  # type: ignore[misc]
            wanted=lambda name: name not in self.unwanted, handle=self.told.append)

    def _probe(self, name: str) -> str:
        if name in self.hanging:
            self.hang.wait(60)
            return "no answer"
        return self.faults[name]

    def count(self, event: Event) -> int:
        return self.told.count(event)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CHECK_EVERY_S", 0.02), ("RECHECK_EVERY_S", 0.01), ("FIRST_CHECK_S", 0.0)):
        monkeypatch.setattr(checks, name, value)


def services(scenario: Callable[[Daemons], Awaitable[None]]) -> None:
    async def run() -> None:
        daemons = Daemons()
        daemons.watch.start()
        try:
            await scenario(daemons)
        finally:
            daemons.hang.set()
            daemons.watch.close()

    asyncio.run(run())


@pytest.mark.usefixtures("fast")
def test_each_probe_is_told_with_its_fault() -> None:
    async def scenario(it: Daemons) -> None:
        await until(lambda: it.count(ServiceProbed("one")) > 1 and it.count(ServiceProbed("two")) > 1, "good")
        it.faults["two"] = "connection refused"
        await until(lambda: it.count(ServiceProbed("two", "connection refused")) > 2, "bad")
        assert it.count(ServiceProbed("one", "connection refused")) == 0

    services(scenario)


@pytest.mark.usefixtures("fast")
def test_one_that_hangs_delays_no_other_and_is_not_asked_twice() -> None:
    async def scenario(it: Daemons) -> None:
        it.hanging.add("one")
        before = it.count(ServiceProbed("two"))
        await until(lambda: it.count(ServiceProbed("two")) > before + 10, "the other goes on")
        assert it.watch._checks["one"]._worker.unfinished == 1
        it.hang.set()
        await until(lambda: it.count(ServiceProbed("one", "no answer")) > 0, "it comes to an end")

    services(scenario)


@pytest.mark.usefixtures("fast")
def test_what_need_not_serve_here_is_not_probed_and_its_last_fault_not_told() -> None:
    async def scenario(it: Daemons) -> None:
        it.hanging.add("one")
        await until(lambda: it.watch._checks["one"]._worker.unfinished == 1, "under way")
        await asyncio.sleep(0.05)
        it.unwanted.add("one")
        it.told.clear()
        it.hang.set()
        await until(lambda: it.count(ServiceProbed("two")) > 5, "others")
        assert not [e for e in it.told if isinstance(e, ServiceProbed) and e.service == "one"]

    services(scenario)


def test_a_repair_survives_an_engine_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_module, "REPAIR_COOLDOWN_S", 0.0)

    async def run() -> None:
        server = Server("server1")
        server.containers.fault = "no container"
        server.services.carry_out(RestartService("vsftpd"))
        await until(lambda: server.services._repairs.unfinished == 0, "tried")
        assert server.containers.restarted == []
        server.containers.fault = ""
        server.services.carry_out(RestartService("vsftpd"))
        await until(lambda: server.containers.restarted == ["vsftpd"], "restarted")

    asyncio.run(run())


def test_an_engine_that_fails_a_start_is_an_alarm_before_the_next_look() -> None:
    async def run() -> None:
        server = Server("server1")
        told: list[Event] = []
        server.containers.fault = "silent"
        server.services._post = told.append
        server.services.carry_out(StopService("dhcpd"))
        await until(lambda: server.services.fault == "silent", "the fault is known")
        await until(lambda: ServiceObserved("dhcpd", ServiceState.UNKNOWN) in told, "the state is unknown")
        server.containers.fault = ""
        server.services.observe()
        await until(lambda: server.services.fault == "", "the fault is over")

    asyncio.run(run())


def test_what_was_restarted_a_moment_ago_is_left_alone() -> None:
    async def run() -> None:
        containers = FakeEngine()
        watched = Services((), containers, lambda _: None)
        for _ in range(3):
            watched.carry_out(RestartService("vsftpd"))
            await until(lambda: watched._repairs.unfinished == 0, "repaired")
        assert containers.restarted == ["vsftpd"]
        watched.close(1.0)

    asyncio.run(run())


def test_repairs_wait_for_each_other_and_keep_no_managed_service_waiting() -> None:
    class Slow(FakeEngine):
        """A daemon that hangs takes long to end."""

        go = threading.Event()

        def restart(self, service: str) -> None:
            if service != "dhcpd":
                self.go.wait(60)
            super().restart(service)

    async def run() -> None:
        containers = Slow()
        containers.states_now["dhcpd"] = ServiceState.RUNNING
        watched = Services(("dhcpd",), containers, lambda _: None)
        for service in ("vsftpd", "vsftpd", "bind", "dhcpd"):
            watched.carry_out(RestartService(service))
        watched.carry_out(StopService("dhcpd"))
        await until(lambda: containers.states_now["dhcpd"] is ServiceState.STOPPED, "dhcpd stops meanwhile")
        assert containers.restarted == ["dhcpd"]
        containers.go.set()
        await until(lambda: watched._repairs.unfinished == 0, "repaired")
        assert containers.restarted == ["dhcpd", "vsftpd", "bind"], "asked for twice, repaired once"
        watched.close(1.0)

    asyncio.run(run())


def test_a_managed_service_is_permitted_before_it_starts_and_not_after_it_stops(tmp_path: Path) -> None:
    """Compose starts its container whenever it likes: the guard reads what the sidecar allows."""
    permit = ServePermit(tmp_path / "serve", IPv4Address("10.0.0.253"))
    at_start: list[str] = []

    class Looking(FakeEngine):
        def start(self, service: str) -> None:
            at_start.append((tmp_path / "serve").read_text())
            super().start(service)

        def stop(self, service: str) -> None:
            at_start.append((tmp_path / "serve").read_text())
            raise ResourceError("engine", "silent")

    async def run() -> None:
        watched = Services(("dhcpd",), Looking(), lambda _: None)
        watched.permits = {"dhcpd": permit}
        watched.carry_out(StartService("dhcpd"))
        watched.carry_out(StopService("dhcpd"))
        await until(lambda: len(at_start) == 2, "started and stopped")
        watched.close(1.0)

    asyncio.run(run())
    assert at_start == ["10.0.0.253\n", ""], "also when the engine does not stop it"
    assert (tmp_path / "serve").stat().st_mode & 0o777 == 0o644
    permit.forget()
    assert not (tmp_path / "serve").exists()


def test_a_permission_that_cannot_be_written_leaves_it_to_the_address(tmp_path: Path) -> None:
    permit = ServePermit(tmp_path / "gone" / "serve", IPv4Address("10.0.0.253"))
    permit.grant()
    permit.withdraw()
    permit.forget()
    assert list(tmp_path.iterdir()) == []
