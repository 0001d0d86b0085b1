"""A receiver on the lab's LAN gets what happens, also when the server that saw it loses its power at once.

The receiver is a small program of its own, and what it got is verified here by what Standard Webhooks says,
with none of Twinboot's code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from applyhelp import site_on, write
from labhelp import ODD, host, lan_address
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.engine import Result
from twinlab.host.server import Server
from twinlab.host.wait import until

pytestmark = pytest.mark.long

HOST, RECEIVER, PORT = "cli129", 60, 8080
FILE = "secrets/lab.webhook"
RECEIVES = """
import http.server, json, os
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        up = os.path.exists("/tmp/up")
        with open("/tmp/got", "a") as file:
            file.write(json.dumps({"up": up, "from": self.client_address[0], "headers": dict(self.headers),
                                   "body": body}) + chr(10))
        self.send_response(204 if up else 503)
        self.end_headers()
http.server.ThreadingHTTPServer(("", 8080), Receiver).serve_forever()
"""


def apply(server: Server) -> Result:
    """It may take long, on a machine that is busy with other labs."""
    command = ("exec", "twinboot-sidecar-1", "twinboot", "apply", "--yes")
    return server.docker(*command, check=False, timeout_s=300)


@contextmanager
def receiver(lab: Lab) -> Iterator[Client]:
    with lab.machine(ip=lan_address(lab, RECEIVER)) as made:
        made.start("python3", "-u", "-c", RECEIVES)
        listens = ("nc", "-z", "127.0.0.1", str(PORT))
        until(lambda: made.exec(*listens, check=False).ok, "the receiver listens", timeout_s=20)
        yield made


def got(made: Client) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.sh("cat /tmp/got 2>/dev/null", check=False).out.splitlines()]


def taken(made: Client, kind: str) -> list[dict[str, Any]]:
    """Events of a kind that the receiver has answered well."""
    return [body for one in got(made) if one["up"] and (body := json.loads(one["body"]))["type"] == kind]


def verify(one: dict[str, Any], key: bytes) -> None:
    headers = {name.lower(): value for name, value in one["headers"].items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{one['body']}".encode()
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    assert json.loads(one["body"])["id"] == headers["webhook-id"]


def test_a_machine_that_is_done_is_told_though_its_server_dies_at_once(lab: Lab) -> None:
    one, two, key = lab.server(1), lab.server(2), secrets.token_bytes(32)
    before = site_on(one)
    hook = {"name": "lab", "url": f"http://{lan_address(lab, RECEIVER)}:{PORT}/hook", "secret": FILE}
    with receiver(lab) as made:
        write(one, {**before, "webhooks": [hook]})
        refused = apply(one)
        assert refused.code, "every server needs the secret"
        assert FILE in refused.out + refused.err
        for server in (one, two):
            text = f"whsec_{base64.b64encode(key).decode()}"
            server.exec("sh", "-c", f"umask 077; echo {text} >/opt/twinboot/config/{FILE}")
        try:
            said = apply(one)
            assert not said.code, said.out + said.err
            until(lambda: one.sidecar("twinboot", "webhooks", "test", "lab", check=False).code == 1
                  and bool(got(made)), "a test reaches the receiver, which is away", timeout_s=60)
            one.sidecar("twinboot", "install", HOST)
            with host(lab, ODD) as machine:
                for event in ("start", "done"):
                    url = f"http://{lab.address('first')}/report/{HOST}/{event}?token=0123456789abcdef"
                    assert machine.sh(f"curl -s --max-time 20 '{url}'").out.strip() in ("go", "ok")
            with lab.fault("power-off", "server1"):
                made.sh("touch /tmp/up")
                until(lambda: bool(taken(made, "machine-done")), "the other server tells it", timeout_s=120)
                until(lambda: bool(taken(made, "group-moved")), "and of the group that moved", timeout_s=120)
                until(lambda: bool(taken(made, "alarm")), "and of an alarm", timeout_s=120)
                assert two.sidecar("twinboot", "webhooks", "test", "lab").out.startswith("lab: delivered")
            (done,) = {json.dumps(event) for event in taken(made, "machine-done")}
            assert json.loads(done)["data"]["machine"] == HOST
            moved = [(event["data"]["from"], event["data"]["to"]) for event in taken(made, "group-moved")]
            assert moved[0] == ("server1", "server2")
            for each in got(made):
                verify(each, key)
            lab.heal()
            lab.wait_owned()
            until(lambda: bool(taken(made, "alarm-over")), "the alarm is over", timeout_s=180)
            ids = [event["id"] for event in taken(made, "machine-done")]
            assert len(ids) == 1, "the server that is back sends nothing again"
        finally:
            lab.heal()
            lab.wait_owned()
            write(one, before)
            apply(one)
            one.sidecar("twinboot", "install", HOST)
