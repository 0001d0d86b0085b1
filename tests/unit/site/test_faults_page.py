"""Faults of the site file's part on the page and the API."""

from __future__ import annotations

from typing import Any

import pytest
from sitechange import GOOD
from twinboot.site import SiteError, parse

DIGEST = "5e" * 32
ANNA = {"name": "anna", "role": "operate", "sha256": DIGEST}


def faults(api: Any, **more: Any) -> list[str]:
    with pytest.raises(SiteError) as found:
        parse({**GOOD, **more, "api": api})
    return [str(fault) for fault in found.value.faults]


def test_by_default_reading_is_open_nobody_acts_and_https_is_on() -> None:
    api = parse(GOOD).api
    assert (api.read, api.tokens, api.https.port) == ("open", (), 443)
    assert parse({**GOOD, "api": {"https": "off"}}).api.https.port == 0


@pytest.mark.parametrize(("token", "at", "remedy"), [
    ({"role": "boss"}, "api.tokens[0].role", "write 'read', 'operate' or 'admin'"),
    ({"name": "a b"}, "api.tokens[0].name", ""), ({"sha256": "5e"}, "api.tokens[0].sha256", ""),
    ({"sha256": DIGEST.upper()}, "api.tokens[0].sha256", ""),
    ({"expires": "tomorrow"}, "api.tokens[0].expires", ""),
    ({"secret": "x"}, "api.tokens[0].secret", "unknown"),
])
def test_a_token_that_is_none(token: dict[str, Any], at: str, remedy: str) -> None:
    (fault,) = faults({"tokens": [{**ANNA, **token}]})
    assert fault.startswith(at)
    assert remedy in fault


def test_names_and_digests_are_there_once() -> None:
    found = faults({"tokens": [ANNA, ANNA, {**ANNA, "name": "bob"}]})
    assert [one.split(":")[0] for one in found] == [
        "api.tokens[1].name", "api.tokens[1].sha256", "api.tokens[2].sha256"]
    many = [{"name": f"t{at}", "role": "read", "sha256": f"{at:064x}"} for at in range(101)]
    assert faults({"tokens": many}) == ["api.tokens: 101: write at most 100"]


@pytest.mark.parametrize(("port", "more", "whose"), [
    (80, {}, "HTTP"), (21, {}, "FTP"), (9694, {}, "metrics"), (25_000, {}, "passive FTP")])
def test_a_port_that_is_taken(port: int, more: dict[str, Any], whose: str) -> None:
    (fault,) = faults({"https": {"port": port}}, **more)
    assert fault.startswith(f"api.https.port: {port}: the port of {whose};")


def test_reading_by_token_takes_a_token_and_https() -> None:
    found = faults({"read": "token", "https": "off"})
    assert [one.split(":")[0] for one in found] == ["api.read", "api.https"]
    assert parse({**GOOD, "api": {"read": "token", "tokens": [ANNA]}}).api.read == "token"
