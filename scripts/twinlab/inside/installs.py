#!/usr/bin/env python3
"""A storm of installs: many machines, each with hardware address and address of its own, in one container.

Each one goes the whole way: DHCP (DISCOVER to ACK), its boot loader, menu, kernel and initrd by TFTP, the
kickstart file that the menu names, and every package that `packages/SUMS` in the tree lists, by turns over
one HTTP connection and one FTP session. Each address is taken from the step before, none is known.

With --known they are hosts of the site file, by the names --name 1, 2 ...: they ask as PXE firmware does,
look again while their boot file has them wait for their turn, and report the begin and the end of the
install. --sizes 1,1,6: how often a machine fetches each package, by lot.

    installs.py --clients 200 --rate 40 --limit 300
prints JSON lines: {"t", "bytes", "from": {server's address: bytes}, "steps": {step: machines}} four times a
second, and one for each machine that has ended:
    {"mac", "address", "began", "ended", "bytes", "again": TFTP files begun anew, "error", "given": when its
    boot file said that it installs, "base": where its packages came from, "waited": looks in vain}.
A machine with an error has not retried: the first connection that is reset, refused or short ends it, and
so does the limit, in seconds.
"""

import argparse
import asyncio
import json
import random
import re
import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dhcp import ACK, DISCOVER, NAK, OFFER, REQUEST, DhcpReply, frame, message, reply_in_datagram
from downloads import Body, Datagrams, FetchError, Ftp, Http, OnBytes, tftp

RETRY_S = (1.0, 2.0, 2.0, 4.0)
ROUNDS = 12
FIRMWARE = [(60, b"PXEClient:Arch:00000:UNDI:002001"), (93, b"\0\0")]
QUEUE_S, REPORT_S = 1.0, 1.0
"""A machine that waits, or is told to, asks again so often: sooner than real ones."""


