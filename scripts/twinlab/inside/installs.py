#!/usr/bin/env python3
"""A storm of installs: many machines, each with hardware address and address of its own, in one container.

Each one goes the whole way: DHCP (DISCOVER to ACK), its boot loader, menu, kernel and initrd by TFTP, the
kickstart file that the menu names, and every package that `packages/SUMS` in the tree lists, by turns over
one HTTP connection and one FTP session. Each address is taken from the step before, none is known.

    installs.py --clients 200 --rate 40 --limit 300
prints JSON lines: {"t", "bytes", "from": {server's address: bytes}, "steps": {step: machines}} four times a
second, and one for each machine that has ended:
    {"mac", "address", "began", "ended", "bytes", "again": TFTP files begun anew, "error"}.
A machine with an error has not retried: the first connection that is reset, refused or short ends it, and
so does the limit, in seconds.
"""

import argparse
import asyncio
import json
import re
import socket
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dhcp import ACK, DISCOVER, NAK, OFFER, REQUEST, DhcpReply, frame, message, reply_in_datagram
from downloads import Body, FetchError, Ftp, Http, OnBytes, tftp

RETRY_S = (1.0, 2.0, 2.0, 4.0)
ROUNDS = 12


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

    async def lease(self, mac: bytes, xid: int) -> DhcpReply:
        """The ACK of an address that is now ours."""
        for _ in range(ROUNDS):
            offer = await self._asked(xid, OFFER, message(DISCOVER, mac, xid, options=[(55, b"\1\3\6")]), mac)
            if offer is not None:
                options = [(50, offer.address), (54, offer.server)]
                ack = await self._asked(xid, ACK, message(REQUEST, mac, xid, options=options), mac)
                if ack is not None:
                    where = socket.inet_ntoa(ack.address)
                    command = ("ip", "address", "add", f"{where}/32", "dev", self._interface)
                    subprocess.run(command, check=True)
                    return ack
        raise FetchError("no address")

    async def _asked(self, xid: int, kind: int, text: bytes, mac: bytes) -> DhcpReply | None:
        """None when nobody answers, or with a NAK."""
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
    step: str = "off"
    file: str = ""
    address: str = ""
    began: float = 0.0
    again: int = 0
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
        ack = await lan.lease(self.mac, 0x1257_0000 + self.number)
        self.address, server = socket.inet_ntoa(ack.address), socket.inet_ntoa(ack.next_server)
        self.step = "tftp"
        await self._tftp(server, ack.file)
        menu = (await self._tftp(server, f"pxelinux.cfg/{ack.address.hex().upper()}")).kept.decode()
        for which in ("KERNEL", "INITRD"):
            await self._tftp(server, _found(rf"(?m)^\s*{which}\s+(\S+)", menu))
        self.step = "kickstart"
        kickstart = (await self._url(_found(r"inst\.ks=(\S+)", menu))).kept.decode()
        self.step = "packages"
        await self._packages(_found(r'(?m)^url\s+--url[= ]"?([^\s"]+)', kickstart).rstrip("/"))
        self.step = "done"

    async def _tftp(self, server: str, name: str) -> Body:
        self.file = name
        body, again = await tftp(self.address, server, name, self.took(server))
        self.again += again
        return body

    async def _url(self, url: str) -> Body:
        where, self.file = urlsplit(url), url
        kind = Http if where.scheme == "http" else Ftp
        source = kind(self.address, where.netloc)
        try:
            return await source.get(where.path, self.took(where.netloc))
        finally:
            source.close()

    async def _packages(self, base: str) -> None:
        where = urlsplit(base)
        http, ftp = Http(self.address, where.netloc), Ftp(self.address, where.netloc)
        took = self.took(where.netloc)
        try:
            sums = (await http.get(f"{where.path}/packages/SUMS", took)).kept.decode()
            for turn, line in enumerate(sums.splitlines()):
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
        bytes=machine.taken.total(), again=machine.again, error=error)


async def run(args: argparse.Namespace) -> None:
    lan = Lan(args.interface)
    machines = [Machine(number) for number in range(args.clients)]

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
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
