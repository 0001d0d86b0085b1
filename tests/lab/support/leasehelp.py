"""DHCP clients that come in numbers, and what each got (scripts/twinlab/inside/storm.py)."""

from __future__ import annotations

import json
from typing import Any

from twinlab.host.client import Client
from twinlab.host.engine import docker

# a range of dynamic addresses, and the two hosts elsewhere
PATCH = {
    "subnets": [{
        "network": "192.168.0.0/24", "router": "192.168.0.1", "profile": "rh9", "lease_s": 1800,
        "range": {"first": "192.168.0.64", "last": "192.168.0.247"},
    }],
    "hosts": {"cli128": {"address": "192.168.0.4"}, "cli129": {"address": "192.168.0.3"}},
}
Event = dict[str, Any]


def events(text: str, kind: str) -> list[Event]:
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [event for event in found if event["event"] == kind]


def asked(client: Client, mode: str, leases: dict[str, str], server: str) -> list[Event]:
    """What came of every client's RENEW (or INIT-REBOOT)."""
    lines = "".join(json.dumps({"mac": m, "address": a, "server": server}) + "\n" for m, a in leases.items())
    said = docker("exec", "-i", client.container, "/lab/storm.py", mode, "--limit", "20", "--rate", "200",
                  stdin=lines.encode())
    assert said.ok, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def holds_what_it_has(client: Client, leases: dict[str, str], server: str, mode: str = "renew") -> set[str]:
    """Every client gets an ACK of its own address; hands out the hardware addresses of who answered."""
    answers = asked(client, mode, leases, server)
    wrong = [a for a in answers if a["event"] != "ack" or leases[a["mac"]] != a["address"]]
    assert wrong == []
    assert len(answers) == len(leases)
    return {answer["from"] for answer in answers}
