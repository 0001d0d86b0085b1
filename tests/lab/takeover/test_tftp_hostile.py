"""Clients that speak TFTP wrongly, by others' addresses too, while a server dies: nobody notices."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from alarmhelp import alarm_keys
from labhelp import lan_address
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.server import Server
from twinlab.host.wait import until

HOSTILE = Path(__file__).parents[1] / "support/hostiletftp.py"
TAKEOVER = "twinboot-takeover-1"
HOME = {"first": "server1", "second": "server2"}
BOTH_ON_2 = {"first": "server2", "second": "server2"}
FILE, RATE, SIZE = "trees/rh9/big.bin", "20mbit", 60 << 20
FLOOD_S = 10.0


@pytest.mark.long
def test_a_flood_of_wrong_tftp_disturbs_nobody(lab: Lab, big_sha256: str) -> None:
    """Requests and acknowledgements, 2000 a second, many odd, half of them from addresses that nobody has."""
    address = lab.address("first")
    with lab.machine() as good, lab.machine() as bad:
        cable.limit(good.container, "eth0", RATE)
        fetch = f"busybox tftp -b 1432 -g -r {FILE} -l /got {address}"
        good.exec("sh", "-c", f"({fetch}; echo $? >/rc) >/log 2>&1 &")
        until(lambda: has(good) > SIZE // 20, "the download to be under way", timeout_s=60)
        with lab.events() as events:
            bad.start("python3", "-c", HOSTILE.read_text(), address, lan_address(lab, 50))
            until(lambda: bad.sh("test -e /ready", check=False).ok, "the flood", timeout_s=60)
            used = processor_s(lab.server(1))
            time.sleep(FLOOD_S)
            used = (processor_s(lab.server(1)) - used) / FLOOD_S
            assert lab.owners() == {group: [who] for group, who in HOME.items()}
            assert events.named("peer-dead") == []
            assert has(good) < SIZE, "too quick for this test"
            with lab.fault("power-off", 1):
                lab.wait_owned(BOTH_ON_2)
                until(lambda: good.sh("cat /rc", check=False).ok, "the end of the download", timeout_s=120)
                said = good.sh("cat /rc /log; sha256sum /got").out
                assert big_sha256 in said, said
                taker = lab.server(2)
                status = taker.status()
                assert status is not None
                limits = [code for code, _ in alarm_keys(status) if code.startswith("takeover-")]
                assert limits == []
                memory = taker.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", TAKEOVER).out
            print(f"flooded: {used:.2f} of a processor, {memory}")
            assert float(memory.split("MiB")[0]) < 300
            assert {event.server for event in events.named("peer-dead")} <= {"server2"}
            assert "Traceback" not in taker.logs("takeover", tail=1000)


def has(client: Client) -> int:
    """How much it has so far."""
    return int(client.sh("stat -c %s /got 2>/dev/null || echo 0").out)


def processor_s(server: Server) -> float:
    """Processor time of the takeover process so far."""
    status = server.status()
    assert status is not None
    return float(status["connections"]["cpu_s"])