class Lan:
    """Asks for addresses; hears the answers to all (they are broadcast, RFC 2131 section 4.1)."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._raw.bind((interface, 0))
        self._answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._answers.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._answers.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._answers.bind(("", 68))
        self._answers.setblocking(False)
        self._waiting: dict[int, tuple[int, asyncio.Future[DhcpReply]]] = {}
        asyncio.get_running_loop().add_reader(self._answers, self._heard)

    def _heard(self) -> None:
        found = reply_in_datagram(self._answers.recv(2048))
        if found is None or found.xid not in self._waiting:
            return
        kind, future = self._waiting[found.xid]
        if found.kind in (kind, NAK) and not future.done():
            future.set_result(found)

    async def lease(self, mac: bytes, xid: int, said: Sequence[tuple[int, bytes]]) -> DhcpReply:
        """The ACK of an address that is now ours. said: options that tell what the machine is."""
        for _ in range(ROUNDS):
            asked = message(DISCOVER, mac, xid, options=[(55, b"\1\3\6"), *said])
            offer = await self._asked(xid, OFFER, asked, mac)
            if offer is not None:
                options = [(50, offer.address), (54, offer.server), *said]
                ack = await self._asked(xid, ACK, message(REQUEST, mac, xid, options=options), mac)
                if ack is not None:
                    where = socket.inet_ntoa(ack.address)
                    command = ("ip", "address", "add", f"{where}/32", "dev", self._interface)
                    subprocess.run(command, check=True)
                    return ack
        raise FetchError("no address")

    async def _asked(self, xid: int, kind: int, text: bytes, mac: bytes) -> DhcpReply | None:
        """The reply; None when nobody answers, or with a NAK."""
        for wait_s in RETRY_S:
            future: asyncio.Future[DhcpReply] = asyncio.get_running_loop().create_future()
            self._waiting[xid] = (kind, future)
            self._raw.send(frame(mac, text))
            try:
                found = await asyncio.wait_for(future, wait_s)
            except TimeoutError:
                continue
            return found if found.kind == kind else None
        return None


@dataclass
class Machine:
    """One install. step says where it is."""

    number: int
    name: str = ""
    times: int = 1
    dns: tuple[str, ...] = ()
    step: str = "off"
    file: str = ""
    address: str = ""
    began: float = 0.0
    again: int = 0
    given: float = 0.0
    base: str = ""
    waited: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    """Bytes, by the address they came from."""

    @property
    def mac(self) -> bytes:
        return b"\x52\x54\x03" + self.number.to_bytes(3, "big")

    def took(self, server: str) -> OnBytes:
        """Counts what comes from there."""
        def count(size: int) -> None:
            self.taken[server] += size

        return count

    async def install(self, lan: Lan) -> None:
        self.began, self.step = time.time(), "dhcp"
        ack = await lan.lease(self.mac, 0x1257_0000 + self.number, FIRMWARE if self.name else ())
        self.address, server = socket.inet_ntoa(ack.address), socket.inet_ntoa(ack.next_server)
        self.step = "tftp"
        await self._tftp(server, ack.file)
        menu = await self._menu(server, ack.address)
        self.given = time.time()
        for which in ("KERNEL", "INITRD"):
            place, _, path = _found(rf"(?m)^\s*{which}\s+(\S+)", menu).rpartition("::")
            await self._tftp(place or server, path)
        self.step = "kickstart"
        kickstart = (await self._url(_found(r"inst\.ks=(\S+)", menu))).kept.decode()
        url = _found(r'(?m)^url\s+--url[= ]"?([^\s"]+)', kickstart).rstrip("/")
        token = f"storm-{self.number:08d}-{time.time_ns():x}"
        await self._report("start", token)
        self.step = "packages"
        await self._packages(url)
        await self._report("done", token)
        self.step = "done"

    async def _menu(self, server: str, address: bytes) -> str:
        """The machine's boot file, when it is no longer one that has it wait."""
        path = f"pxelinux.cfg/host.{self.name}" if self.name else f"pxelinux.cfg/{address.hex().upper()}"
        while True:
            menu = (await self._tftp(server, path)).kept.decode()
            if "waits for its turn" not in menu:
                return menu
            self.step = "queue"
            self.waited += 1
            await asyncio.sleep(QUEUE_S)

    async def _report(self, event: str, token: str) -> None:
        """As an installer does: again and again, until a server has decided; a server that dies is another's
        turn."""
        while self.name:
            try:
                http = Http(self.address, self.base)
                said = (await http.get(f"/report/{self.name}/{event}?token={token}", lambda _: None)).kept
                http.close()
            except (FetchError, OSError, EOFError):
                said = b"wait"
            if said.startswith(b"no "):
                raise FetchError(f"{event}: {said.decode()}")
            if not said.startswith(b"wait"):
                return
            await asyncio.sleep(REPORT_S)

    async def _tftp(self, server: str, name: str) -> Body:
        self.file = name
        body, again = await tftp(self.address, server, name, self.took(server))
        self.again += again
        return body

    async def _url(self, url: str) -> Body:
        where, self.file = urlsplit(url), url
        self.base = await resolved(where.netloc, self.address, self.dns)
        kind = Http if where.scheme == "http" else Ftp
        source = kind(self.address, self.base)
        try:
            return await source.get(where.path, self.took(self.base))
        finally:
            source.close()

    async def _packages(self, base: str) -> None:
        where = urlsplit(base)
        self.base = await resolved(where.netloc, self.address, self.dns)
        http, ftp = Http(self.address, self.base), Ftp(self.address, self.base)
        took = self.took(self.base)
        try:
            sums = (await http.get(f"{where.path}/packages/SUMS", took)).kept.decode()
            for turn, line in enumerate(sums.splitlines() * self.times):
                wanted, name = line.split()
                source: Http | Ftp = http if (turn + self.number // 2) % 2 else ftp
                self.file = f"{name} by {type(source).__name__}"
                body = await source.get(f"{where.path}/packages/{name}", took)
                if body.sha256 != wanted:
                    raise FetchError(f"{name}: wrong bytes")
        finally:
            http.close()
            ftp.close()


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise FetchError(f"no {pattern} in: {text[:200]}")
    return found[1]


async def resolved(name: str, ip: str, servers: Sequence[str]) -> str:
    """The first address of a name (RFC 1035 section 4.1), asked from this address; of an address, itself."""
    if name.replace(".", "").isdigit():
        return name
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    number = random.getrandbits(16)
    asked = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    loop = asyncio.get_running_loop()
    for server in [*servers] * 5:
        transport, datagrams = await loop.create_datagram_endpoint(Datagrams, local_addr=(ip, 0))
        try:
            transport.sendto(asked, (server, 53))
            reply, _ = await asyncio.wait_for(datagrams.queue.get(), 1.0)
        except (TimeoutError, OSError):
            continue
        finally:
            transport.close()
        first = reply[len(asked):]  # a pointer to the name, type, class, time to live, length, address
        if reply[:2] == asked[:2] and len(first) >= 16 and first[2:4] == b"\0\1":
            return socket.inet_ntoa(first[12:16])
    raise FetchError(f"no address of {name}")


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


async def whole(machine: Machine, lan: Lan, after_s: float, limit_s: float) -> None:
    await asyncio.sleep(after_s)
    error = ""
    try:
        async with asyncio.timeout(limit_s):
            await machine.install(lan)
    except (FetchError, OSError, EOFError, ValueError, IndexError) as exc:
        error = f"{machine.step}: {machine.file}: {type(exc).__name__} {exc}"
        machine.step = "failed"
    say(mac=machine.mac.hex(":"), address=machine.address, began=machine.began, ended=time.time(),
        bytes=machine.taken.total(), again=machine.again, error=error, given=machine.given, base=machine.base,
        waited=machine.waited)


async def run(args: argparse.Namespace) -> None:
    lan = Lan(args.interface)
    sizes, draw = [int(one) for one in args.sizes.split(",")], random.Random(args.seed)
    machines = [
        Machine(number, f"{args.name}{number + 1}" if args.known else "", draw.choice(sizes), tuple(args.dns))
        for number in range(args.clients)
    ]

    async def progress() -> None:
        while True:
            taken = sum((one.taken for one in machines), Counter())
            say(t=time.time(), bytes=taken.total(), steps=Counter(one.step for one in machines),
                **{"from": taken})
            await asyncio.sleep(0.25)

    telling = asyncio.create_task(progress())
    await asyncio.gather(*(whole(one, lan, one.number / args.rate, args.limit) for one in machines))
    telling.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=float, default=40, help="machines switched on each second")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one machine")
    parser.add_argument("--known", action="store_true", help="hosts of the site file, which report")
    parser.add_argument("--name", default="storm", help="of those, before their number")
    parser.add_argument("--sizes", default="1", help="how often a machine fetches each package, by lot")
    parser.add_argument("--seed", type=int, default=1, help="of the lots")
    parser.add_argument("--dns", nargs="*", default=[], help="name servers, where URLs have a name")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
