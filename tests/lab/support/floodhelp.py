"""Hostile traffic for lab tests: what to send, made of real heartbeats, and what it does to a sidecar."""

from __future__ import annotations

import json
import secrets
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from labhelp import agent_of
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.engine import docker
from twinlab.host.server import Server
from twinlab.host.wait import until

PORT = 694
_PCAP_HEADER, _RECORD = 24, struct.Struct("<IIII")
_TICKS = 100
"""A second of processor time in /proc/PID/stat (proc(5), sysconf(_SC_CLK_TCK))."""


def lan(lab: Lab, number: int) -> str:
    """A server's own address on the LAN."""
    return str(lab.site["servers"][f"server{number}"]["address"])


def record(lab: Lab, *, at: int, by: int, count: int = 20) -> list[bytes]:
    """Payloads of heartbeats that one server gets from another on the LAN."""
    with recording(lab, at=at, by=by) as payloads:
        until(lambda: len(payloads()) >= count, f"{count} heartbeats", timeout_s=30)
        return payloads()


@contextmanager
def recording(lab: Lab, *, at: int, by: int) -> Iterator[Callable[[], list[bytes]]]:
    """Record during the block; what is handed out tells what was recorded so far."""
    server, name = lab.server(at), f"/tmp/record-{secrets.token_hex(3)}"
    wanted = f"udp dst port {PORT} and src {lan(lab, by)} and dst {lan(lab, at)}"
    script = f"tcpdump -i eth0 -U -s 0 -w {name} '{wanted}' >/dev/null 2>&1 & echo $!"
    pid = server.exec("sh", "-c", script).out.strip()
    try:
        yield lambda: _payloads(server, name)
    finally:
        server.exec("sh", "-c", f"kill {pid}; rm -f {name}", check=False)


def _payloads(server: Server, name: str) -> list[bytes]:
    said = server.exec("od", "-An", "-v", "-tx1", name, check=False)
    raw = bytes.fromhex("".join(said.out.split()))
    payloads, place = [], _PCAP_HEADER
    while place + _RECORD.size <= len(raw):
        size = _RECORD.unpack_from(raw, place)[2]
        frame = raw[place + _RECORD.size:place + _RECORD.size + size]
        place += _RECORD.size + size
        payloads.append(frame[14 + 4 * (frame[14] & 15) + 8:])
    return [payload for payload in payloads if payload.startswith(b"TwnB")]


def kinds(real: Sequence[bytes]) -> dict[str, list[bytes]]:
    """Floods by the counter of `twinboot status` that they must raise."""
    one = real[0]
    head, tail = one[:9], one[13:]
    return {
        "malformed": [b"\0" * 100, b"", one[:40], one[:10], b"TwnB" + b"\xff" * 3, one.ljust(1450, b"\0")],
        "forged": [one[:-1] + bytes((one[-1] ^ 1,)), head + b"\1\2\3\4" + tail, one[:-40] + b"\0" * 40],
        "foreign": [one[:5] + b"\1\2\3\4" + one[9:]],
        "replayed": list(real),
    }


@dataclass
class Cost:
    """What a flood did: to the counters, and the share of a processor that the agent took."""

    sent: int
    counted: dict[str, int]
    processor: float
    late: list[str]


def flood(lab: Lab, client: Client, payloads: Sequence[bytes], *, to: int, source: str | None,
          seconds: float, rate: int = 10_000) -> int:
    """Send from a client for so long; how many were sent."""
    text = "\n".join(payload.hex() or "00" for payload in payloads).encode()
    docker("exec", "-i", client.container, "sh", "-c", "cat > /payloads", stdin=text)
    words = ["/payloads", "--to", lan(lab, to), "--rate", str(rate), "--seconds", str(seconds)]
    words += ["--source", source] if source else []
    said = client.exec("/lab/flood.py", *words, timeout_s=seconds + 60)
    return int(json.loads(said.out.splitlines()[-1])["sent"])


def processor_s(server: Server) -> float:
    """Processor time of the sidecar's agent so far."""
    fields = server.exec("cat", f"/proc/{agent_of(server)}/stat").out.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def counters(server: Server) -> dict[str, int]:
    view = server.status()
    assert view is not None
    found: dict[str, int] = view["counters"]
    return found


@contextmanager
def measured(lab: Lab, number: int) -> Iterator[Cost]:
    """What happens on a server during the block."""
    server, cost = lab.server(number), Cost(0, {}, 0.0, [])
    before, used, begun = counters(server), processor_s(server), time.monotonic()
    with lab.events() as events:
        yield cost
        cost.processor = (processor_s(server) - used) / (time.monotonic() - begun)
        cost.counted = {name: count - before[name] for name, count in counters(server).items()}
        cost.late = [event.text for event in events.all if event.level != "INFO"]
