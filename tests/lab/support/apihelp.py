"""The API of a lab's servers, as a program on a client of the lab asks it."""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import Any

from twinlab.host.client import Client
from twinlab.host.server import Server

TOKEN = "twinboot_of-the-lab"
API = {"tokens": [{"name": "lab", "role": "admin", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}]}
"""Of a site: the token's digest."""
TLS = "/tmp/tls.crt"
SECRET = ("--cacert", TLS, "-H", f"Authorization: Bearer {TOKEN}")
"""Of curl: the certificate that trusted() has put there, and the token."""

CERTIFICATE = "/etc/twinboot/current/httpd/private/tls.crt"


def asked(client: Client, url: str, *options: str) -> tuple[int, Any]:
    """Status and body."""
    words = " ".join(shlex.quote(one) for one in (*options, url))
    said = client.sh(f"curl -sS --max-time 20 -w '\\n%{{http_code}}' {words}").out
    body, _, status = said.strip().rpartition("\n")
    return int(status), json.loads(body) if body.startswith(("{", "[")) else body


def told(client: Client, address: str, what: str, body: Any, *options: str, scheme: str = "https") -> Any:
    """An action by token. The certificate is checked, as a careful client does."""
    sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body), *options)
    return asked(client, f"{scheme}://{address}/api/v1/{what}", *SECRET, *sent)


def certificate_of(server: Server) -> str:
    return server.docker("exec", "twinboot-httpd-1", "cat", CERTIFICATE).out


def audit(server: Server) -> list[dict[str, Any]]:
    """The audit log, as this server has it."""
    found: list[dict[str, Any]] = json.loads(server.sidecar("twinboot", "audit", "--json").out)
    return found


def trusted(client: Client, server: Server) -> None:
    """The client has the certificate of the lab's servers."""
    client.sh(f"cat > {TLS} <<'EOF'\n{certificate_of(server)}EOF")
