"""Actions: over HTTPS alone, with what came along handed to the sidecar, and its refusals in its own
words."""

from __future__ import annotations

from typing import Any

import pytest
from fakesidecar import DONE, STATUS, FakeSidecar
from fastapi.testclient import TestClient
from twinboot_page.caller import COOKIE
from twinboot_page.limits import BURST

V1 = "/api/v1"
TOKEN = {"Authorization": "Bearer twinboot_x"}
INSTALL = f"{V1}/machines/install"


def test_an_action_is_handed_on_with_the_token_and_the_address(tls: TestClient, sidecar: FakeSidecar) -> None:
    reply = tls.post(INSTALL, json={"hosts": ["cli1"]}, headers=TOKEN)
    assert (reply.status_code, reply.json()) == (200, {"message": DONE["message"]})
    caller = {"address": "192.168.0.7", "via": "api", "token": "twinboot_x", "csrf": ""}
    assert sidecar.asked[-1] == (
        "order", {"order": "install", "hosts": ["cli1"], "profile": "", "caller": caller})


def test_what_is_known_is_asked_for_anew_after_a_action(tls: TestClient, sidecar: FakeSidecar) -> None:
    for _ in range(2):
        tls.get(f"{V1}/machines")
    tls.post(f"{V1}/machines/local", json={"hosts": ["cli1"]}, headers=TOKEN)
    tls.get(f"{V1}/machines")
    assert sidecar.commands.count("machines") == 2


@pytest.mark.parametrize(("status", "expected"), [(0, 409), (401, 401), (403, 403)])
def test_a_refusal_is_told_in_the_sidecars_words(
    tls: TestClient, sidecar: FakeSidecar, status: int, expected: int
) -> None:
    assert sidecar.answers is not None
    sidecar.answers["resume"] = {"ok": False, "error": "no: it is so", "status": status}
    reply = tls.post(f"{V1}/resume", headers=TOKEN)
    assert (reply.status_code, reply.json()["detail"]) == (expected, "no: it is so")
    assert ("www-authenticate" in reply.headers) is (expected == 401)


@pytest.mark.parametrize("headers", [{}, TOKEN])
def test_over_plain_http_nothing_is_done(
    client: TestClient, sidecar: FakeSidecar, headers: dict[str, str]
) -> None:
    reply = client.post(INSTALL, json={"hosts": ["cli1"]}, headers=headers)
    assert reply.status_code == 403
    assert "HTTPS" in reply.json()["detail"]
    assert sidecar.commands == (["exposed"] if headers else ["status"]), "the sidecar names a token that came"


@pytest.mark.parametrize(("https", "said"), [
    ({"port": 443, "fingerprint": "AB"}, "https://testserver/api/v1/resume"),
    ({"port": 8443, "fingerprint": "AB"}, "https://testserver:8443/api/v1/resume"), (None, "is off")])
def test_over_plain_http_it_is_said_where_it_could_be_done(
    client: TestClient, sidecar: FakeSidecar, https: Any, said: str
) -> None:
    assert sidecar.answers is not None
    sidecar.answers["status"] = {**STATUS, "https": https}
    assert client.post(f"{V1}/resume").json()["detail"].endswith(said)


def test_a_token_that_only_reads_is_burnt_by_plain_http_too(client: TestClient, sidecar: FakeSidecar) -> None:
    reply = client.get(f"{V1}/status", headers=TOKEN)
    assert reply.status_code == 403
    assert sidecar.asked == [("exposed", {"caller": {
        "address": "192.168.0.7", "via": "api", "token": "twinboot_x", "csrf": ""}})]


def test_where_reading_takes_a_token_nobody_reads_without(tls: TestClient, sidecar: FakeSidecar) -> None:
    assert sidecar.answers is not None
    sidecar.answers["who"]["reading"] = "token"
    for path in ("status", "machines", "machines/cli1", "events", "rollout", "alarms", "trees", "unknown"):
        assert tls.get(f"{V1}/{path}").status_code == 401, path
    assert tls.get(f"{V1}/version").status_code == tls.get(f"{V1}/who").status_code == 200
    assert set(sidecar.commands) == {"who"}
    sidecar.answers["who"] |= {"role": "read", "name": "desk"}
    assert tls.get(f"{V1}/status", headers=TOKEN).status_code == 200


def test_an_address_with_many_wrong_tokens_has_to_wait(tls: TestClient, sidecar: FakeSidecar) -> None:
    assert sidecar.answers is not None
    sidecar.answers["who"] = {"ok": False, "error": "this token is not known", "status": 401}
    wrong = [{"Authorization": f"Bearer {at}"} for at in range(12)]
    seen = [tls.get(f"{V1}/status", headers=one).status_code for one in wrong]
    assert seen == [401] * int(BURST) + [429] * 2
    elsewhere = {**TOKEN, "x-real-ip": "192.168.0.8"}
    assert tls.get(f"{V1}/status", headers=elsewhere).status_code == 401


