"""One POST to real receivers, good and bad, on this machine: bounded, whatever they do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import threading
import time
from pathlib import Path

import pytest
from hookreceiver import certificate, receiving, status
from twinboot.adapters.webhooks.post import NotReached, post
from twinboot.agent.webhooks.senders import Poster
from twinboot.webhooks.answer import DeliveryOutcome
from twinboot.webhooks.hook import Hook

LIMIT_S = 0.5
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def test_what_is_sent_can_be_verified_by_who_knows_the_secret(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "secrets/hook"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    tls, pem = certificate(tmp_path / "secrets")
    with receiving(tls=tls) as receiver:
        hook = Hook(name="a", url=receiver.url, secret="secrets/hook", ca=f"secrets/{pem.name}")
        answer = Poster(tmp_path, lambda: 1_796_000_000.5)(hook, "evt_1", b'{"a":1}')
        assert answer.outcome is DeliveryOutcome.DELIVERED, answer.said
        (got,) = receiver.got
    assert got.target == "/hook?from=rack1"
    assert json.loads(got.body) == {"a": 1}
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] in receiver.url
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert got.headers["webhook-timestamp"] == "1796000000"


@pytest.mark.parametrize(("mode", "text", "why"), [
    (0o644, SECRET, "lets everyone read it"), (0o600, "no secret", "does not begin with whsec_"),
    (None, "", "is not there"),
])  # fmt: skip
def test_without_a_sound_secret_nothing_is_sent(
    tmp_path: Path, mode: int | None, text: str, why: str
) -> None:
    if mode is not None:
        (tmp_path / "hook").write_text(text)
        (tmp_path / "hook").chmod(mode)
    with receiving() as receiver:
        answer = Poster(tmp_path)(Hook(name="a", url=receiver.url, secret="hook"), "evt_1", b"{}")
        assert (answer.outcome, receiver.got) == (DeliveryOutcome.DOWN, [])
    assert why in answer.said


def test_a_certificate_of_others_is_not_accepted(tmp_path: Path) -> None:
    tls, _ = certificate(tmp_path)
    _, other = certificate(tmp_path, "other")
    with receiving(tls=tls) as receiver:
        for ca in (other, None):
            with pytest.raises(NotReached, match="certificate is not accepted"):
                post(receiver.url, {}, b"{}", ca=ca)
        with pytest.raises(NotReached, match="cannot be used"):
            post(receiver.url, {}, b"{}", ca=tmp_path / "none.pem")
        assert receiver.got == []


def test_a_redirect_is_told_and_not_followed() -> None:
    with receiving() as other, receiving(status("308 Permanent Redirect", f"Location: {other.url}")) as first:
        reply = post(first.url, {}, b"{}")
        assert (reply.status, reply.location, other.got) == (308, other.url, [])


def test_answers_before_the_answer_are_passed_over() -> None:
    text = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 500 Oops \x1b[2J\r\n\r\n"
    with receiving(lambda connection: connection.sendall(text)) as receiver:
        reply = post(receiver.url, {}, b"{}")
    assert (reply.status, reply.reason) == (500, "Oops  [2J"), "and no terminal obeys what it says"


def _endless(start: bytes, again: bytes, pause_s: float = 0.0):  # type: ignore[no-untyped-def]
    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(start)
            while True:
                connection.sendall(again)
                time.sleep(pause_s)

    return answer


@pytest.mark.parametrize(("answer", "why"), [
    (lambda connection: time.sleep(2 * LIMIT_S), "no answer within"),
    (lambda connection: None, "without an answer"),
    (lambda connection: connection.sendall(b"HTTP/1.1 20"), "within its answer"),
    (lambda connection: connection.sendall(b"220 mail ready\r\n\r\n"), "does not speak HTTP"),
    (_endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", 0.05), "no answer within"),
    (_endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000), "16 KiB of headers"),
    (_endless(b"", b"\0" * 65_536), "does not speak HTTP"),
])  # fmt: skip
def test_a_receiver_that_answers_nonsense_or_never_costs_a_bounded_time(answer, why: str) -> None:  # type: ignore[no-untyped-def]
    begun = time.monotonic()
    with receiving(answer) as receiver, pytest.raises(NotReached, match=why):
        post(receiver.url, {}, b"{}", limit_s=LIMIT_S)
    assert time.monotonic() < begun + 10 * LIMIT_S


def test_a_gigabyte_after_the_head_is_not_waited_for() -> None:
    with receiving(_endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1 << 20))) as receiver:
        assert post(receiver.url, {}, b"{}", limit_s=5.0).status == 200


def test_nobody_there_and_one_that_does_not_take_the_connection_up(tmp_path: Path) -> None:
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for scheme in ("http", "https"):
            with pytest.raises(NotReached, match="no answer within"):
                post(f"{scheme}://127.0.0.1:{port}/", {}, b"{}", limit_s=0.2)
    with pytest.raises(NotReached, match="none that can be looked up"):
        post(f"http://{'a' * 64}/", {}, b"{}")
    with pytest.raises(NotReached, match="refused"):
        post(f"http://127.0.0.1:{port}/", {}, b"{}")
    with receiving() as plain, pytest.raises(NotReached):
        post(plain.url.replace("http:", "https:"), {}, b"{}", limit_s=LIMIT_S)
    assert threading.active_count() < before + 8
