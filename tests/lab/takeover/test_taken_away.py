"""What others do to a stand-by before it is needed: its firewall is reloaded, its takeover process stopped.
The next move finds all as it should be, and status says no alarm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alarmhelp import alarm_keys
from downloadhelp import Fetch
from labhelp import ODD, host
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
TAKEOVER = "twinboot-takeover-1"
SLOW_BYTES = 1200 << 10
RELOAD = 'printf \'flush ruleset\\ninclude "/etc/lab/wire.nft"\\n\' >/run/lab.nft; nft -f /run/lab.nft'
"""As `systemctl reload nftables` with Debian's nftables.conf; the lab's own table is among what it makes."""


def reload_firewall(server: Server) -> None:
    for _ in range(3):
        server.exec("sh", "-c", RELOAD)


def stop_takeover(server: Server) -> None:
    """Every process of the container but its first, which only waits; until it was restarted by itself."""
    server.docker("exec", TAKEOVER, "sh", "-c", "kill -STOP -1")
    until(lambda: ("takeover-missing", server.name) in alarms(server), "the alarm", timeout_s=30)
    until(lambda: alarms(server) == [], "the end of the alarm", timeout_s=60)
    assert "service-restarted service=takeover" in server.logs()


def alarms(server: Server) -> list[tuple[str, str]]:
    view = server.status()
    return [("no-answer", server.name)] if view is None else alarm_keys(view)


@pytest.mark.long
@pytest.mark.parametrize("harm", [reload_firewall, stop_takeover])
def test_downloads_go_on_though_the_stand_by_was_harmed_before(
    lab: Lab, big_sha256: str, harm: Callable[[Server], None]
) -> None:
    with host(lab, ODD) as client:
        fetches = [
            Fetch.start(lab, client, program, scheme, lab.address("first"), SLOW_BYTES)
            for program in ("curl", "lftp") for scheme in ("http", "ftp")
        ]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        harm(lab.server(2))
        assert alarms(lab.server(2)) == []
        assert all(fetch.process.poll() is None for fetch in fetches), "the file is too short for this test"
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
                assert fetch.resets() == "", fetch.name


@pytest.mark.long
def test_who_takes_the_rules_away_in_a_loop_is_an_alarm_and_delays_no_move(lab: Lab) -> None:
    """In the end all is well again by itself."""
    server = lab.server(2)
    server.exec("sh", "-c", "touch /run/lab-flush; (while [ -e /run/lab-flush ]; do "
                "nft delete table ip twinboot_takeover; sleep 0.05; done) >/dev/null 2>&1 &")
    try:
        until(lambda: ("takeover-unshielded", "server2") in alarms(server), "the alarm", timeout_s=30)
        with lab.prober([lab.address("first")]) as prober, lab.fault("standby", 1):
            lab.wait_owned(BOTH_ON_2)
            prober.settle()
            gaps = [gap.seconds for gap in prober.seen()[lab.address("first")].gaps()]
        print("gaps", gaps)
        assert max(gaps, default=0.0) < 5
    finally:
        server.exec("rm", "/run/lab-flush")
    until(lambda: alarms(server) == [], "the end of the alarm", timeout_s=60)
    assert "twinboot_takeover" in server.exec("nft", "list", "tables").out


def test_the_takeover_process_is_asked_for_its_health(lab_readonly: Lab) -> None:
    server = lab_readonly.server(2)

    def health() -> str:
        return server.docker("inspect", "-f", "{{.State.Health.Status}}", TAKEOVER).out.strip()

    until(lambda: health() == "healthy", "its health", timeout_s=60)
    asked = server.docker("exec", TAKEOVER, "twinboot", "takeover", "--health")
    assert "answers" in asked.out
