"""Who serves whom, by bytes counted on each server's wire."""

from __future__ import annotations

import re
from collections import Counter

from labhelp import EVEN, MACS, ODD, discover, hex_address, host
from twinlab import Lab

LOOK_UPS = 200


def install(lab: Lab, number: int) -> str:
    """What a machine fetches on its way, each address taken from the step before. Its own address."""
    (offer,) = discover(lab, "--mac", MACS[number])["offers"]
    boot, address = offer["next_server"], offer["address"]
    with host(lab, number) as client:
        client.sh(f"tftp {boot} -m binary -c get {offer['file']}")
        client.sh(f"tftp {boot} -m binary -c get pxelinux.cfg/{hex_address(address)} cfg")
        config = client.sh("cat cfg").out
        kickstart = re.search(r"inst\.ks=(\S+)", config)
        kernel = re.search(r"(?im)^\s*kernel\s+(\S+)", config)
        assert kickstart, config
        assert kernel, config
        client.sh(f"tftp {boot} -m binary -c get {kernel[1]} kernel")
        text = client.sh(f"curl -sSf {kickstart[1]}").out
        tree = re.search(r"(?m)^url\s+--url[= ]\"?([^\s\"]+)", text)
        assert tree, text
        for scheme in ("ftp", "http"):
            base = re.sub(r"^\w+:", f"{scheme}:", tree[1].rstrip("/"))
            client.sh(f"curl -sSf -o big {base}/big.bin && rm big")
    return str(address)


def test_parity_odd_from_the_first_even_from_the_second(lab: Lab) -> None:
    before = lab.wire_bytes()
    odd, even = install(lab, ODD), install(lab, EVEN)
    after = lab.wire_bytes()

    def served(server: str, client: str) -> int:
        return after[server].get(client, 0) - before[server].get(client, 0)

    assert served("server1", odd) > 120 << 20
    assert served("server2", even) > 120 << 20
    assert served("server2", odd) == 0
    assert served("server1", even) == 0


def test_the_install_name_is_answered_in_turn(lab: Lab) -> None:
    name = f"ftp.{lab.site['domain']}"
    with lab.machine() as client:
        for server in lab.addresses.values():
            script = f"for i in $(seq {LOOK_UPS}); do dig +short @{server} {name} | head -n 1; done"
            first = Counter(client.sh(script).out.split())
            assert sum(first.values()) == LOOK_UPS
            for address in lab.addresses.values():
                assert 0.48 <= first[address] / LOOK_UPS <= 0.52, f"in turn, not by lot: {first}"