@pytest.mark.parametrize("body", [
    {"hosts": ["cli1"], "proflie": "rh9"}, {"hosts": "cli1"}, {"hosts": ["a b"]}, {"hosts": ["x" * 64]}, 7])
def test_a_body_that_is_not_as_described_does_nothing(
    tls: TestClient, sidecar: FakeSidecar, body: Any
) -> None:
    assert tls.post(INSTALL, json=body, headers=TOKEN).status_code == 422
    assert sidecar.commands == []


def test_a_login_makes_a_session_that_a_browser_alone_keeps(tls: TestClient, sidecar: FakeSidecar) -> None:
    assert sidecar.answers is not None
    sidecar.answers |= {"login": {"ok": True, "session": "abc.def", "lasts_s": 43200}}
    reply = tls.post("/ui/login", content="token=twinboot_x", follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=abc.def;")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=43200"} == set(cookie.split("; ")[1:])
    kept = {"Cookie": f"{COOKIE}=abc.def", "X-CSRF-Token": "field"}
    assert tls.post(f"{V1}/resume", headers=kept).status_code == 200
    assert sidecar.asked[-1][1]["caller"] == {
        "address": "192.168.0.7", "via": "page", "session": "abc.def", "csrf": "field"}
    assert "Max-Age=0" in tls.post("/ui/logout", follow_redirects=False).headers["set-cookie"]


def test_a_session_that_is_over_reads_as_nobody_does(tls: TestClient, sidecar: FakeSidecar) -> None:
    async def over(command: str, options: Any = None, *, timeout_s: float = 1.0) -> bytes:
        if "session" in (options or {}).get("caller", {}):
            return b'{"ok": false, "status": 401, "error": "this session is over: log in again"}\n'
        return await FakeSidecar.ask(sidecar, command, options, timeout_s=timeout_s)

    sidecar.ask = over  # type: ignore[method-assign]
    kept = {"Cookie": f"{COOKIE}=old"}
    assert tls.get(f"{V1}/who", headers=kept).json()["role"] == "nobody"
    assert tls.get(f"{V1}/status", headers=kept).status_code == 200
    assert tls.post(f"{V1}/resume", headers=kept).status_code == 401


def test_a_form_has_a_bound(tls: TestClient) -> None:
    assert tls.post("/ui/login", content="token=" + "x" * 20_000).status_code == 413


def test_a_site_is_compared_and_applied_as_text(tls: TestClient, sidecar: FakeSidecar) -> None:
    assert sidecar.answers is not None
    found = tls.post(f"{V1}/site/diff", json={"text": "version: 1\n"}, headers=TOKEN).json()
    assert found["changes"][0]["path"] == "hosts.cli1"
    body = {"text": "version: 1\n", "digest": found["digest"], "base": found["base"]}
    assert tls.post(f"{V1}/site/apply", json=body, headers=TOKEN).status_code == 202
    command, options = sidecar.asked[-1]
    assert (command, options["text"], options["base"]) == ("apply", "version: 1\n", "ab" * 8)
    sidecar.answers["site-diff"] = {
        "ok": False, "status": 422, "error": "faults", "errors": ["hosts: no", "x"]}
    refused = tls.post(f"{V1}/site/diff", json={"text": "7"}, headers=TOKEN)
    assert (refused.status_code, refused.json()["errors"]) == (422, ["hosts: no", "x"])


def test_who_did_what_is_told_with_from_where(tls: TestClient) -> None:
    (found,) = tls.get(f"{V1}/audit?limit=5", headers=TOKEN).json()
    assert (found["from"], found["what"]) == ("192.168.0.7", "install cli1")


def test_every_answer_keeps_other_sites_out(client: TestClient, tls: TestClient) -> None:
    for reply in (client.get("/"), client.get(f"{V1}/nothing"), tls.post(INSTALL), tls.get(f"{V1}/version")):
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_a_preflight_of_another_site_gets_no_leave(tls: TestClient) -> None:
    reply = tls.options(INSTALL, headers={"Origin": "https://evil", "Access-Control-Request-Method": "POST"})
    assert reply.status_code == 405
    assert "access-control-allow-origin" not in reply.headers


def test_an_answer_that_is_not_understood_and_a_fault_of_the_page_are_problems(
    client: TestClient, sidecar: FakeSidecar
) -> None:
    assert sidecar.answers is not None
    sidecar.answers["status"] = {"ok": True, "server": 7}
    strange = client.get(f"{V1}/status")
    assert strange.status_code == 503
    assert "is not understood" in strange.json()["detail"]
    sidecar.answers["machines"] = object()  # not even the played sidecar can say it
    fault = client.get(f"{V1}/machines")
    assert (fault.status_code, fault.headers["content-type"]) == (500, "application/problem+json")
    assert "default-src" in fault.headers["content-security-policy"]
