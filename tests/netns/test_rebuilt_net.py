"""A rebuilt connection fills a gap in the client's data at once: in a network namespace. Needs root."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twinboot.kernel.tcp_repair import open_established
from twinboot.takeover.host.rebuild import as_repaired, rebuild
from twinboot.takeover.host.tcp_probe import ProbeReplies, RawTcpSender
from twinboot.takeover.logic.plan import ClientPosition, Rebuild
from twinboot.takeover.logic.probe import Probe, ProbeWay
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp.segment import ACK

SERVER, CLIENT = "192.168.0.253", "192.168.0.9"
SEGMENT, SENT, COUNT, LOST = 1448, 20, 60, 2
INSIDE = """
ip link set lo mtu 1500 up
ip addr add {0}/32 dev lo
ip addr add {1}/32 dev lo
nft 'add table ip quiet; add chain ip quiet c {{ type filter hook output priority 0; }}
     add rule ip quiet c tcp flags & rst == rst drop'
exec {2} {3} {4}
"""
WARM_BYTES = 4 << 20
DATA = bytes(range(256)) * (SEGMENT * COUNT // 256 + 1)


def gone_on(how: str) -> dict[str, Any]:
    script = INSIDE.format(SERVER, CLIENT, sys.executable, __file__, how)
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_hole_is_filled_at_once_in_segments_as_they_were_agreed_upon() -> None:
    """The client's blocks are repeated to this kernel, or the client repeats them when it is asked."""
    found = {how: gone_on(how) for how in ("reminded", "asked", "left")}
    assert [one["right"] for one in found.values()] == [True, True, True]
    assert [one["segment"] for one in found.values()] == [SEGMENT, SEGMENT, SEGMENT]
    assert found["left"]["took_s"] > 0.5, "the kernel's own timer: else this test shows nothing"
    assert found["reminded"]["took_s"] < found["left"]["took_s"] / 2
    assert found["asked"]["took_s"] < found["left"]["took_s"] / 2


def test_the_service_may_be_started_again_beside_it() -> None:
    """As an image is swapped, or its configuration changes, while connections of a dead server go on."""
    assert gone_on("port") == {"bound": True, "gone on": True}


def test_what_is_left_of_an_earlier_connection_between_the_same_ends_is_no_hindrance() -> None:
    """A machine that was started again fetches from the same port; this server has served its last start."""
    assert gone_on("again") == {"left": True, "gone on": True}


# Inside -----------------------------------------------------------------------------------------------


def _position(sock: socket.socket, queue: int) -> int:
    sock.setsockopt(socket.IPPROTO_TCP, 20, queue)  # TCP_REPAIR_QUEUE
    return int(struct.unpack("@I", sock.getsockopt(socket.IPPROTO_TCP, 21, 4))[0])  # TCP_QUEUE_SEQ


def main(how: str) -> None:
    listener = socket.create_server((SERVER, 80))
    client = socket.create_connection((SERVER, 80), source_address=(CLIENT, 0))
    server, (_, port) = listener.accept()
    tcp = socket.IPPROTO_TCP
    threading.Thread(target=server.sendall, args=(bytes(WARM_BYTES),)).start()  # opens the client's window
    client.settimeout(60)
    warm = 0
    while warm < WARM_BYTES:
        warm += len(client.recv(65536))
    server.setsockopt(tcp, 19, 1)  # TCP_REPAIR
    received, sent = _position(server, 1), _position(server, 2)
    server.setsockopt(tcp, 19, -1)  # off without a probe
    lost = (sent + LOST * SEGMENT) % 2**32
    subprocess.run(["nft", f"add table ip t; add chain ip t c {{ type filter hook input priority 0; }};"
                           f"add rule ip t c tcp sport 80 tcp sequence {lost} drop;"
                           "add rule ip t c tcp dport 80 drop"], check=True)  # no ACK comes
    server.setsockopt(tcp, socket.TCP_NODELAY, 1)
    for number in range(SENT):  # one by one, so that each is a segment
        server.sendall(DATA[SEGMENT * number:SEGMENT * (number + 1)])
        time.sleep(0.002)
    server.setsockopt(tcp, 19, 1)
    server.close()  # in repair mode: sends neither FIN nor RST
    subprocess.run(["nft", "delete table ip t"], check=True)

    key = ConnectionKey(IPv4Address(CLIENT), port, IPv4Address(SERVER), 80)
    sender, replies = RawTcpSender(), ProbeReplies("lo", key.server)
    sender.probe(key, Probe(ProbeWay.KEEPALIVE, ACK, sent - 1, received))
    time.sleep(0.6)  # Linux answers such probes at most twice a second
    sender.probe(key, Probe(ProbeWay.KEEPALIVE, ACK, sent - 1, received))
    time.sleep(0.1)
    answer = next(ClientPosition.of(segment) for name, segment in replies.read()
                  if name == key and segment.options.sack_blocks)
    offer = SynOptions(SEGMENT + 12, 7, sack=True, timestamps=True)
    record = ConnectionRecord(key, ConnectionKind.HTTP, received, sent, received, offer, offer)
    held = (answer.sack_blocks[0][1] - answer.ack) % 2**32
    assert held > 10 * SEGMENT, "more than a new connection may send at once: else this shows nothing"
    ahead = DATA[LOST * SEGMENT:LOST * SEGMENT + held]
    begun = time.monotonic()
    plan = Rebuild(received, answer.ack, len(ahead), (), answer, close_after=True)
    sock = open_established(replace(as_repaired(record, plan, ahead), timed=how == "asked"))
    if how == "reminded":
        sender.replay_sack(key, answer)
    sock.send(DATA[LOST * SEGMENT + held:COUNT * SEGMENT])
    segment = struct.unpack_from("@I", sock.getsockopt(tcp, socket.TCP_INFO, 104), 16)[0]
    got = b""
    while len(got) < COUNT * SEGMENT:
        got += client.recv(65536)
    print(json.dumps({"took_s": time.monotonic() - begun, "right": got == DATA[:COUNT * SEGMENT],
                      "segment": segment}))


