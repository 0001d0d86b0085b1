"""Uses a service of this server once, as a client would: a file by TFTP, a listing by FTP, a file by
HTTP, a name by DNS.

Each function waits a bounded time (load_aware_timeout.py), and gives a fault in words, or an empty text when
it was served. It asks 127.0.0.1 unless told otherwise; the images leave such requests out of their logs
(images/README.md).
"""

from __future__ import annotations

import errno
import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from ipaddress import IPv4Address

from twinboot.load_aware_timeout import timeout_s
from twinboot.wire.net import dns, tftp

_RETRY_S = 0.4
_LOOPBACK = "127.0.0.1"
_USER_AGENT = "twinboot-health"
_RANGE_BYTES = 1024
_MAX_READ_BYTES = 1 << 16
_PASSIVE = re.compile(rb"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)")


class _ProbeFailed(Exception):
    """The service answered, but not as it should."""


class _Deadline:
    """The time that is left for one use."""

    def __init__(self) -> None:
        self._end = time.monotonic() + timeout_s()

    def left_s(self) -> float:
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def probe_tftp(*names: str, host: str = _LOOPBACK, port: int = tftp.PORT) -> str:
    """The first block of each file comes; an error packet ends the transfer. An empty name is left out."""
    def ask() -> None:
        for name in filter(None, names):
            _tftp(name, (host, port))

    return _fault_text(ask)


def probe_http(*paths: str, host: str = _LOOPBACK, port: int = 80) -> str:
    """The beginning of each file comes. Empty paths are left out."""
    def ask() -> None:
        for path in filter(None, paths):
            _http(path, (host, port))

    return _fault_text(ask)


def probe_ftp(path: str = "", *, host: str = _LOOPBACK, port: int = 21) -> str:
    """Anonymous login, passive mode, the root has something in it, and the last byte of a file comes."""
    return _fault_text(lambda: _ftp(path, (host, port)))


def probe_dns(name: str, addresses: Sequence[IPv4Address] = (), *, port: int = dns.PORT) -> str:
    """The name has an address, asked on 127.0.0.1 and on each of `addresses` that is on this server."""
    def ask() -> None:
        _dns(name, (_LOOPBACK, port))
        for address in addresses:
            if _is_here(address):
                _probe_at(str(address), lambda at=address: _dns(name, (str(at), port)), address)  # type: ignore[misc]

    return _fault_text(ask)


def _fault_text(use: Callable[[], None]) -> str:
    try:
        use()
    except TimeoutError:
        return f"no answer within {timeout_s():g} s"
    except _ProbeFailed as exc:
        return str(exc)
    except OSError as exc:
        return (exc.strerror or str(exc)).lower()
    return ""


def _probe_at(place: str, use: Callable[[], None], address: IPv4Address) -> None:
    """A fault at a virtual address that has gone meanwhile is none."""
    try:
        use()
    except (OSError, _ProbeFailed) as exc:
        if _is_here(address):
            why = f"no answer within {timeout_s():g} s" if isinstance(exc, TimeoutError) else str(exc)
            raise _ProbeFailed(f"{place}: {why}") from exc


def _is_here(address: IPv4Address) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        try:
            sock.bind((str(address), 0))
        except OSError as exc:
            return exc.errno != errno.EADDRNOTAVAIL
    return True


def _tftp(name: str, where: tuple[str, int]) -> None:
    deadline = _Deadline()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        # Not connected: the server answers from a port of its own (RFC 1350 section 4).
        request = tftp.read_request(name)
        sock.sendto(request, where)
        while True:
            sock.settimeout(min(_RETRY_S, deadline.left_s()))
            try:
                packet, source = sock.recvfrom(2048)
            except TimeoutError:
                deadline.left_s()
                sock.sendto(request, where)
                continue
            answer = tftp.parse(packet)
            if source[0] != where[0] or answer is None:
                continue
            if isinstance(answer, tftp.TftpError):
                raise _ProbeFailed(f"{name}: {answer.message or f'error {answer.code}'}")
            sock.sendto(tftp.abort_packet(), source)
            if not answer.data:
                raise _ProbeFailed(f"{name} is empty")
            return


def _dns(name: str, where: tuple[str, int]) -> None:
    deadline = _Deadline()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.connect(where)
        query = dns.query(int.from_bytes(os.urandom(2), "big"), name)
        sock.send(query)
        while True:
            sock.settimeout(min(_RETRY_S, deadline.left_s()))
            try:
                answer = dns.parse(sock.recv(4096), query)
            except TimeoutError:
                deadline.left_s()
                sock.send(query)
                continue
            if answer is None:
                continue
            if answer.rcode or not answer.answer_count:
                raise _ProbeFailed(f"{name}: {answer.rcode or 'no address'}")
            return


