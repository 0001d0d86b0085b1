"""A daemon's health: what its probes say, when it is repaired, and when it is given up."""

from __future__ import annotations

from coredriver import HOLDS_FIRST, Driver, holding
from twinboot.agent.health.checks import CHECK_EVERY_S
from twinboot.alarms import kinds
from twinboot.core.effects import RestartService, StartService
from twinboot.core.events import ServiceObserved, Tick
from twinboot.core.health import daemon as daemons
from twinboot.core.health.daemon import Daemon
from twinboot.core.model import Health, ServiceState
from twinboot.load_aware_timeout import BUSY_TIMEOUT_S, TIMEOUT_S


def faults(driver: Driver, count: int, service: str = "vsftpd") -> list[tuple[float, object]]:
    """A fault a second; the restarts asked for, with their time."""
    begin, found = driver.now, []
    for number in range(count):
        driver.wait(max(0.0, begin + number - driver.now))
        found += [(driver.now - begin, one) for one in driver.service_probe(service, "no answer")]
    return found


def test_one_fault_is_failing_and_one_good_probe_is_good() -> None:
    driver = holding()
    driver.service_probe("vsftpd", "no answer")
    assert driver.view().daemons["vsftpd"].health is Health.FAILING
    assert driver.alarms_about("/vsftpd") == [("service-failing", "server1/vsftpd")]
    assert "no answer" in driver.alarms(kinds.SERVICE_FAILING)["server1/vsftpd"]
    driver.service_probe("vsftpd")
    assert driver.view().daemons["vsftpd"].health is Health.GOOD
    assert not driver.alarms_about("/vsftpd")


def test_an_image_swapped_in_two_seconds_needs_no_help() -> None:
    driver = holding()
    assert faults(driver, 3) == []
    driver.service_probe("vsftpd")
    assert faults(driver, 3) == [], "the faults of before are forgotten"


def test_a_single_fault_that_lasts_is_not_enough_for_a_restart() -> None:
    daemon = daemons.probe_failed(Daemon("vsftpd", failing_since=0.0), "no", 3.0)
    assert not daemons.repair_due(daemon, 3.0)
    assert daemons.repair_due(daemons.probe_failed(daemon, "no", 3.1), 3.1)


def test_one_long_probe_is_not_enough_for_a_restart() -> None:
    driver = holding()
    assert driver.service_probe("vsftpd", "no answer") == ()
    driver.service_probe("vsftpd")
    driver.wait(5.0)
    assert driver.service_probe("vsftpd", "no answer") == ()


def test_faults_for_three_seconds_restart_it_with_back_off() -> None:
    driver = holding()
    restart = RestartService("vsftpd")
    assert [round(at, 3) for at, one in faults(driver, 80) if one == restart] == [3, 4, 6, 10, 18, 34, 64]


def test_broken_is_what_a_restart_did_not_mend_in_six_seconds() -> None:
    driver = holding()
    faults(driver, 6)
    assert driver.view().daemons["vsftpd"].health is Health.FAILING
    faults(driver, 2)
    assert driver.view().daemons["vsftpd"].health is Health.BROKEN
    assert driver.state.last_sent is not None
    assert driver.state.last_sent.daemons["vsftpd"] is Health.BROKEN
    driver.service_probe("vsftpd")
    assert driver.view().daemons["vsftpd"].health is Health.GOOD


def test_a_restart_has_time_to_help_before_it_is_judged() -> None:
    daemon = daemons.probe_failed(Daemon("vsftpd"), "no", 0.0)
    daemon = daemons.restart_requested(daemons.probe_failed(daemon, "no", 5.5), 5.5)
    assert daemons.probe_failed(daemon, "no", 7.9).health is Health.FAILING
    assert daemons.probe_failed(daemon, "no", 8.1).health is Health.BROKEN


def test_a_minute_of_good_service_makes_the_back_off_forgotten() -> None:
    daemon = daemons.restart_requested(daemons.restart_requested(Daemon("vsftpd"), 0.0), 1.0)
    assert daemon.backoff_s == 4.0
    daemon = daemons.probe_succeeded(daemon, 10.0)
    assert daemons.probe_succeeded(daemon, 69.0).backoff_s == 4.0
    assert daemons.probe_succeeded(daemon, 70.0).backoff_s == 1.0


def test_a_sleep_in_between_is_no_failure_of_the_daemon() -> None:
    driver = holding()
    driver.service_probe("vsftpd", "no answer")
    driver.feed(Tick(), after_s=10.0)
    assert driver.service_probe("vsftpd", "no answer") == ()
    assert driver.view().daemons["vsftpd"].health is Health.FAILING


