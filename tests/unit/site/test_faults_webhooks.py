"""Faults of webhooks: one change -> this path, a remedy that says this; and what `check` finds of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sitechange import GOOD, Change, faults_of, put
from twinboot.commands.checking.findings import Severity
from twinboot.commands.checking.webhooks import webhook_findings
from twinboot.site import parse
from twinboot.webhooks.hook import hooks_of

HOOK = {"name": "tickets", "url": "https://hooks.example.lan/t", "secret": "secrets/tickets.webhook"}


def hook(**more: object) -> Change:
    return put("webhooks", [{**HOOK, **more}])


def at(setting: str) -> str:
    return f"webhooks[0].{setting}"


CASES: list[tuple[str, Change, str, str]] = [
    ("no secret", hook(secret=None), at("secret"), "or `signed: false`"),
    ("secret and unsigned", hook(signed=False), at("signed"), "leave one of the two out"),
    ("secret elsewhere", hook(secret="hook"), at("secret"), "below secrets/"),
    ("secret outside", hook(secret="secrets/../../x"), at("secret"), "config folder"),
    ("no URL", hook(url="hooks.example.lan"), at("url"), "not a URL"),
    ("port", hook(url="http://a:99999/"), at("url"), "not a URL"),
    ("blank", hook(url="http://a/ b"), at("url"), "not a URL"),
    ("new line", hook(url="http://a/\r\nX: y"), at("url"), "not a URL"),
    ("scheme", hook(url="ftp://a/"), at("url"), "neither http nor https"),
    ("password", hook(url="https://me:secret@a/"), at("url"), "leave them out"),
    ("fragment", hook(url="https://a/#b"), at("url"), "never sent"),
    ("event", hook(events=["machine-gone"]), at("events[0]"), "'machine-done'"),
    ("no event", hook(events=[]), at("events"), "at least 1"),
    ("profile", hook(profiles=["rh8"]), at("profiles[0]"), "did you mean 'rh9'"),
    ("ca of http", hook(url="http://a/", ca="secrets/ca.pem"), at("ca"), "no certificate"),
    ("twice", put("webhooks", [HOOK, HOOK]), "webhooks[1].name", "is webhooks[0] already"),
    ("many", put("webhooks", [{**HOOK, "name": f"h{n}"} for n in range(17)]), "webhooks", "at most 16"),
    ("a mapping", put("webhooks", {"a": HOOK}), "webhooks", "must be a list"),
]


@pytest.mark.parametrize(
    ("change", "path", "remedy"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_fault(change: Change, path: str, remedy: str) -> None:
    (fault,) = faults_of(change)
    assert fault.path == path
    assert remedy in fault.remedy


def site(**more: Any) -> Any:
    return parse({**GOOD, "webhooks": [{**HOOK, **more}, {"name": "open", "url": "http://192.168.0.9:80/?a=b",
                                                          "signed": False}]})  # fmt: skip


def test_the_sidecar_reads_what_the_operator_wrote() -> None:
    made = site(events=["machine-done"], profiles=["rh9"], ca="secrets/ca.pem")
    assert parse(made.model_dump(mode="json")) == made
    hooks = hooks_of(made.model_dump(mode="json"))
    assert (hooks["tickets"].events, hooks["tickets"].ca) == ({"machine-done"}, "secrets/ca.pem")
    assert (len(hooks["open"].events), hooks["open"].secret) == (7, "")


def test_the_files_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "secrets/tickets.webhook"
    (missing,) = webhook_findings(site(), tmp_path)
    assert (missing.severity, "is not there" in missing.found) == (Severity.FAULT, True)
    assert "openssl rand" in missing.remedy
    file.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    file.chmod(0o644)
    assert "lets everyone read it" in next(webhook_findings(site(), tmp_path)).found
    file.chmod(0o600)
    (well,) = webhook_findings(site(), tmp_path)
    assert (well.severity, well.found) == (Severity.OK, "2 webhooks, all files below config/secrets")
    file.write_text("hunter2")
    (wrong,) = webhook_findings(site(), tmp_path)
    assert "hunter2" not in str(wrong)
    file.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    (ca,) = webhook_findings(site(ca="secrets/ca.pem"), tmp_path)
    assert ca.severity is Severity.FAULT
    assert list(webhook_findings(parse(GOOD), tmp_path)) == []
