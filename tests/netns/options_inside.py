"""What happens inside the namespaces of options_rig.py: a script that takes a Case and prints an Outcome.

The dead server is a few lines of HTTP on this kernel's TCP; recording, plan, rebuilding and sending on are
the takeover's own (ConnectionTracker, Claim).
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

from options_rig import Case, Outcome, Sysctls
from twinboot.kernel import tcp_settings
from twinboot.kernel.packet_socket import ETH_P_ALL
from twinboot.takeover.host import kernel_connections
from twinboot.takeover.host.capture.capture import Capture
from twinboot.takeover.host.claim.claim import Claim
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.host.tcp_probe import RawTcpSender
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.ftp import Session, Transfer
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.tcp.segment import ACK, RST, SYN, Segment, parse_segment
from twinboot.takeover.logic.tracker import ConnectionTracker

SERVER, CLIENT = IPv4Address("192.168.0.253"), IPv4Address("192.168.1.9")
MODIFIED = 1_000_000_000
HEAD = (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nLast-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n"
        b"Connection: keep-alive\r\n\r\n")
REQUEST = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
NEXT_REQUEST = b"GET /next HTTP/1.1\r\nX-Filler: " + b"f" * 1570 + b"\r\n\r\n"
NEXT_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
WARM_BYTES = 4 << 20
"""Opens the client's window, and the dead server's congestion window."""
MORE_BYTES = 3 << 20
"""What is left of the file beyond what the dead server had sent."""
LIMIT_S = 12.0
"""A client that has not got the file by then will not get it: the kernel's silences double."""
QUARTER = 1 << 30
TCP = socket.IPPROTO_TCP
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_TIMESTAMP = 19, 20, 21, 24
SO_RCVBUFFORCE = 33
CHAIN = "nft 'add table ip {0}; add chain ip {0} c {{ type filter hook {1} priority 0; }}; {2}'"


PROBE_BYTES = 2


@dataclass(frozen=True)
class Seen:
    """A packet of the server's. ecn: the last two bits of its type of service."""

    at: float
    ecn: int
    segment: Segment


class Wire:
    """What passes the client's interface from now on; read in a thread of its own."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self._socket.bind(("eth0", ETH_P_ALL))
        self._seen: list[Seen] = []
        self.blocks = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            frame = self._socket.recv(70000)
            segment = parse_segment(frame)
            if segment is not None and segment.source == SERVER:
                self._seen.append(Seen(time.monotonic(), frame[15] & 3, segment))
            elif segment is not None:
                self.blocks += len(segment.options.sack_blocks)

    def take(self) -> list[Seen]:
        """The packets since the last call."""
        time.sleep(0.1)
        found, self._seen = self._seen, []
        return found


class Download(threading.Thread):
    """The client: everything that it has got."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(daemon=True)
        self.sock, self.got, self.end = sock, bytearray(), ""
        self.start()

    def run(self) -> None:
        try:
            while data := self.sock.recv(1 << 16):
                self.got += data
            self.end = "closed"
            self.sock.close()
        except OSError as exc:
            self.end = os.strerror(exc.errno or 0)

    def has(self, count: int, limit_s: float = LIMIT_S) -> bool:
        until = time.monotonic() + limit_s
        while len(self.got) < count and time.monotonic() < until and not self.end:
            time.sleep(0.001)
        return len(self.got) >= count


def enter(pid: int | str) -> None:
    """New sockets belong to the network namespace of this process from now on (setns(2))."""
    with open(f"/proc/{pid}/ns/net") as there:
        assert ctypes.CDLL(None).setns(there.fileno(), 0) == 0


def sh(command: str, pid: str | None = None) -> None:
    where = ["nsenter", f"--net=/proc/{pid}/ns/net"] if pid is not None else []
    subprocess.run([*where, "sh", "-ec", command], check=True)


def set_sysctls(values: Sysctls, pid: str | None = None) -> None:
    for name, value in values.items():
        sh(f"echo '{value}' >/proc/sys/net/ipv4/{name}", pid)


def position(sock: socket.socket) -> int:
    """The sequence number after all that was sent."""
    sock.setsockopt(TCP, TCP_REPAIR, 1)
    sock.setsockopt(TCP, TCP_REPAIR_QUEUE, 2)
    found = int(struct.unpack("@I", sock.getsockopt(TCP, TCP_QUEUE_SEQ, 4))[0])
    sock.setsockopt(TCP, TCP_REPAIR, -1)  # off without a probe
    return found


def wind(sock: socket.socket, value: int) -> None:
    """Set the clock of the socket's time stamps on to this value, or a quarter of a circle towards it."""
    sock.setsockopt(TCP, TCP_REPAIR, 1)
    now = struct.unpack("@I", sock.getsockopt(TCP, TCP_TIMESTAMP, 4))[0]
    step = (value - now) % 2**32
    if step < 2**32 - 10_000:  # else it was set a moment ago
        sock.setsockopt(TCP, TCP_TIMESTAMP, struct.pack("@I", (now + min(step, QUARTER)) % 2**32 & ~1))
    sock.setsockopt(TCP, TCP_REPAIR, -1)


def serve(listener: socket.socket, file: bytes) -> None:
    """The taker's HTTP service."""
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0], file), daemon=True).start()


def answer(sock: socket.socket, file: bytes) -> None:
    said = b""
    while data := sock.recv(4096):
        said += data
        if said.endswith(b"\r\n\r\n"):
            sock.sendall(file if said == REQUEST else NEXT_ANSWER)
            said = b""


