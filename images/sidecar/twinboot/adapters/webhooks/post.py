"""One POST to one URL, and its answer. Waits for the network: used from threads.

Bounded: the whole of it by a deadline, the answer by a few kilobytes, of which the status is read and the
rest is not waited for. No redirect is followed, no proxy asked, no connection kept. HTTP/1.1: RFC 9112.
"""

from __future__ import annotations

import functools
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LIMIT_S = 15.0
"""Standard Webhooks 1.0.0 advises 15 to 30 s."""
MAX_HEAD_BYTES = 16 << 10
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_LOCATION = re.compile(rb"\nlocation:[ \t]*([^\r\n]*)", re.IGNORECASE)
_SHOWN = 120


class NotReached(Exception):
    """No answer; the text says why, in a line."""


@dataclass(frozen=True, slots=True)
class Reply:
    """reason, location: of the head, as printable text."""

    status: int
    reason: str
    location: str


def post(
    url: str, headers: Mapping[str, str], body: bytes, *, ca: Path | None = None, limit_s: float = LIMIT_S
) -> Reply:
    """NotReached when there is none. ca: PEM of the authorities that count; None: the system's."""
    end = time.monotonic() + limit_s
    try:
        with closing(_connected(url, ca, end)) as connection:
            connection.settimeout(_left(end))
            connection.sendall(_request(url, headers, body))
            return _reply(connection, end)
    except ssl.SSLCertVerificationError as exc:
        raise NotReached(f"its certificate is not accepted: {exc.verify_message}") from exc
    except ssl.SSLError as exc:
        raise NotReached(f"TLS failed: {exc.reason or exc}") from exc
    except TimeoutError as exc:
        raise NotReached(f"no answer within {limit_s:g} s") from exc
    except socket.gaierror as exc:
        raise NotReached(f"its name is not known: {exc.strerror}") from exc
    except UnicodeError as exc:
        raise NotReached("its name is none that can be looked up") from exc
    except OSError as exc:
        raise NotReached(exc.strerror or str(exc) or type(exc).__name__) from exc


def _connected(url: str, ca: Path | None, end: float) -> socket.socket:
    """Connects to the first of the host's addresses that takes the connection."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    context = _context(ca) if secure else None
    fault: OSError | None = None
    found = socket.getaddrinfo(host, parts.port or (443 if secure else 80), type=socket.SOCK_STREAM)
    for at, (family, kind, protocol, _, address) in enumerate(found):
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(_left(end) / (len(found) - at))
            raw.connect(address)
            if context is None:
                return raw
            raw.settimeout(_left(end))
            return context.wrap_socket(raw, server_hostname=host)
        except OSError as exc:
            raw.close()
            fault = fault or exc
    raise fault or OSError("it has no address")


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return _loaded(ca, 0 if ca is None else ca.stat().st_mtime_ns)
    except (OSError, ssl.SSLError) as exc:
        raise NotReached(f"{ca} cannot be used: {exc.strerror or exc}") from exc


@functools.lru_cache(maxsize=32)
def _loaded(ca: Path | None, _changed: int) -> ssl.SSLContext:
    """All authorities of the system take a while: once."""
    return ssl.create_default_context(cafile=ca)


def _request(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json",
             f"Content-Length: {len(body)}", "User-Agent: twinboot", "Connection: close",
             *(f"{name}: {value}" for name, value in headers.items())]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _reply(connection: socket.socket, end: float) -> Reply:
    """Reads the final answer; those before it (RFC 9110 section 15.2) are passed over."""
    data = b""
    while True:
        head, ended, rest = data.partition(b"\r\n\r\n")
        if ended or len(data) > MAX_HEAD_BYTES:
            status = _STATUS.match(head + b"\r\n")
            if status is None:
                raise NotReached("what answers there does not speak HTTP/1.1")
            if not ended:
                raise NotReached(f"its answer begins with more than {MAX_HEAD_BYTES >> 10} KiB of headers")
            if not status[1].startswith(b"1"):
                found = _LOCATION.search(head)
                location = _plain(found[1]) if found else ""
                return Reply(int(status[1]), _plain(status[2] or b""), location)
            data = rest
            continue
        connection.settimeout(_left(end))
        more = connection.recv(4096)
        if not more:
            raise NotReached("it closed the connection without an answer" if not data
                             else "it closed the connection within its answer")  # fmt: skip
        data += more


def _plain(data: bytes) -> str:
    """Text without what a log or a terminal would act on."""
    text = data[:_SHOWN].decode("ascii", "replace")
    return "".join(one if one.isprintable() else " " for one in text).strip()


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
