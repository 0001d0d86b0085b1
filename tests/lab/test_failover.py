"""Planned moves and deaths under running downloads, watched by a prober and a DHCP counter."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from labhelp import EVEN, MACS, ODD, discover, download, host, rounds
from twinlab import Lab
from twinlab.prober import Prober

FINISH_S = 120
BOTH_ON_2 = {"first": "server2", "second": "server2"}
LOGGED = "for i in $(seq 100); do grep -q '{}' /log && exit; sleep 0.1; done; cat /log; exit 1"
HOME = {"first": "server1", "second": "server2"}


class Watch:
    """A fault's witnesses: downloads from the server that will fail, a prober, a DHCP counter."""

    def __init__(self, lab: Lab, stack: ExitStack, sha256: str) -> None:
        self.lab, self.sha256 = lab, sha256
        self.address = lab.address("first")
        self.prober: Prober = stack.enter_context(lab.prober([self.address]))
        self.counter = stack.enter_context(
            lab.machine("/lab/discover.py", "--count", "0", "--wait", "0.5", "--mac", MACS[EVEN])
        )
        client = stack.enter_context(host(lab, ODD))
        self.downloads: dict[str, subprocess.Popen[str]] = {
            scheme: download(client, f"{scheme}://{self.address}/trees/rh9/big.bin", f"/{scheme}.bin")
            for scheme in ("ftp", "http")
        }
        self._client = client
        self._under_way()

    def _under_way(self) -> None:
        for _ in range(100):
            sizes = self._client.sh("stat -c %s /ftp.bin /http.bin", check=False).out.split()
            if len(sizes) == 2 and all(int(size) > 4 << 20 for size in sizes):
                return
            time.sleep(0.1)
        pytest.fail("the downloads did not get under way")

    def finish(self) -> None:
        """Both downloads end whole; no address had two holders and no DISCOVER two answers."""
        for scheme, process in self.downloads.items():
            out, _ = process.communicate(timeout=FINISH_S)
            assert self.sha256 in out, f"{scheme}: {out[-500:]}"
        seen = self.prober.seen()[self.address]
        assert seen.doubles() == []
        answered = [len(r["offers"]) for r in rounds(self.counter.logs().splitlines())]
        assert max(answered) == 1, answered
        assert answered[0] == 1, answered

    def longest_gap_s(self) -> float:
        return max((g.seconds for g in self.prober.seen()[self.address].gaps()), default=0.0)


@contextmanager
def watched(lab: Lab, sha256: str) -> Iterator[Watch]:
    with ExitStack() as stack:
        yield Watch(lab, stack, sha256)


@pytest.mark.parametrize("fault", ["standby", "power-off"])
def test_downloads_outlive(lab: Lab, big_sha256: str, fault: str) -> None:
    server1, server2 = lab.server(1).mac, lab.server(2).mac
    with watched(lab, big_sha256) as watch:
        assert watch.prober.seen()[watch.address].holders()[-1][1] == server1
        with lab.fault(fault, 1):
            watch.prober.wait_holder(watch.address, server2, timeout_s=20)
            lab.wait_owned(BOTH_ON_2)
            found = discover(lab, "--mac", MACS[ODD])
            assert [o["server_id"] for o in found["offers"]] == [watch.address], found
        # healed: the group comes home, again under whatever downloads are left
        lab.wait_owned(HOME)
        watch.finish()
        found = discover(lab, "--mac", MACS[ODD])
        assert [o["mac"] for o in found["offers"]] == [server1], found
        assert watch.longest_gap_s() < 15
        assert [mac for _, mac in watch.prober.seen()[watch.address].holders()] == [server1, server2, server1]


def test_a_lease_is_renewed_by_the_taker(lab: Lab) -> None:
    address = str(lab.layout.lan.network_address + ODD)
    with host(lab, ODD) as client:
        client.exec("sh", "-c", "busybox udhcpc -f -i eth0 -s /usr/local/bin/lab-udhcpc-script >/log 2>&1 &")
        bound = f"bound address={address} server={lab.address('first')}"
        client.sh(LOGGED.format(bound))
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            client.sh("pkill -USR1 udhcpc")  # renew now, at the server that gave the lease
            renewed = f"renew address={address} server={lab.address('first')}"
            client.sh(LOGGED.format(renewed))


@pytest.mark.parametrize("fault", ["kill-sidecar", "stop-sidecar", "freeze-sidecar", "freeze"])
def test_one_holder_at_a_time_when_there_is(lab: Lab, fault: str) -> None:
    server2 = lab.server(2).mac
    address = lab.address("first")
    with lab.prober([address]) as prober:
        counter = lab.machine("/lab/discover.py", "--count", "0", "--wait", "0.5", "--mac", MACS[EVEN])
        with counter as discoverer, lab.fault(fault, 1):
            prober.wait_holder(address, server2, timeout_s=30)
            lab.server(2).status()
            prober.settle()
            answered = [len(r["offers"]) for r in rounds(discoverer.logs().splitlines())]
            assert max(answered) == 1, answered
        lab.wait_owned(HOME)
        prober.settle()
        assert prober.seen()[address].doubles() == []


@pytest.mark.parametrize("cable", ["crossover", "lan"])
def test_one_cable(lab: Lab, cable: str) -> None:
    """A pulled crossover moves nothing; a pulled LAN cable moves the group."""
    address, server2 = lab.address("first"), lab.server(2).mac
    with lab.prober([address]) as prober:
        with lab.fault("unplug", 1, cable):
            if cable == "lan":
                prober.wait_holder(address, server2, timeout_s=30)
            else:
                prober.settle(3)
                assert lab.owners() == {"first": ["server1"], "second": ["server2"]}
        lab.wait_owned(HOME)
        assert prober.seen()[address].doubles() == []
