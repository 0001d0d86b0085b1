"""Stall recovery: a server's qdisc drops all for longer than the kernel retries. In namespaces, as root."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import time
from ipaddress import IPv4Address
from typing import Any

import pytest
from twinboot.takeover.host.rebuild import rebuild
from twinboot.takeover.host.stall_recovery import StallRecovery
from twinboot.takeover.host.tcp_probe import RawTcpSender
from twinboot.takeover.logic.plan import ClientPosition, Rebuild
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions

SERVER, OTHER, CLIENT = "192.168.0.253", "192.168.0.254", "192.168.0.9"
NARROW_S = 14.0
"""Linux gives such a connection up after 11 s."""
BEFORE, AFTER = b"a" * 5000, b"b" * 3000
INSIDE = """
unshare --net sleep 240 & peer=$!
until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
trap 'kill $peer' EXIT
ip link add eth0 type veth peer name eth0 netns $peer
ip link set lo up
ip link set eth0 up
ip addr add {0}/24 dev eth0
ip addr add {1}/24 dev eth0
nsenter --net=/proc/$peer/ns/net ip link set eth0 up
nsenter --net=/proc/$peer/ns/net ip addr add {2}/24 dev eth0
{3} {4} $peer
"""


@pytest.fixture(scope="module")
def ends() -> dict[str, Any]:
    script = INSIDE.format(SERVER, OTHER, CLIENT, sys.executable, __file__)
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True,
                          timeout=240, check=False)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("which", ["served", "rebuilt", "active"])
def test_a_connection_goes_on_past_a_queue_that_was_full_for_long(ends: dict[str, Any], which: str) -> None:
    assert ends["left alone"] == os.strerror(errno.ETIMEDOUT), "else this test shows nothing"
    assert ends[which] == "went on"


def test_a_client_that_takes_nothing_is_left_in_peace(ends: dict[str, Any]) -> None:
    assert ends["of a closed window"] == "left in peace"


# Inside -----------------------------------------------------------------------------------------------


def _position(sock: socket.socket, queue: int) -> int:
    sock.setsockopt(socket.IPPROTO_TCP, 20, queue)  # TCP_REPAIR_QUEUE
    return int(struct.unpack("@I", sock.getsockopt(socket.IPPROTO_TCP, 21, 4))[0])  # TCP_QUEUE_SEQ


def _positions(sock: socket.socket) -> tuple[int, int]:
    """The sequence numbers after what was received and after what was sent."""
    sock.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
    found = _position(sock, 1), _position(sock, 2)
    sock.setsockopt(socket.IPPROTO_TCP, 19, -1)  # off without a probe
    return found


def _key(sock: socket.socket) -> ConnectionKey:
    (server, port), (client, client_port) = sock.getsockname(), sock.getpeername()
    return ConnectionKey(IPv4Address(client), client_port, IPv4Address(server), port)


def _queue(qdisc: str) -> None:
    subprocess.run(f"tc qdisc replace dev eth0 root {qdisc}", shell=True, check=True)


def _enter(pid: int | str) -> None:
    """New sockets belong to the network namespace of this process from now on (setns(2))."""
    with open(f"/proc/{pid}/ns/net") as there:
        assert ctypes.CDLL(None).setns(there.fileno(), 0) == 0


def _talked(server: socket.socket, client: socket.socket) -> None:
    client.sendall(b"some words of a client's")
    server.recv(100)
    server.sendall(BEFORE)
    got = b""
    while len(got) < len(BEFORE):
        got += client.recv(65536)


def _anew(server: socket.socket) -> tuple[socket.socket, tuple[int, int]]:
    """The same connection rebuilt, as if it had been taken over from another server."""
    key, (received, sent) = _key(server), _positions(server)
    server.setsockopt(socket.IPPROTO_TCP, 19, 1)
    clock = struct.unpack("@I", server.getsockopt(socket.IPPROTO_TCP, 24, 4))[0]  # TCP_TIMESTAMP
    server.close()
    offer = SynOptions(1460, 7, sack=True, timestamps=True)
    answer = ClientPosition(received, sent, 512, timestamps=(0, clock))
    record = ConnectionRecord(key, ConnectionKind.HTTP, received, sent, received, offer, offer)
    return rebuild(record, Rebuild(received, sent, 0, (), answer, close_after=True), b"")


def main(peer: str) -> None:
    listeners = {name: socket.create_server((address, port)) for name, address, port in (
        ("served", SERVER, 80), ("rebuilt", SERVER, 8080), ("left alone", OTHER, 80),
        ("patient", SERVER, 8081))}
    _enter(peer)
    clients = {name: socket.create_connection(one.getsockname()) for name, one in listeners.items()}
    waits = socket.create_server((CLIENT, 0))
    _enter(os.getppid())
    servers = {name: one.accept()[0] for name, one in listeners.items()}
    servers["active"] = socket.create_connection(waits.getsockname(), source_address=(SERVER, 40020))
    clients["active"] = waits.accept()[0]
    begins = {_key(one): _positions(one) for one in servers.values()}
    received, sent = begins[_key(servers["active"])]
    begins[_key(servers["active"])] = received, sent - 1  # Linux counts the SYN that it sent itself
    for name, one in servers.items():
        _talked(one, clients[name])
    servers["rebuilt"], begins[_key(servers["rebuilt"])] = _anew(servers["rebuilt"])

    patient = servers.pop("patient")
    paused = _key(patient)
    reads_nothing = clients.pop("patient")
    patient.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            patient.send(bytes(1 << 20))
            time.sleep(0.1)
    repeated: set[ConnectionKey] = set()

    def known(key: ConnectionKey) -> tuple[int, int] | None:
        repeated.add(key)
        return begins.get(key)

    recovery = StallRecovery(RawTcpSender(), lambda: {IPv4Address(SERVER)}, known)
    _queue("pfifo limit 0")
    for one in servers.values():
        one.sendall(AFTER)
    until = time.monotonic() + NARROW_S
    while time.monotonic() < until:
        recovery.scan()
        time.sleep(0.1)
    _queue("pfifo limit 1000")
    recovery.scan()
    ends = {"of a closed window": "repeated" if paused in repeated else "left in peace"}
    reads_nothing.close()
    for name, client in clients.items():
        client.settimeout(3 if name == "left alone" else 60)
        try:
            got = b""
            while len(got) < len(AFTER):
                got += client.recv(65536)
            ends[name] = "went on" if got == AFTER else "wrong bytes"
        except OSError as exc:
            code = servers[name].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            ends[name] = os.strerror(code) if code else str(exc)
    print(json.dumps(ends))


if __name__ == "__main__":
    main(sys.argv[1])
