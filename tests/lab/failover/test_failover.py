"""Planned moves and deaths under running downloads, watched by a prober and a DHCP counter."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
from labhelp import EVEN, MACS, ODD, discover, download, host, rounds
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until
from twinlab.measure.prober import Prober

FINISH_S = 120
BOTH_ON_2 = {"first": "server2", "second": "server2"}
HOME = {"first": "server1", "second": "server2"}


def counting(lab: Lab) -> AbstractContextManager[Client]:
    """A client that sends one DISCOVER after the other and counts the OFFERs of each."""
    return lab.machine("/lab/discover.py", "--count", "0", "--wait", "0.5", "--mac", MACS[EVEN])


def offers(counter: Client, since: float = 0.0) -> list[int]:
    """How many servers answered each DISCOVER sent since then."""
    return [len(r["offers"]) for r in rounds(counter.logs().splitlines()) if r["time"] >= since]


class Watch:
    """A fault's witnesses: downloads from the server that will fail, a prober, a DHCP counter."""

    def __init__(self, lab: Lab, stack: ExitStack, sha256: str) -> None:
        self.lab, self.sha256 = lab, sha256
        self.address = lab.address("first")
        self.prober: Prober = stack.enter_context(lab.prober([self.address]))
        self.counter = stack.enter_context(counting(lab))
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
        answered = offers(self.counter)
        assert max(answered) == 1, answered
        assert answered[0] == 1, answered

    def longest_gap_s(self) -> float:
        return max((g.seconds for g in self.prober.seen()[self.address].gaps()), default=0.0)


@contextmanager
def watched(lab: Lab, sha256: str) -> Iterator[Watch]:
    with ExitStack() as stack:
        yield Watch(lab, stack, sha256)


def told_as_seen(lab: Lab, watch: Watch, fault: str) -> None:
    """`twinboot history` of the taker tells the move that the prober saw on the wire."""
    move = [one for one in lab.server(2).history() if one["group"] == "first"][-1]
    assert (move["kind"], move["from"], move["to"]) == ("claimed", "server1", "server2")
    at = {event["kind"]: event["at"] for event in reversed(move["events"])}
    assert at["claim"] <= at["address-up"] <= at["announced"]
    assert (not {"dead", "found-dead"}.isdisjoint(at)) == (fault == "power-off"), at
    mac = lab.server(2).mac
    seen = [when for when, who in watch.prober.seen()[watch.address].announcements if who == mac]
    assert abs(seen[0] - at["announced"]) < 1, (seen, at)


@pytest.mark.parametrize("fault", ["standby", pytest.param("power-off", marks=pytest.mark.long)])
def test_downloads_outlive(lab: Lab, big_sha256: str, fault: str) -> None:
    server1, server2 = lab.server(1).mac, lab.server(2).mac
    with watched(lab, big_sha256) as watch:
        assert watch.prober.seen()[watch.address].holders()[-1][1] == server1
        with lab.fault(fault, 1):
            watch.prober.wait_holder(watch.address, server2, timeout_s=20)
            lab.wait_owned(BOTH_ON_2)
            found = discover(lab, "--mac", MACS[ODD])
            assert [o["server_id"] for o in found["offers"]] == [watch.address], found
            told_as_seen(lab, watch, fault)
        # healed: the group comes home, again under whatever downloads are left
        lab.wait_owned(HOME)
        watch.finish()
        found = discover(lab, "--mac", MACS[ODD])
        assert [o["mac"] for o in found["offers"]] == [server1], found
        assert watch.longest_gap_s() < 15
        assert [mac for _, mac in watch.prober.seen()[watch.address].holders()] == [server1, server2, server1]


@pytest.mark.parametrize(
    ("fault", "overlap_s"),
    [
        # Three of them are rows of the fault matrix, too.
        pytest.param("stop-sidecar", 0.0, marks=pytest.mark.long),
        # The address that a dead sidecar leaves behind goes when its kernel lifetime ends: 3 s, at most 4.2.
        pytest.param("kill-sidecar", 4.5, marks=pytest.mark.long),
        pytest.param("freeze-sidecar", 4.5, marks=pytest.mark.long),
        ("freeze", 4.5),
    ],
)
def test_the_group_moves_and_soon_has_one_holder(lab: Lab, fault: str, overlap_s: float) -> None:
    server2, address = lab.server(2).mac, lab.address("first")
    with lab.prober([address]) as prober, counting(lab) as counter:
        until(lambda: offers(counter), "a first offer", timeout_s=20)
        struck = time.time()
        with lab.fault(fault, 1):
            prober.wait_holder(address, server2, timeout_s=30)
            # The other dhcpd's guard looks twice a second whether its address is still there.
            time.sleep(max(1.5, struck + overlap_s - time.time()))
            settled = time.time()
            until(lambda: offers(counter, since=settled)[-3:] == [1, 1, 1], "one DHCP server", timeout_s=20)
            assert max(offers(counter, since=settled)) == 1
            assert lab.server(1).power == "paused" or not lab.server(1).has(address)
        lab.wait_owned(HOME)
        prober.settle()
        late = [at for at, _ in prober.seen()[address].doubles() if not struck <= at <= struck + overlap_s]
        assert late == []


def test_a_pulled_crossover_moves_nothing(lab: Lab) -> None:
    address = lab.address("first")
    with lab.prober([address]) as prober, lab.fault("unplug", 1, "crossover"):
        prober.settle(4)
        assert lab.owners() == {"first": ["server1"], "second": ["server2"]}
        assert [mac for _, mac in prober.seen()[address].holders()] == [lab.server(1).mac]
        views = lab.status()
    for name, peer in (("server1", "server2"), ("server2", "server1")):
        view = views[name]
        assert view is not None
        links = {link: state["state"] for link, state in view["peers"][peer]["links"].items()}
        assert links == {"crossover": "down", "lan": "up", "serial": "up"}
