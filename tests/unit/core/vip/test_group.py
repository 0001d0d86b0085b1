"""The table of allowed moves, and a service's back-off."""

from __future__ import annotations

from itertools import product

import pytest
from twinboot.core.health import managed as services
from twinboot.core.health.managed import Command, ManagedService
from twinboot.core.model import GroupConfig, GroupState, ServiceState
from twinboot.core.vip.group import (
    ALLOWED_TRANSITIONS,
    Group,
    IllegalTransition,
    transition,
    with_announcements,
    with_claim_backoff,
)

CONFIG = GroupConfig("first", ("server1", "server2"), ("dhcpd",))


@pytest.mark.parametrize(("old", "new"), sorted(product(GroupState, GroupState), key=str))
def test_only_the_moves_of_the_table_are_allowed(old: GroupState, new: GroupState) -> None:
    group = Group(CONFIG, old, 1.0, announce=(5.0,), may_serve=True, claim_failures=2)
    if (old, new) in ALLOWED_TRANSITIONS:
        moved = transition(group, new, now=2.0, reason="because")
        assert (moved.state, moved.since, moved.reason, moved.claim_failures) == (new, 2.0, "because", 2)
        assert (moved.announce, moved.may_serve) == ((), False)
    else:
        with pytest.raises(IllegalTransition, match="because"):
            transition(group, new, now=2.0, reason="because")


def test_nobody_holds_without_claiming() -> None:
    assert [old for old, new in ALLOWED_TRANSITIONS if new is GroupState.HELD] == [GroupState.CLAIMING]


def test_the_bar_grows_to_an_hour_and_a_last_resort_is_tried_more_often() -> None:
    group = Group(CONFIG, GroupState.CLAIMING, 0.0)
    pauses, resorts = [], []
    for _ in range(14):
        group = with_claim_backoff(group, 100.0)
        pauses.append((group.claim_backoff_until or 0.0) - 100.0)
        resorts.append((group.last_resort_at or 0.0) - 100.0)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]
    assert resorts == [1, 2, 4, 8, 16] + 9 * [30]


def test_a_series_of_announcements() -> None:
    group = with_announcements(Group(CONFIG, GroupState.HELD, 0.0), 50.0)
    assert group.announce == (50.0, 50.1, 50.3, 51.0, 53.0, 60.0)


def running(now: float) -> ManagedService:
    service = services.set_wanted(ManagedService("dhcpd", "first"), True)
    assert services.due_command(service, now) is Command.START
    service = services.command_issued(service, Command.START, now)
    return services.observe(service, ServiceState.RUNNING, "", now)


def test_failed_starts_back_off_to_thirty_seconds() -> None:
    service, now, pauses = services.set_wanted(ManagedService("dhcpd", "first"), True), 0.0, []
    for _ in range(9):
        assert services.due_command(service, now) is Command.START
        service = services.command_issued(service, Command.START, now)
        service = services.observe(service, ServiceState.STOPPED, "exit 1", now)
        assert services.due_command(service, now) is None
        assert service.retry_at is not None
        pauses.append(service.retry_at - now)
        now = service.retry_at
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_minute_of_running_makes_failures_forgotten() -> None:
    service = running(0.0)
    service = services.observe(service, ServiceState.STOPPED, "", 10.0)
    service = services.command_issued(service, Command.START, 11.0)
    service = services.observe(service, ServiceState.RUNNING, "", 11.0)
    assert service.backoff_s == 1.0
    again = services.observe(service, ServiceState.STOPPED, "", 30.0)
    assert again.retry_at == 31.0
    later = services.observe(service, ServiceState.STOPPED, "", 71.0)
    assert later.retry_at == 71.5


def test_a_look_during_a_start_is_not_its_failure() -> None:
    service = services.command_issued(
        services.set_wanted(ManagedService("dhcpd", "first"), True), Command.START, 0.0
    )
    service = services.observe(service, ServiceState.STOPPED, "", 0.1)
    assert service.command is Command.START
    assert services.due_command(service, 1.0) is None


def test_a_command_without_an_answer_is_repeated_after_its_limit() -> None:
    service = services.command_issued(
        services.set_wanted(ManagedService("dhcpd", "first"), True), Command.START, 0.0
    )
    assert services.due_command(services.expire_command(service, 4.9), 4.9) is None
    assert services.due_command(services.expire_command(service, 5.0), 5.0) is Command.START


def test_what_should_not_run_is_stopped_at_once() -> None:
    service = services.observe(ManagedService("dhcpd", "first"), ServiceState.STOPPED, "", 0.0)
    service = services.observe(service, ServiceState.RUNNING, "", 5.0)
    assert services.due_command(service, 5.0) is Command.STOP


def test_a_change_of_mind_does_not_wait_for_the_old_command() -> None:
    service = services.command_issued(
        services.set_wanted(ManagedService("dhcpd", "first"), True), Command.START, 0.0
    )
    assert services.due_command(services.set_wanted(service, False), 0.1) is Command.STOP
    assert services.set_wanted(service, True) is service


def test_a_command_under_way_is_reported_as_a_state_in_between() -> None:
    service = services.command_issued(ManagedService("dhcpd", "first"), Command.STOP, 0.0)
    assert service.reported_state is ServiceState.STOPPING
    assert services.observe(service, ServiceState.STOPPED, "", 0.1).reported_state is ServiceState.STOPPED
