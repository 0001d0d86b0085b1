"""Clients behind NAT and behind stateful packet filters are taken over: in network namespaces, as root.

    server eth0 -- eth0 router eth1 -- eth0 client

The connections' server vanishes in mid-file, as at a power-off; its kernel's connection tracking forgets
them, as another machine's never knew them; then a real claim asks the client's kernel and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from email.utils import formatdate
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from longcases import long_but
from twinboot.kernel import netlink, tcp_repair
from twinboot.takeover.host.claim.claim import Claim
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.host.tcp_probe import RawTcpSender
from twinboot.takeover.logic.probe import ProbeWay, probe_of
from twinboot.takeover.logic.protocols.ftp import Channel, Session, Transfer
from twinboot.takeover.logic.protocols.http_heads import Response
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.settle import SETTLED_AFTER_S

SERVER, ROUTER, CLIENT = "192.168.0.253", "192.168.0.9", "10.1.1.2"
DATA_PORT = 50000
PORTS = {"http": 80, "control": 21}
KINDS = {"http": ConnectionKind.HTTP, "control": ConnectionKind.FTP_CONTROL, "data": ConnectionKind.FTP_DATA}
FILE = b"/big.bin"
SIZE, SENT = 3 << 20, 1 << 20
DATA = bytes(range(251)) * (SIZE // 251 + 1)
QUIET = "add table ip quiet; add chain ip quiet c { type filter hook output priority 0; }; " \
        "add rule ip quiet c ip saddr 192.168.0.253 tcp flags & rst == rst drop; "
STRICT = "add table ip strict; add chain ip strict c { type filter hook %s priority 0; policy drop; }; " \
         "add rule ip strict c ct state invalid drop; " \
         "add rule ip strict c ct state established,related accept; "
NAT = "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; " \
      "add rule ip nat post oif eth0 masquerade; " \
      "add chain ip nat pre { type nat hook prerouting priority -100; }; " \
      f"add rule ip nat pre iif eth0 tcp dport {DATA_PORT} dnat to {CLIENT}; "
CLIENT_RULES = {
    "nobody": ("", ""),
    "NAT": (NAT, ""),
    "NAT with a strict filter": (
        NAT + STRICT % "forward" + "add rule ip strict c iif eth1 accept; "
        f"add rule ip strict c tcp dport {DATA_PORT} ct state new tcp flags & (syn | ack) == syn accept", ""),
    "NAT that refuses old numbers": (NAT, ""),
    "its own strict filter": (
        "", STRICT % "input" + f"add rule ip strict c tcp dport {DATA_PORT} ct state new accept"),
}
TAKER_RULES = {
    "": QUIET,
    "tcp_loose=0": QUIET + STRICT % "input"
                   + "add rule ip strict c tcp dport { 21, 80 } ct state new accept; "
                   "add chain ip strict o { type filter hook output priority 0; policy drop; }; "
                   "add rule ip strict o ct state invalid drop; add rule ip strict o accept",
}
INSIDE = """
unshare --net sleep 60 & router=$!
unshare --net sleep 60 & client=$!
trap 'kill $router $client' EXIT
for one in $router $client; do
    until [ "$(readlink /proc/$one/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
done
r="nsenter --net=/proc/$router/ns/net" c="nsenter --net=/proc/$client/ns/net"
ip link add eth0 type veth peer name eth0 netns $router
$r ip link add eth1 type veth peer name eth0 netns $client
ip link set lo up; ip link set eth0 up; ip addr add {server}/24 dev eth0
$r ip link set eth0 up; $r ip link set eth1 up
$r ip addr add {router}/24 dev eth0; $r ip addr add 10.1.1.1/24 dev eth1
$r sh -c "echo 1 >/proc/sys/net/ipv4/ip_forward"
$c ip link set lo up; $c ip link set eth0 up; $c ip addr add {client}/24 dev eth0
$c ip route add default via 10.1.1.1; ip route add 10.1.1.0/24 via {router}
{python} {file} $router $client "$@"
"""


def claimed(behind: str, taker: str, move: str) -> dict[str, Any]:
    script = INSIDE.format(server=SERVER, router=ROUTER, client=CLIENT, python=sys.executable, file=__file__)
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script, "sh", behind, taker, move],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("behind", "taker", "move"), long_but(
    lambda behind, taker, move: (move == "power-off" and not taker) or (behind == "NAT" and bool(taker)),
    CLIENT_RULES, TAKER_RULES, ["power-off", "planned"],
))  # fmt: skip
def test_every_download_goes_on(behind: str, taker: str, move: str) -> None:
    found = claimed(behind, taker, move)
    assert found == {"http": "whole", "control": "226", "data": "whole", "taken-over": 3, "silent": 0}


@pytest.mark.parametrize("behind", long_but(lambda behind: behind.startswith("NAT"), CLIENT_RULES))
def test_a_data_connection_that_its_client_has_closed_is_known_to_be_over(behind: str) -> None:
    """A NAT box lets the RST of one way pass alone."""
    found = claimed(behind, "", "power-off after the client has closed")
    assert found == {"http": "whole", "control": "226", "data": "1048576 bytes", "taken-over": 2, "silent": 0}


# Inside -----------------------------------------------------------------------------------------------


def _enter(pid: int | str) -> None:
    """New sockets belong to the network namespace of this process from now on (setns(2))."""
    with open(f"/proc/{pid}/ns/net") as there:
        assert ctypes.CDLL(None).setns(there.fileno(), 0) == 0


@contextlib.contextmanager
def _within(pid: str) -> Iterator[None]:
    _enter(pid)
    try:
        yield
    finally:
        _enter(os.getppid())


def _rules(rules: str, pid: str | None = None) -> None:
    where = ["nsenter", f"--net=/proc/{pid}/ns/net"] if pid else []
    if rules:
        subprocess.run([*where, "nft", rules], check=True)


def _forget_connections() -> None:
    """As `conntrack -F`: IPCTNL_MSG_CT_DELETE without a tuple."""
    with netlink.open_socket(netlink.Family.NETFILTER) as sock:
        sock.send(netlink.message(1 << 8 | 2, netlink.REQUEST | netlink.ACK, 1, struct.pack(">BBH", 2, 0, 0)))
        sock.recv(4096)


def _refuse_keepalives(records: Iterable[ConnectionRecord], router: str) -> None:
    """A router that resets what is older than a window, as Linux before 6.1: it has no such connection."""
    old = {probe_of(one, ProbeWay.KEEPALIVE, again=again).seq for one in records for again in (False, True)}
    _rules("add table ip box; add chain ip box c { type filter hook forward priority 0; }; "
           f"add rule ip box c ip saddr {SERVER} tcp flags == ack "
           f"tcp sequence {{ {', '.join(map(str, old))} }} reject with tcp reset", router)


def _numbers(sock: socket.socket) -> tuple[int, int]:
    """The sequence numbers after what was received and after what was sent."""
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, 19, 1)  # TCP_REPAIR
    found = []
    for queue in (1, 2):
        sock.setsockopt(tcp, 20, queue)  # TCP_REPAIR_QUEUE
        found.append(struct.unpack("@I", sock.getsockopt(tcp, 21, 4))[0])  # TCP_QUEUE_SEQ
    sock.setsockopt(tcp, 19, -1)  # off without a probe
    return found[0], found[1]


def _record(sock: socket.socket, kind: ConnectionKind) -> ConnectionRecord:
    """As it is when nothing was said yet."""
    (server, port), (client, client_port) = sock.getsockname(), sock.getpeername()
    received, sent = _numbers(sock)
    key = ConnectionKey(IPv4Address(client), client_port, IPv4Address(server), port)
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
    offers = [SynOptions(1460, scale, sack=True, timestamps=True) for scale in (info[6] & 15, info[6] >> 4)]
    return ConnectionRecord(key, kind, received, sent, received, offers[0], offers[1],
                            dialect=DIALECT if kind is ConnectionKind.FTP_CONTROL else None)


def _slowly_read(sock: socket.socket, got: bytearray, most: int) -> None:
    """To the end, or so many bytes."""
    while len(got) < most and (data := sock.recv(65536)):
        got += data
        time.sleep(0.001)


class Everything:
    """The follower of a claim."""

    def seed(self, *_: Any) -> None:
        """Nothing."""

    passive_port_agreed = passive_port_learned = server_sent = seed


async def _take_over(records: dict[ConnectionKey, ConnectionRecord], tree: PublishedTree, planned: bool,
                     until_done: threading.Event) -> tuple[int, int]:
    tasks = set()

    def spawn(job: Any) -> None:
        tasks.add(asyncio.create_task(job))

    claim = Claim(IPv4Address(SERVER), "eth0", records, {}, tree, spawn, Everything(), lambda: True,
                  RawTcpSender(), settle_s=SETTLED_AFTER_S if planned else 0.0)
    outcome = await claim.run()
    claim.close()
    until = time.monotonic() + 8
    while not until_done.is_set() and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return outcome.taken_over, outcome.silent


def main(router: str, client: str, behind: str, taker: str, move: str) -> None:
    on_router, on_client = CLIENT_RULES[behind]
    _rules(TAKER_RULES[taker])
    _rules(on_router, router)
    _rules(on_client, client)
    if taker == "tcp_loose=0":
        Path("/proc/sys/net/netfilter/nf_conntrack_tcp_loose").write_text("0")
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    file = root / FILE.decode()[1:]
    file.write_bytes(DATA[:SIZE])
    file.chmod(0o644)
    modified = int(file.stat().st_mtime)
    tree = PublishedTree(root)
    listeners = {name: socket.create_server((SERVER, port)) for name, port in PORTS.items()}
    with _within(client):
        clients = {name: socket.create_connection((SERVER, port)) for name, port in PORTS.items()}
        waits = socket.create_server((CLIENT, DATA_PORT))
    servers = {name: one.accept()[0] for name, one in listeners.items()}
    there = ROUTER if "NAT" in behind else CLIENT
    servers["data"] = socket.create_connection((there, DATA_PORT), source_address=(SERVER, 40020))
    clients["data"] = waits.accept()[0]
    waits.close()
    records = {name: _record(one, KINDS[name]) for name, one in servers.items()}

    request = b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n"
    head = (f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\nLast-Modified: {formatdate(modified, usegmt=True)}"
            "\r\nConnection: close\r\n\r\n").encode()
    clients["http"].sendall(request)
    clients["control"].sendall(b"RETR big.bin\r\n")
    assert servers["http"].recv(1000) == request
    assert servers["control"].recv(1000)
    said = b"150 Opening BINARY mode data connection.\r\n"
    servers["control"].sendall(said)
    got = {name: bytearray() for name in clients}
    most = {"data": SENT if "closed" in move else 2 * SIZE}
    threads = [threading.Thread(target=_slowly_read, args=(one, got[name], most.get(name, 2 * SIZE)),
                                daemon=True) for name, one in clients.items()]
    for one in threads:
        one.start()
    servers["http"].sendall(head + DATA[:SENT])
    servers["data"].sendall(DATA[:SENT])
    if move != "power-off":
        while any(struct.unpack_from("=Q", one.getsockopt(6, socket.TCP_INFO, 128), 120)[0] < SENT
                  for one in (servers["http"], servers["data"])):
            time.sleep(0.01)
    exact = SENT if move == "planned" and "refuses" not in behind else 0
    session = Session(logged_in=True, binary=True, channel=Channel.NONE, pending=(b"RETR big.bin",),
                      transfer=Transfer(FILE, 0, True, SIZE, modified))
    http = replace(records["http"], acked_bytes=exact and exact + len(head), responses=(
        Response(0, head, b"/big.bin", 0, SIZE, SIZE, 200, is_file_range=True, keep_alive=False),))
    http = replace(http, client_next=(http.client_start + len(request)) % 2**32)
    control = records["control"]
    control = replace(control, session=session, client_next=(control.client_start + 14) % 2**32,
                      reply_tail=said, reply_tail_end=(control.server_start + len(said)) % 2**32)
    data = replace(records["data"], control_key=control.key, acked_bytes=exact, opened_by_server=True)
    for one in listeners.values():
        one.close()
    for one in servers.values():
        tcp_repair.freeze(one)
        one.close()
    if "closed" in move:
        threads[2].join(5)
        clients["data"].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        clients["data"].close()
    _forget_connections()
    if "refuses" in behind:
        _refuse_keepalives((http, control, data), router)
    done = threading.Event()
    threading.Thread(target=lambda: ([one.join(8) for one in threads if one is not threads[1]],
                                     time.sleep(0.3), done.set()), daemon=True).start()
    taken, silent = asyncio.run(_take_over({one.key: one for one in (http, control, data)}, tree,
                                           move == "planned", done))
    print(json.dumps({
        "http": "whole" if got["http"] == head + DATA[:SIZE] else f"{len(got['http'])} bytes",
        "control": bytes(got["control"])[len(said):].decode()[:3],
        "data": "whole" if got["data"] == DATA[:SIZE] else f"{len(got['data'])} bytes",
        "taken-over": taken, "silent": silent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
