"""`twinboot token` and `audit`: what they print, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from sitechange import GOOD
from twinboot.access import tokens
from twinboot.access.roles import Role
from twinboot.commands import access, client
from twinboot.site import parse


def test_the_lines_that_it_prints_are_a_site_that_knows_the_token(capsys: pytest.CaptureFixture[str]) -> None:
    access.token("yes", "operate", "2027-12-31")
    said = capsys.readouterr().out
    secret = said.splitlines()[1].strip()
    site = parse({**GOOD, **yaml.safe_load(said[said.index("  api:"):])})
    found = tokens.find(tokens.tokens_of(site.model_dump(mode="json")), secret)
    assert found is not None
    assert (found.name, found.role, found.expires) == ("yes", Role.OPERATE, "2027-12-31")
    assert secret not in site.to_json()
    access.token("yes", "operate", "2027-12-31")
    assert secret not in capsys.readouterr().out, "each is another one"


@pytest.mark.parametrize(("name", "role", "expires", "why"), [
    ("a b", "read", "", "cannot be a name"), ("a", "boss", "", "there are: read, operate, admin"),
    ("a", "nobody", "", "there are"), ("a", "read", "31.12.2027", "2027-12-31"),
    ("a", "read", "2027-02-30", "2027-12-31"), ("x" * 33, "read", "", "cannot be a name")])
def test_what_cannot_be_a_token_is_refused_with_what_would_be_right(
    capsys: pytest.CaptureFixture[str], name: str, role: str, expires: str, why: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        access.token(name, role, expires)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_actions_are_lines_of_plain_text(monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    action = {"at": 1.8e9, "who": "token ops", "from": "192.168.0.7", "via": "api", "result": "refused",
            "what": "install \x1b[31mcli1\n", "said": "no host\u202e"}
    replies: list[dict[str, Any]] = [{"ok": True, "entries": [action]}, {"ok": True, "entries": []}]
    monkeypatch.setattr(client, "ask", lambda *_args, **_more: replies.pop(0))
    access.audit()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("token ops from 192.168.0.7 (api)  install ?[31mcli1?  refused: no host?")
    access.audit()
    assert "nobody has done anything" in capsys.readouterr().out