def port() -> None:
    """A connection is taken from its server in silence and rebuilt; another server listens."""
    listener = socket.create_server((SERVER, 80))
    client = socket.create_connection((SERVER, 80), source_address=(CLIENT, 0))
    server, (_, number) = listener.accept()
    server.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
    received, sent = _position(server, 1), _position(server, 2)
    server.close()
    listener.close()

    offer = SynOptions(1460, 7, sack=True, timestamps=False)
    key = ConnectionKey(IPv4Address(CLIENT), number, IPv4Address(SERVER), 80)
    record = ConnectionRecord(key, ConnectionKind.HTTP, received, sent, received, offer, offer)
    where = ClientPosition(sent, received, 64 << 10)
    sock = open_established(as_repaired(record, Rebuild(received, sent, 0, (), where, close_after=True), b""))
    bound = True
    try:
        socket.create_server(("", 80)).close()  # with SO_REUSEADDR, as daemons do
    except OSError:
        bound = False
    sock.send(DATA[:SEGMENT])
    client.settimeout(60)
    print(json.dumps({"bound": bound, "gone on": client.recv(SEGMENT) == DATA[:SEGMENT]}))


def again() -> None:
    """A connection is closed in good order; one between the same ends, of another server, is rebuilt. Without
    time stamps, as boot loaders have none: with them the kernel makes room by itself."""
    Path("/proc/sys/net/ipv4/tcp_timestamps").write_text("0")
    listener = socket.create_server((SERVER, 80))
    client = socket.create_connection((SERVER, 80), source_address=(CLIENT, 0))
    server, (_, number) = listener.accept()
    server.close()
    assert not client.recv(1)
    client.close()
    listener.close()
    time.sleep(0.2)
    ends = f"{socket.htonl(int(IPv4Address(SERVER))):08X}:0050 {socket.htonl(int(IPv4Address(CLIENT))):08X}"
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    left = any(" ".join(line[1:3]).startswith(ends) and line[3] == "06" for line in table)

    key = ConnectionKey(IPv4Address(CLIENT), number, IPv4Address(SERVER), 80)
    offer = SynOptions(1460, 7, sack=True, timestamps=False)
    record = ConnectionRecord(key, ConnectionKind.HTTP, 6_520, 1_000, 6_520, offer, offer)
    where = ClientPosition(1_000, 6_520, 64 << 10)
    plan = Rebuild(6_520, 1_000, 0, (), where, close_after=True)
    wanted = as_repaired(record, plan, b"")
    peer = open_established(replace(
        wanted, local=wanted.remote, remote=wanted.local, send_next=wanted.receive_next,
        receive_next=wanted.send_next,
    ))  # fmt: skip
    sock, _ = rebuild(record, plan, b"")
    sock.send(DATA[:SEGMENT])
    peer.setblocking(True)
    peer.settimeout(60)
    print(json.dumps({"left": left, "gone on": peer.recv(SEGMENT) == DATA[:SEGMENT]}))


if __name__ == "__main__":
    {"port": port, "again": again}.get(sys.argv[1], lambda: main(sys.argv[1]))()
