"""One power-off, and all that asks in single packets through it: DNS, a renewal, and DHCP cut in two.

Nothing here is a connection: the client repeats its question, and what counts is that the taker answers it.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from contextlib import ExitStack

from labhelp import EVEN, MACS, ODD, host
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
LOGGED = "for i in $(seq 100); do grep -q '{}' /log && exit; sleep 0.1; done; cat /log; exit 1"
HOOK = "/usr/local/bin/lab-dhclient-script"
DHCLIENT = f"""
echo 'select-timeout 3;' >/tmp/conf
exec dhclient -1 -d -v -cf /tmp/conf -sf {HOOK} -lf /tmp/leases -pf /tmp/pid eth0 2>&1
"""
"""Waits after an OFFER, as for a better one, before it asks for the address."""
ASKER = """
printf 'nameserver %s\\n' {servers} >/etc/resolv.conf
RES_OPTIONS=timeout:1 exec /lab/dns_client.py --resolver ftp.{domain} {servers}
"""


class HalfWay:
    """A dhclient that was offered an address; its lines with the time at which each came."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[tuple[float, str]] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append((time.time(), line.strip()))

    def says(self, word: str) -> tuple[float, str]:
        """The first line with this word, and when it came."""
        return until(lambda: next((one for one in self.lines if word in one[1]), None), word, timeout_s=60,
                     every_s=0.05)


def bound(client: Client, address: str, server: str) -> None:
    """A udhcpc that stays, and has its lease."""
    client.exec("sh", "-c", "busybox udhcpc -f -i eth0 -s /usr/local/bin/lab-udhcpc-script >/log 2>&1 &")
    client.sh(LOGGED.format(f"bound address={address} server={server}"))


def test_single_packets_outlive_their_server(lab: Lab) -> None:
    first = lab.address("first")
    address = str(lab.layout.lan.network_address + ODD)
    with ExitStack() as stack:
        renews = stack.enter_context(host(lab, ODD))
        bound(renews, address, first)
        asking = stack.enter_context(lab.machine())
        asker = ASKER.format(servers=" ".join(lab.addresses.values()), domain=lab.site["domain"])
        asking.exec("sh", "-c", f"({asker}) >/log 2>/err &")
        asking.sh(LOGGED.format(f"answer {first}"))
        machines = [stack.enter_context(lab.machine(mac=mac)) for mac in (MACS[EVEN], None)]
        halves = [HalfWay(machine.start("sh", "-c", DHCLIENT)) for machine in machines]
        offers = [half.says("DHCPOFFER")[1] for half in halves]
        with lab.fault("power-off", 1) as struck:
            lab.wait_owned(BOTH_ON_2)
            dora_is_completed(halves, offers, struck, first)
            renews.sh("pkill -USR1 -x busybox")  # renew now, at the server that gave the lease
            renews.sh(LOGGED.format(f"renew address={address} server={first}"))
            names_are_answered(lab, asking, first, struck)


def dora_is_completed(halves: list[HalfWay], offers: list[str], struck: float, server: str) -> None:
    """The address that the dead server offered is given by the taker."""
    for half, offer in zip(halves, offers, strict=True):
        offered = re.search(r"DHCPOFFER of (\S+) from (\S+)", offer)
        assert offered is not None
        given, said = half.says("BOUND ")
        assert f"address={offered[1]} server={server}" in said, half.lines
        asked = half.says("DHCPREQUEST")[0]
        assert asked > struck, "it asked before the power went: no proof"
        print(f"dhclient: asked for {offered[1]} {asked - struck:.2f} s after the power-off, "
              f"has it after {given - struck:.2f} s")


def names_are_answered(lab: Lab, asking: Client, server: str, struck: float) -> None:
    """The taker's name server answers on the new address; the system's resolver waited no longer."""
    taken = [move for move in lab.server(2).history() if move["group"] == "first"][-1]
    up = next(event["at"] for event in taken["events"] if event["kind"] == "address-up")

    def lines(word: str) -> list[list[str]]:
        found = [line.split() for line in asking.sh("cat /log").out.splitlines()]
        return [words for words in found if len(words) > 2 and words[1] == word]

    def answered() -> list[float]:
        return [float(words[0]) for words in lines("answer") if words[2] == server and float(words[0]) > up]

    until(answered, "an answer of the taker", timeout_s=20)
    after_s = answered()[0] - up
    print(f"DNS: answered {after_s * 1000:.0f} ms after the claim, that {up - struck:.2f} s after the fault")
    assert after_s < 2
    until(lambda: [w for w in lines("resolved") if float(w[0]) > up + 1], "a name resolved", timeout_s=20)
    longest = max(float(words[2]) for words in lines("resolved"))
    print(f"resolver: waited {longest:.2f} s at most")
    assert longest < 10
