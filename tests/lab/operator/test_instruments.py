"""The instruments themselves: what is made by hand must be seen, and measured rightly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from labhelp import EVEN, MACS
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until
from twinlab.measure.lan_recorder import longest, offers
from twinlab.measure.prober import Prober

UNUSED = 99  # an address of the LAN that nobody has
SERVE = "mkdir -p /w && echo ok >/w/index.html && exec busybox httpd -f -p 80 -h /w"
HOLD = "ip address add {0}/32 dev eth0; date +%s.%N"
DROP = "ip address del {0}/32 dev eth0; date +%s.%N"


@contextmanager
def holders(lab: Lab, count: int) -> Iterator[tuple[str, list[Client]]]:
    """Machines that may hold the unused address, and the address."""
    with ExitStack() as stack:
        made = [stack.enter_context(lab.machine("sh", "-c", SERVE)) for _ in range(count)]
        yield str(lab.layout.lan.network_address + UNUSED), made


def mac(machine: Client) -> str:
    return machine.sh("cat /sys/class/net/eth0/address").out.strip()


def answered(prober: Prober, address: str) -> bool:
    return bool(prober.seen()[address].replies)


def test_a_second_holder_added_by_hand_is_seen(lab: Lab) -> None:
    with holders(lab, 2) as (address, (one, two)), lab.prober([address]) as prober:
        one.sh(HOLD.format(address))
        until(lambda: answered(prober, address), "an answer", timeout_s=10)
        prober.settle(0.5)
        assert prober.seen()[address].doubles() == []
        begin = float(two.sh(HOLD.format(address)).out)
        end = float(two.sh(DROP.format(address)).out)
        prober.settle(0.5)
        doubles = prober.seen()[address].doubles()
        assert doubles, "two holders went unseen"
        assert {macs for _, macs in doubles} == {tuple(sorted((mac(one), mac(two))))}
        assert begin - 0.2 < doubles[0][0] <= doubles[-1][0] < end + 0.2


@pytest.mark.long
def test_one_holder_after_the_other_is_no_double(lab: Lab) -> None:
    """The prober must not mistake a quick, clean move for two holders."""
    with holders(lab, 2) as (address, machines), lab.prober([address]) as prober:
        for turn in range(6):
            machines[turn % 2].sh(HOLD.format(address))
            prober.wait_holder(address, mac(machines[turn % 2]), timeout_s=10)
            machines[turn % 2].sh(DROP.format(address))
        seen = prober.seen()[address]
        assert seen.doubles() == []
        assert len(seen.holders()) == 6


@pytest.mark.parametrize("instrument", ["arp", "http"])
def test_a_gap_made_by_hand_is_measured(lab: Lab, instrument: str) -> None:
    with holders(lab, 1) as (address, (holder,)), ExitStack() as stack:
        command = {
            "arp": ("/lab/prober.py", "--every", "0.01", address),
            "http": ("/lab/http_client.py", "/index.html", address),
        }[instrument]
        holder.sh(HOLD.format(address))
        watch = stack.enter_context(lab.machine(*command))
        word = {"arp": " arp ", "http": " got "}[instrument]
        until(lambda: watch.logs().count(word) > 50, "a row of answers", timeout_s=20)
        said = holder.sh(f"{DROP.format(address)}; sleep 0.7; {HOLD.format(address)}").out.split()
        began, ended = map(float, said)
        until(
            lambda: float(watch.logs().splitlines()[-1].split()[0]) > ended + 0.5, "later lines", timeout_s=20
        )  # fmt: skip
        times = [float(line.split()[0]) for line in watch.logs().splitlines() if word in line]
        start = times[0]
        measured = longest(times, start, times[-1])
        assert ended - began - 0.1 < measured < ended - began + 1.0, (measured, ended - began)


def test_a_second_dhcp_server_is_seen(lab: Lab) -> None:
    """A second one, on a client: the counter must see both answers to one DISCOVER."""
    network = lab.layout.lan
    conf = f"start {network.network_address + 70}\\nend {network.network_address + 80}\\ninterface eth0\\n"
    run = f"printf '{conf}lease_file /l\\n' >/u.conf && touch /l && exec busybox udhcpd -f -a 0 /u.conf"
    ask = ("/lab/discover.py", "--count", "0", "--every", "0.3", "--mac", MACS[EVEN])
    with lab.machine("sh", "-c", run), lab.machine(*ask) as counter:

        def doubled() -> bool:
            return any(len(macs) > 1 for _, macs in offers(counter.logs().splitlines(), 0, time.time()))

        until(doubled, "both DHCP servers in one round", timeout_s=30)
