"""The engine cannot be asked for a while: nothing is held against the service when it can be again."""

from __future__ import annotations

from twinboot.core.health import managed as services
from twinboot.core.health.managed import BACKOFF_S, Command, ManagedService
from twinboot.core.model import ServiceState


def asked_for() -> ManagedService:
    return services.command_issued(
        services.set_wanted(ManagedService("dhcpd", "first"), True), Command.START, 0.0
    )


def test_pauses_that_grew_while_the_engine_was_away_are_forgotten_when_it_is_back() -> None:
    service, now = asked_for(), 0.0
    for _ in range(10):
        service = services.observe(service, ServiceState.UNKNOWN, "no engine", now)
        assert service.retry_at is not None
        now = service.retry_at
        service = services.command_issued(service, Command.START, now)
    service = services.observe(service, ServiceState.UNKNOWN, "no engine", now)
    stopped = services.observe(service, ServiceState.STOPPED, "", now)
    assert services.due_command(stopped, now + BACKOFF_S) is Command.START
    service = services.observe(service, ServiceState.RUNNING, "", now)
    service = services.observe(service, ServiceState.STOPPED, "", now + 1.0)
    assert service.retry_at == now + 1.0 + BACKOFF_S, "killed afterwards, it is started again soon"


def test_a_service_that_ends_again_and_again_does() -> None:
    service, now, pauses = asked_for(), 0.0, []
    for _ in range(4):
        service = services.observe(service, ServiceState.STOPPED, "it ended", now)
        assert service.retry_at is not None
        pauses.append(service.retry_at - now)
        now = service.retry_at
        service = services.command_issued(service, Command.START, now)
    assert pauses == [BACKOFF_S, 2 * BACKOFF_S, 4 * BACKOFF_S, 8 * BACKOFF_S]