def test_a_probe_of_an_unknown_service_is_ignored() -> None:
    driver = holding()
    assert driver.service_probe("gopher", "no answer") == ()
    assert "gopher" not in driver.view().daemons


def test_the_health_of_a_peers_daemons_is_shown() -> None:
    driver = holding()
    driver.peer_says(daemons={"vsftpd": Health.BROKEN, "tftp": Health.GOOD})
    assert driver.alarms_about("/vsftpd") == [("service-broken", "server2/vsftpd")]
    assert driver.view().peers["server2"].daemons["vsftpd"] is Health.BROKEN


# The managed service -------------------------------------------------------------------------------


def test_dhcpd_is_repaired_where_it_runs() -> None:
    driver = holding()
    assert (3, RestartService("dhcpd")) in faults(driver, 4, "dhcpd")


def test_a_dhcpd_that_hangs_on_a_busy_server_is_repaired() -> None:
    """A failed probe is given a second, long chance there, before the next one begins."""
    driver, found = holding(), []
    for _ in range(3):
        driver.wait(TIMEOUT_S + BUSY_TIMEOUT_S + CHECK_EVERY_S)
        found += driver.service_probe("dhcpd", "no answer")
    assert RestartService("dhcpd") in found


def test_a_probe_of_dhcpd_where_it_is_not_wanted_says_nothing() -> None:
    driver = holding()
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    driver.service_probe("dhcpd", "no answer")
    assert driver.view().daemons["dhcpd"].fault != "no answer"


def test_a_dhcpd_that_will_not_start_is_broken_after_six_seconds() -> None:
    driver = holding()
    starts, begin = 0, driver.now
    while driver.now < begin + 7.0:
        driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED, "exit 1"))
        starts += StartService("dhcpd") in driver.wait(1.0)
        if driver.now < begin + 6.0:
            assert driver.view().daemons["dhcpd"].health is Health.FAILING
    assert starts >= 2
    assert driver.view().daemons["dhcpd"].health is Health.BROKEN
    assert "exit 1" in driver.alarms(kinds.SERVICE_BROKEN)["server1/dhcpd"]


def test_mishaps_far_apart_are_not_one_failure() -> None:
    driver = holding()
    for _ in range(3):
        driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED, "killed"))
        driver.wait(0.6)
        driver.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
        assert driver.view().daemons["dhcpd"].health is Health.FAILING
        driver.wait(daemons.STALE_S)
        assert driver.view().daemons["dhcpd"].health is Health.UNKNOWN


def test_an_engine_that_does_not_answer_a_start_counts_against_the_server() -> None:
    driver = holding()
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED, "killed"))
    driver.wait(12.0)
    assert driver.view().daemons["dhcpd"].fault == "the engine does not answer"


def test_a_dhcpd_that_serves_is_well_though_the_engine_has_gone() -> None:
    driver = holding()
    driver.service_probe("dhcpd")
    for _ in range(12):
        driver.feed(ServiceObserved("dhcpd", ServiceState.UNKNOWN, "connection refused"))
        driver.wait(1.0)
        driver.service_probe("dhcpd")
        assert driver.view().daemons["dhcpd"].health is Health.GOOD
    driver.service_probe("dhcpd", "no answer")
    assert driver.view().daemons["dhcpd"].health is Health.FAILING


def broken_dhcpd(daemon: Daemon, now: float) -> Daemon:
    for at in (0.0, 3.0, 7.0):
        daemon = daemons.start_failed(daemon, "exit 1", now + at)
    assert daemon.health is Health.BROKEN
    return daemons.handed_over(daemon, now + 7.0)


def test_a_verdict_on_a_service_handed_over_lasts_longer_each_time() -> None:
    daemon, now, pauses = Daemon("dhcpd"), 0.0, []
    for _ in range(8):
        daemon = broken_dhcpd(daemon, now)
        assert daemon.verdict_until is not None
        pauses.append(daemon.verdict_until - now - 7.0)
        now = daemon.verdict_until
        assert daemons.handed_over(daemon, now - 0.1).health is Health.BROKEN
        daemon = daemons.handed_over(daemon, now)
        assert daemon.health is Health.UNKNOWN
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_wanted_again_an_old_verdict_is_put_to_the_test() -> None:
    daemon = broken_dhcpd(Daemon("dhcpd"), 0.0)
    assert daemons.wanted_here(daemon, 8.0).health is Health.UNKNOWN


def test_the_verdict_is_told_to_the_peers() -> None:
    driver = holding()
    driver.peer_says(1.0)
    driver.breaks("dhcpd")
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    driver.peer_says(1.0, groups=HOLDS_FIRST)
    assert driver.state.last_sent is not None
    assert driver.state.last_sent.daemons["dhcpd"] is Health.BROKEN
