"""Downloads as an installer does them, from an address of its own: TFTP, HTTP and FTP on asyncio.

TCP is taken as it comes: what is reset, refused or cut short is a failure and not tried again, for the
instrument that uses this counts on seeing it. TFTP has no connection, and every boot loader asks again.
"""

import asyncio
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

OnBytes = Callable[[int], None]
"""Told of bytes as they come."""

RRQ, DATA, ACK, ERROR, OACK = 1, 3, 4, 5, 6
BLOCK_BYTES = 1408
TFTP_TIMEOUT_S = 1.0
TFTP_TRIES = 4
"""So many times the last packet is repeated; then the file is asked for anew."""
_CHUNK = 1 << 16


class FetchError(Exception):
    """What was asked for did not come whole."""


@dataclass
class Body:
    """The bytes of one file, hashed as they come; kept when they are few."""

    took: OnBytes
    size: int = 0
    kept: bytes = b""
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._hash.update(data)
        if self.size <= _CHUNK:
            self.kept += data
        self.took(len(data))

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Datagrams(asyncio.DatagramProtocol):
    """What comes, in order."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queue.put_nowait((data, addr))


async def tftp(ip: str, server: str, name: str, took: OnBytes) -> tuple[Body, int]:
    """A file by RFC 1350 with the block size of RFC 2348, and how often it was begun anew."""
    for again in range(20):
        loop = asyncio.get_running_loop()
        transport, datagrams = await loop.create_datagram_endpoint(Datagrams, local_addr=(ip, 0))
        try:
            body = await _tftp_once(transport, datagrams.queue, server, name, took)
        finally:
            transport.close()
        if body is not None:
            return body, again
    raise FetchError(f"tftp {name}: nobody serves it")


async def _tftp_once(
    line: asyncio.DatagramTransport, queue: "asyncio.Queue[tuple[bytes, tuple[str, int]]]", server: str,
    name: str, took: OnBytes,
) -> Body | None:
    words = (name, "octet", "blksize", str(BLOCK_BYTES))
    last, target = struct.pack("!H", RRQ) + b"".join(one.encode() + b"\0" for one in words), (server, 69)
    body, wanted, silent, block = Body(took), 1, 0, 512
    line.sendto(last, target)
    while silent < TFTP_TRIES:
        try:
            data, source = await asyncio.wait_for(queue.get(), TFTP_TIMEOUT_S)
        except TimeoutError:
            silent += 1
            line.sendto(last, target)
            continue
        kind, number = struct.unpack_from("!HH", data)
        if kind == ERROR:
            raise FetchError(f"tftp {name}: {data[4:-1].decode('ascii', 'replace')}")
        if kind == OACK and wanted == 1:
            block, number = BLOCK_BYTES, 0
        elif kind == DATA and number == wanted & 0xFFFF:
            body.add(data[4:])
            wanted += 1
        else:
            continue
        silent, last, target = 0, struct.pack("!HH", ACK, number), source
        line.sendto(last, target)
        if kind == DATA and len(data) < 4 + block:
            return body
    return None


@dataclass
class TcpStream:
    """A TCP connection from this client's address."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, ip: str, server: str, port: int) -> "TcpStream":
        return cls(*await asyncio.open_connection(server, port, local_addr=(ip, 0), limit=_CHUNK))

    async def line(self) -> bytes:
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise FetchError("the connection ended in the middle of a line")
        return line.rstrip(b"\r\n")

    def close(self) -> None:
        self.writer.close()


class Http:
    """One connection that is kept (RFC 9112)."""

    def __init__(self, ip: str, server: str) -> None:
        self.ip, self.server = ip, server
        self.stream: TcpStream | None = None

    async def get(self, path: str, took: OnBytes) -> Body:
        if self.stream is None:
            self.stream = await TcpStream.open(self.ip, self.server, 80)
        stream = self.stream
        stream.writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.server}\r\n\r\n".encode())
        status = await stream.line()
        fields = {}
        while line := await stream.line():
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        if status.split()[1:2] != [b"200"] or b"content-length" not in fields:
            raise FetchError(f"http {path}: {status.decode('ascii', 'replace')}")
        body, left = Body(took), int(fields[b"content-length"])
        while left:
            data = await stream.reader.read(min(left, _CHUNK))
            if not data:
                raise FetchError(f"http {path}: ended with {left} bytes to come")
            body.add(data)
            left -= len(data)
        if fields.get(b"connection", b"").lower() == b"close":
            self.close()
        return body

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None


class Ftp:
    """One session (RFC 959), with a passive data connection for each file (RFC 2428)."""

    def __init__(self, ip: str, server: str) -> None:
        self.ip, self.server = ip, server
        self.stream: TcpStream | None = None

    async def get(self, path: str, took: OnBytes) -> Body:
        if self.stream is None:
            self.stream = await TcpStream.open(self.ip, self.server, 21)
            await self._reply("220")
            if not (await self._say("USER anonymous", "")).startswith("230"):  # not every server asks for one
                await self._say("PASS install@", "230")
            await self._say("TYPE I", "200")
        port = int((await self._say("EPSV", "229")).split("|||")[1].split("|")[0])
        data = await TcpStream.open(self.ip, self.server, port)
        try:
            await self._say(f"RETR {path}", "150")
            body = Body(took)
            while more := await data.reader.read(_CHUNK):
                body.add(more)
            await self._reply("226")
        finally:
            data.close()
        return body

    async def _say(self, command: str, wanted: str) -> str:
        assert self.stream is not None
        self.stream.writer.write(f"{command}\r\n".encode())
        return await self._reply(wanted)

    async def _reply(self, wanted: str) -> str:
        assert self.stream is not None
        while (line := (await self.stream.line()).decode("ascii", "replace"))[3:4] == "-":
            pass
        if not line.startswith(wanted):
            raise FetchError(f"ftp: {line} instead of {wanted}")
        return line

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None
