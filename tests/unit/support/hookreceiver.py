"""A receiver of webhooks on 127.0.0.1: it keeps what it gets, and answers, or does not, as it is told."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """answer: what is done with a connection whose request was read."""

    url: str
    answer: Callable[[socket.socket], None]
    got: list[Received] = field(default_factory=list)


def status(line: str, *headers: str) -> Callable[[socket.socket], None]:
    text = "\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 2", "", "ok"])
    return lambda connection: connection.sendall(text.encode())


WELL = status("204 No Content")


@contextmanager
def receiving(
    answer: Callable[[socket.socket], None] = WELL, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "http" if tls is None else "https"
        made = Receiver(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/hook?from=rack1", answer)
        threading.Thread(target=_accept, args=(listener, made, tls), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, made: Receiver, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, made, tls), daemon=True).start()


def _serve(raw: socket.socket, made: Receiver, tls: ssl.SSLContext | None) -> None:
    try:
        whole = raw if tls is None else tls.wrap_socket(raw, server_side=True)
        with whole as connection, connection.makefile("rb") as stream:
            target = stream.readline().decode("ascii").split()[1]
            headers = {}
            while line := stream.readline().strip():
                name, _, value = line.decode("ascii").partition(": ")
                headers[name.lower()] = value
            made.got.append(Received(target, headers, stream.read(int(headers["content-length"]))))
            made.answer(connection)
    except (OSError, ValueError, IndexError):
        pass  # the sender went away, or speaks TLS where there is none


def certificate(folder: Path, name: str = "ca") -> tuple[ssl.SSLContext, Path]:
    """A certificate for 127.0.0.1 that signs itself: a context to serve with, and its PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem
