"""Downloads of clients that do not resume, while their server dies or hands over: none notices."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from alarmhelp import alarm_keys
from downloadhelp import Fetch
from labhelp import ODD, host
from twinlab import Lab
from twinlab.host.wait import until

PROGRAMS = ("curl", "curl-dracut", "wget", "lftp", "busybox")
BOTH_ON_2 = {"first": "server2", "second": "server2"}
HOME = {"first": "server1", "second": "server2"}
SLOW_BYTES = 1200 << 10
TAKEOVER = "twinboot-takeover-1"
HOSTILE = Path(__file__).parents[1] / "support/hostileclient.py"


def no_client_notices(lab: Lab, sha256: str, fault: str, programs: dict[str, str]) -> None:
    """programs: by scheme, all at the same time. Every byte right, and not one reset."""
    address = lab.address("first")
    with host(lab, ODD) as client:
        fetches = [Fetch.start(lab, client, one, scheme, address) for scheme, one in programs.items()]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(sha256)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name
            assert fetch.silence_s() < 15, fetch.name


def test_downloads_outlive_their_server(lab: Lab, big_sha256: str) -> None:
    no_client_notices(lab, big_sha256, "power-off", {"http": "curl", "ftp": "lftp"})
    connections = lab.server(2).status()["connections"]  # type: ignore[index]
    assert connections["takeover"]
    assert sum(connections["totals"]["taken-over"].values()) >= 3
    assert "reset" not in connections["totals"]


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_no_client_notices(lab: Lab, big_sha256: str, fault: str, program: str) -> None:
    no_client_notices(lab, big_sha256, fault, {"http": program, "ftp": program})


@pytest.mark.long
@pytest.mark.parametrize("program", ["curl", "lftp", "wget"])
def test_a_connection_moves_three_times(lab: Lab, big_sha256: str, program: str) -> None:
    """Power-off, failback to the server that is back, and a second power-off right after it."""
    address = lab.address("first")
    with ExitStack() as stack:
        client = stack.enter_context(host(lab, ODD))
        fetches = [
            Fetch.start(lab, client, program, scheme, address, SLOW_BYTES) for scheme in ("http", "ftp")
        ]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            size = {fetch.name: fetch.size() for fetch in fetches}
            for fetch in fetches:
                fetch.under_way(size[fetch.name] + (1 << 20))
        lab.wait_owned(HOME)
        assert all(one.process.poll() is None for one in fetches), "the file is too short for this test"
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name


@pytest.mark.long
@pytest.mark.parametrize("signal", ["STOP", "KILL"])
def test_a_dead_or_hung_takeover_delays_no_move(lab: Lab, signal: str) -> None:
    """On both servers; the address goes over by an orderly move and by a power-off."""
    address = lab.address("first")

    def ill(*numbers: int) -> None:
        for number in numbers:
            lab.server(number).docker("update", "--restart", "no", TAKEOVER)
            # -1: every process of the container but its first, which only waits
            stop = ("exec", TAKEOVER, "sh", "-c", "kill -STOP -1")
            lab.server(number).docker(*(("kill", TAKEOVER) if signal == "KILL" else stop))

    def alarm() -> bool:
        status = lab.server(2).status()
        return status is not None and ("takeover-missing", "server2") in alarm_keys(status)

    try:
        ill(1, 2)
        until(alarm, "the alarm", timeout_s=30)
        with lab.prober([address]) as prober:
            with lab.fault("standby", 1):
                lab.wait_owned(BOTH_ON_2)
            lab.wait_owned(HOME)
            with lab.fault("power-off", 1):
                lab.wait_owned(BOTH_ON_2)
            prober.settle()
            gaps = [gap.seconds for gap in prober.seen()[address].gaps()]
        print("gaps", gaps)
        assert max(gaps, default=0.0) < 10
    finally:
        for server in lab.servers.values():
            server.docker("update", "--restart", "unless-stopped", TAKEOVER, check=False)
            server.docker("restart", "--time", "0", TAKEOVER, check=False)


@pytest.mark.long
def test_hostile_clients_harm_nobody(lab: Lab, big_sha256: str) -> None:
    """Hundreds of connections that speak wrongly, read nothing or never answer; the others notice nothing."""
    address = lab.address("first")
    unplugged = lab.machine(extra=("--cap-add", "NET_ADMIN"))
    with host(lab, ODD) as good, lab.machine() as bad, unplugged as gone:
        fetches = [Fetch.start(lab, good, "curl", scheme, address, SLOW_BYTES) for scheme in ("http", "ftp")]
        lost = Fetch.start(lab, gone, "curl", "http", address, SLOW_BYTES)
        for fetch in (*fetches, lost):
            fetch.under_way(1 << 20)
        bad.start("python3", "-c", HOSTILE.read_text(), address)
        until(lambda: bad.sh("test -e /ready", check=False).ok, "the hostile connections", timeout_s=60)
        gone.sh("ip link set eth0 down")  # neither FIN nor RST is sent
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
                assert fetch.resets() == "", fetch.name
            taker = lab.server(2)
            status = taker.status()
            assert status is not None
            assert not any(code.startswith("takeover-") for code, _ in alarm_keys(status)), status["alarms"]
            totals = status["connections"]["totals"]
            assert totals["silent"]["http"] >= 1, totals
            assert totals["taken-over"]["http"] >= 2, totals
            assert "passwd" not in taker.logs("takeover")
            used = taker.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", TAKEOVER).out
            print(totals, used)
            assert float(used.split("MiB")[0]) < 300