def _http(path: str, where: tuple[str, int]) -> None:
    deadline = _Deadline()
    with closing(socket.create_connection(where, deadline.left_s())) as sock:
        words = (
            f"GET /{path} HTTP/1.1", f"Host: {where[0]}", f"User-Agent: {_USER_AGENT}",
            f"Range: bytes=0-{_RANGE_BYTES - 1}", "Connection: close", "", "",
        )
        sock.sendall("\r\n".join(words).encode())
        head, body = _read_to_end(sock, deadline).partition(b"\r\n\r\n")[::2]
    status = head.split(b"\r\n")[0].split(b" ", 2)
    if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
        raise _ProbeFailed("no HTTP answer")
    if status[1] not in (b"200", b"206"):
        raise _ProbeFailed(f"/{path}: {b' '.join(status[1:]).decode('ascii', 'replace')}")
    if not body:
        raise _ProbeFailed(f"/{path} is empty")


def _read_to_end(sock: socket.socket, deadline: _Deadline) -> bytes:
    """All that comes until the other side closes; enough of it when it is much."""
    data = bytearray()
    while len(data) < _MAX_READ_BYTES:
        sock.settimeout(deadline.left_s())
        part = sock.recv(_MAX_READ_BYTES)
        if not part:
            break
        data += part
    return bytes(data)


def _ftp(path: str, where: tuple[str, int]) -> None:
    deadline = _Deadline()
    with closing(socket.create_connection(where, deadline.left_s())) as sock:
        talk = _FtpControl(sock, deadline)
        talk.expect("connect", 220)
        if talk.send_command("USER anonymous", 230, 331) == 331:
            talk.send_command(f"PASS {_USER_AGENT}@", 230)
        if not _ftp_data(talk, "LIST", where[0], deadline).strip():
            raise _ProbeFailed("LIST gave nothing")
        if path:
            _ftp_last_byte(talk, path, where[0], deadline)
        talk.send_command("QUIT", 221)


def _ftp_data(talk: _FtpControl, command: str, host: str, deadline: _Deadline) -> bytes:
    """What a command sends over a passive connection."""
    talk.send_command("PASV", 227)
    place = _PASSIVE.search(talk.line)
    if place is None:
        raise _ProbeFailed("PASV gave no port")
    high, low = (int(part) for part in place.groups()[4:])
    with closing(socket.create_connection((host, high << 8 | low), deadline.left_s())) as data:
        talk.send_command(command, 125, 150)
        sent = _read_to_end(data, deadline)
    talk.expect(command, 226, 250)
    return sent


def _ftp_last_byte(talk: _FtpControl, path: str, host: str, deadline: _Deadline) -> None:
    """A transfer of one byte, in good order: the server reads the file, and has nothing to abort (RFC 3659
    sections 4 and 5)."""
    talk.send_command("TYPE I", 200)
    talk.send_command(f"SIZE {path}", 213)
    said = talk.line[4:].strip()
    size = int(said) if said.isdigit() else 0
    if size:
        talk.send_command(f"REST {size - 1}", 350)
    if not _ftp_data(talk, f"RETR {path}", host, deadline):
        raise _ProbeFailed(f"{path} is empty")


class _FtpControl:
    """A control connection (RFC 959 section 4.2)."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._buffer = b""
        self.line = b""

    def send_command(self, command: str, *codes: int) -> int:
        self._sock.settimeout(self._deadline.left_s())
        self._sock.sendall(command.encode() + b"\r\n")
        return self.expect(command, *codes)

    def expect(self, command: str, *codes: int) -> int:
        """Read one reply, of several lines perhaps; it must have one of the codes."""
        self.line = self._read_line()
        first = self.line[:3]
        while self.line[3:4] == b"-" or self.line[:3] != first:
            self.line = self._read_line()
        if not first.isdigit() or int(first) not in codes:
            raise _ProbeFailed(f"{command}: {self.line.decode('ascii', 'replace').strip()[:80]}")
        return int(first)

    def _read_line(self) -> bytes:
        while b"\n" not in self._buffer:
            self._sock.settimeout(self._deadline.left_s())
            part = self._sock.recv(4096)
            if not part or len(self._buffer) > _MAX_READ_BYTES:
                raise _ProbeFailed("the connection was closed")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line