class Rig:
    """The steps, in their order: until_death(), takeover(), outcome()."""

    def __init__(self, case: Case, router: str, client: str, base: Path) -> None:
        self._case, self._router, self._client, self._base = case, router, client, base
        self._data = self._head = b""
        self._tracker = ConnectionTracker(
            lambda path: FileFacts(len(self._data), MODIFIED) if path == b"/file" else None)
        self._after = ConnectionTracker(lambda _path: None)
        self._tracker.addresses = {SERVER}

    def until_death(self) -> None:
        set_sysctls(self._case.client, self._client)
        set_sysctls(self._case.server)
        self._offered = tcp_settings.offered_options()
        sh(f"ip addr add {SERVER}/32 dev eth0")
        capture = Capture("eth0")
        capture.set_addresses([SERVER])
        with socket.create_server((str(SERVER), 80)) as listener:
            enter(self._client)
            self._wire = Wire()
            client = socket.create_connection((str(SERVER), 80))
            enter(os.getppid())
            server = listener.accept()[0]
        self._key = ConnectionKey(CLIENT, client.getsockname()[1], SERVER, 80)
        mss = struct.unpack_from("@I", server.getsockopt(TCP, socket.TCP_INFO, 104), 16)[0]
        self._publish(WARM_BYTES + self._case.sent * mss + (0 if self._case.to_the_end else MORE_BYTES))
        self._download = Download(client)
        client.sendall(REQUEST)
        server.recv(1000)
        self._warm(server)
        self._last_words(server, mss)
        for _ in range(100):
            for segment in capture.read():
                self._tracker.segment(segment)

    def _publish(self, size: int) -> None:
        self._head, self._data = HEAD % size, random.Random(1).randbytes(size)
        (self._base / "file").write_bytes(self._data)
        os.utime(self._base / "file", (MODIFIED, MODIFIED))

    def _warm(self, server: socket.socket) -> None:
        if self._case.congested:
            rule = "add rule ip marks c tcp sport 80 ip ecn != not-ect ip ecn set ce"
            sh(CHAIN.format("marks", "forward", rule), self._router)
        server.setsockopt(TCP, socket.TCP_NODELAY, 1)
        for n in range(8):
            if self._case.stamp is not None:
                wind(server, self._case.stamp)
            server.sendall(self._data[n - 1:n] if n else self._head)
            assert self._download.has(len(self._head) + n)
        server.sendall(self._data[7:WARM_BYTES])
        assert self._download.has(len(self._head) + WARM_BYTES)
        time.sleep(0.1)  # until all is acknowledged

    def _last_words(self, server: socket.socket, mss: int) -> None:
        """The segments of which the client misses some, and no acknowledgement comes; then the death."""
        first = position(server)
        drops = "".join(f"add rule ip t c tcp sport 80 tcp sequence {(first + n * mss) % 2**32} drop; "
                        for n in self._case.dropped)
        sh(CHAIN.format("t", "forward", f"{drops} add rule ip t c tcp dport 80 drop"), self._router)
        for n in range(self._case.sent):  # one by one, so that each is a segment
            at = WARM_BYTES + n * mss
            server.sendall(self._data[at:at + mss])
        if self._case.to_the_end:
            server.shutdown(socket.SHUT_WR)
        self._before = self._wire.take()
        server.setsockopt(TCP, TCP_REPAIR, 1)
        server.close()  # in repair mode: sends neither FIN nor RST
        sh(f"ip addr del {SERVER}/32 dev eth0")
        sh("nft delete table ip t", self._router)
        self._before += self._wire.take()
        self._held = sum(one.segment.payload_bytes for one in self._before
                         if (one.segment.seq - first) % 2**32 < 1 << 31)
        self._wire.blocks = 0

    def _records(self) -> dict[ConnectionKey, ConnectionRecord]:
        """What the dead server had told."""
        record = self._tracker.record(self._key)
        assert record is not None
        assert record.understood
        if self._case.untold:
            asked = (FileFacts(len(self._data), MODIFIED),)
            return {self._key: replace(record, responses=(), unanswered=REQUEST, requested_files=asked)}
        if not self._case.ftp:
            return {self._key: record}
        control = replace(self._key, client_port=1, server_port=21)
        transfer = Transfer(b"/file", 0, started=True, size=len(self._data), modified=MODIFIED)
        start = (record.server_start + len(self._head)) % 2**32
        return {
            self._key: replace(record, kind=ConnectionKind.FTP_DATA, responses=(), control_key=control,
                               server_start=start, acked_bytes=0),
            control: replace(record, key=control, kind=ConnectionKind.FTP_CONTROL, responses=(),
                             session=Session(logged_in=True, binary=True, transfer=transfer)),
        }

    def _change(self) -> None:
        """What is different after the death."""
        if self._case.congested:
            sh("nft delete table ip marks", self._router)
        if self._case.strip_stamps:
            rule = "add rule ip strip c tcp dport 80 reset tcp option timestamp"
            sh(CHAIN.format("strip", "forward", rule), self._router)
        sh(f"ip link set right mtu {self._case.mtu}", self._router)
        sh(f"ip link set eth0 mtu {self._case.mtu}", self._client)
        if self._case.rate:
            sh(f"tc qdisc add dev right root tbf rate {self._case.rate} burst 64k latency 60ms", self._router)
        set_sysctls(self._case.taker)
        # As nftables.py does at a claim:
        sh(CHAIN.format("quiet", "output", "add rule ip quiet c tcp flags & rst == rst drop"))
        sh(f"ip addr add {SERVER}/32 dev eth0")

    async def takeover(self) -> None:
        self._told = self._records()
        self._change()
        whole = self._head + self._data
        listener = socket.create_server((str(SERVER), 80))
        threading.Thread(target=serve, args=(listener, whole), daemon=True).start()
        tasks: list[asyncio.Task[None]] = []
        claim = Claim(
            SERVER, "eth0", self._told, {}, PublishedTree(self._base),
            lambda one: tasks.append(asyncio.create_task(one)), self._after, lambda: True, RawTcpSender())
        begun = time.monotonic()
        running = asyncio.create_task(claim.run())
        has_it = await asyncio.to_thread(self._download.has, len(whole))
        self._took_s, self._next_s = time.monotonic() - begun, -1.0
        await running
        if self._case.to_the_end or self._case.ftp:
            await asyncio.wait(tasks, timeout=LIMIT_S)
        elif has_it:
            begun = time.monotonic()
            self._download.sock.sendall(NEXT_REQUEST)
            await asyncio.to_thread(self._download.has, len(whole) + len(NEXT_ANSWER))
            self._next_s = time.monotonic() - begun
        self._congestion_control = self._algorithm()
        await asyncio.sleep(0.2)  # until all is acknowledged
        self._counted = self._position() - len(self._download.got)
        self._end, self._served = self._download.end, all(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _algorithm(self) -> str:
        """As ss(8) tells it: the first word of the line after the connection's own."""
        said = subprocess.run(["ss", "-tinH", "dst", f"{CLIENT}:{self._key.client_port}"],
                              capture_output=True, text=True, check=True).stdout  # fmt: skip
        words = said.partition("\n")[2].split()
        known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
        return next((word for word in words if word in known), "")

    def _position(self) -> int:
        """How many bytes the client has acknowledged, from the dead server and the taker."""
        origin = self._after.sequence_origin(self._key)
        acked = kernel_connections.list_connections({SERVER}).get(self._key)
        if origin is None or acked is None:
            return -1
        start = self._tracker.record(self._key)
        assert start is not None
        return (origin[1] + acked - start.server_start) % 2**32

    def outcome(self) -> Outcome:
        record, again = self._told[self._key], self._after.record(self._key)
        client, server = record.client_syn_options, record.server_syn_options
        scaled = client.window_scale >= 0 and server.window_scale >= 0
        packets = _without_probes([
            one for one in self._wire.take() if one.segment.flags & (ACK | RST | SYN) == ACK])
        ours = [one.segment for one in packets]
        stamps = [(one.at, one.segment.options.timestamps[0]) for one in packets
                  if one.segment.options.timestamps is not None]
        ticks = (stamps[-1][1] - stamps[0][1]) % 2**32 if stamps else 0
        whole = self._head + self._data
        return Outcome(
            right=bytes(self._download.got[:len(whole)]) == whole,
            took_s=round(self._took_s, 3),
            next_s=round(self._next_s, 3),
            end=self._end,
            served=self._served,
            counted=self._counted,
            held_bytes=self._held,
            biggest=max((one.payload_bytes for one in ours), default=0),
            stamped=len(stamps),
            bare=len(ours) - len(stamps),
            ticks_per_s=round(ticks / max(0.01, stamps[-1][0] - stamps[0][0])) if stamps else 0,
            window=min((one.window for one in ours), default=0) << (server.window_scale if scaled else 0),
            scales=(client.window_scale, server.window_scale),
            sack=client.sack and server.sack,
            congestion_control=self._congestion_control,
            blocks=self._wire.blocks,
            ecn_capable=(sum(one.ecn != 0 for one in self._before), sum(one.ecn != 0 for one in packets)),
            offered=self._offered.window_scale,
            same_again=again is not None
            and (again.client_syn_options, again.server_syn_options) == (client, server),
        )


def _without_probes(packets: list[Seen]) -> list[Seen]:
    """Without the taker's TCP probes: two bytes at most, below all that the rebuilt connection sends."""
    first = next((one.segment.seq for one in packets if one.segment.payload_bytes > PROBE_BYTES), 0)
    return [one for one in packets
            if one.segment.payload_bytes > PROBE_BYTES or (one.segment.seq - first) % 2**32 < 2**31]


def main(case: str, router: str, client: str) -> None:
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        rig = Rig(Case(**json.loads(case)), router, client, Path(base))
        rig.until_death()
        asyncio.run(rig.takeover())
        print(json.dumps(asdict(rig.outcome())))


if __name__ == "__main__":
    main(*sys.argv[1:])
