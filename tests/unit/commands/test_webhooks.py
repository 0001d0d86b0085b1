"""What `twinboot webhooks` prints."""

from __future__ import annotations

import pytest
from twinboot.commands import client
from twinboot.commands.webhooks import command as webhooks

REPLY = {
    "ok": True, "server": "server1", "ready": False, "webhooks": [
        {"name": "tickets", "url": "https://x/", "events": ["alarm"], "signed": True, "sender": "server1",
         "waiting": 3, "delivered": 12, "failed": 2, "dropped": 0, "last": "HTTP 503", "last_s": 4.2,
         "failing": True},
        {"name": "b", "url": "https://y/", "events": ["alarm"], "signed": True, "sender": "server2",
         "waiting": 0, "delivered": 0, "failed": 0, "dropped": 0, "last": "", "last_s": None,
         "failing": False}]}  # fmt: skip


def test_a_line_for_each_webhook() -> None:
    head, first, second, note = webhooks.lines(REPLY)
    assert head.split()[:6] == ["WEBHOOK", "SENDER", "WAITING", "DELIVERED", "FAILED", "DROPPED"]
    assert first.split()[:6] == ["tickets", "server1", "3", "12", "2", "0"]
    assert "FAILING: HTTP 503, 4 s ago" in first
    assert "none by server1" in second
    assert "just started" in note


@pytest.mark.parametrize(("reply", "code"), [
    ({"ok": True, "delivered": True, "said": "HTTP 204", "id": "evt_1"}, None),
    ({"ok": True, "delivered": False, "said": "no answer", "id": "evt_1"}, 1),
    ({"ok": False, "error": "no webhook 'x'"}, 1),
])  # fmt: skip
def test_the_test_ends_as_the_delivery_did(
    reply: dict[str, object], code: int | None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(client, "ask", lambda *_, **__: reply)
    if code is None:
        webhooks.test("a")
        assert "delivered (HTTP 204), webhook-id evt_1" in capsys.readouterr().out
        return
    with pytest.raises(SystemExit) as ended:
        webhooks.test("a")
    assert ended.value.code == code
