"""The page and the sidecar's listener to it over a real socket: both sides of what they say to each other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from auditfake import MemoryLines
from fakesidecar import BY_HTTP, BY_HTTPS, DONE, FakeSidecar, machine
from twinboot.access import tokens
from twinboot.agent.control.audit import Audit
from twinboot.agent.control.page_listener import MAX_AT_ONCE, PageListener
from twinboot_page.app import application
from twinboot_page.caller import COOKIE
from twinboot_page.client import SidecarClient

SECRET = tokens.made_of(b"secret")
TOKEN = {"Authorization": f"Bearer {SECRET}"}
SITE = {"api": {"read": "token", "tokens": [
    {"name": "ops", "role": "operate", "sha256": tokens.digest(SECRET)}]}}
Talk = Callable[[httpx.AsyncClient, list[dict[str, Any]]], Awaitable[None]]


def together(folder: Path, talk: Talk) -> None:
    """talk(client, requests that went through the listener)."""
    through: list[dict[str, Any]] = []
    many = [machine(number % 200, name=f"m{number}", words="w" * 500) for number in range(3000)]
    played = FakeSidecar()
    assert played.answers is not None

    async def ask(request: dict[str, Any]) -> dict[str, Any]:
        through.append(request)
        answers: dict[str, Any] = {**(played.answers or {}), "machines": {"ok": True, "machines": many}}
        found: dict[str, Any] = answers[request["cmd"]]
        return found

    async def scenario() -> None:
        listener = PageListener(ask, Audit("server1", MemoryLines()), lambda: SITE)
        listener.set_keys([b"k" * 32])
        path = folder / "sidecar.sock"
        await listener.start(path)
        app = application(SidecarClient(path))
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(
                transport=transport, base_url="https://page", headers=BY_HTTPS
            ) as client:
                await talk(client, through)
        finally:
            listener.close()

    asyncio.run(scenario())


def test_a_token_reads_and_acts_and_without_one_nothing_is_told(tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient, through: list[dict[str, Any]]) -> None:
        assert (await client.get("/api/v1/status")).status_code == 401
        assert through == []
        assert (await client.get("/api/v1/status", headers=TOKEN)).json()["server"] == "server1"
        wrong = {"Authorization": "Bearer twinboot_nothing"}
        refused = await client.get("/api/v1/status", headers=wrong)
        assert (refused.status_code, "not known" in refused.json()["detail"]) == (401, True)
        body = {"hosts": ["cli1"]}
        done = await client.post("/api/v1/machines/install", json=body, headers=TOKEN)
        assert done.json()["message"] == DONE["message"]
        (action,) = (await client.get("/api/v1/audit", headers=TOKEN)).json()
        assert (action["who"], action["from"], action["what"]) == ("token ops", "192.168.0.7", "install cli1")
        text = {"text": "version: 1\n"}
        admin = await client.post("/api/v1/site/diff", json=text, headers=TOKEN)
        assert (admin.status_code, "this takes admin" in admin.json()["detail"]) == (403, True)

    together(tmp_path, talk)


def test_a_session_acts_with_the_field_of_its_forms(tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient, through: list[dict[str, Any]]) -> None:
        login = await client.post("/ui/login", content=f"token={SECRET}")
        assert login.status_code == 303
        kept = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
        assert kept["Cookie"].startswith(f"{COOKIE}=")
        client.cookies.clear()
        who = (await client.get("/api/v1/who", headers=kept)).json()
        assert (who["name"], who["role"]) == ("ops", "operate")
        assert (await client.post("/api/v1/resume", headers=kept)).status_code == 403
        assert through == []
        form = {**kept, "X-CSRF-Token": who["csrf"]}
        assert (await client.post("/api/v1/resume", headers=form)).status_code == 200

    together(tmp_path, talk)


def test_a_token_by_plain_http_is_kept_as_burnt(tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient, through: list[dict[str, Any]]) -> None:
        exposed = await client.get("/api/v1/status", headers={**BY_HTTP, **TOKEN})
        assert exposed.status_code == 403
        (action,) = (await client.get("/api/v1/audit", headers=TOKEN)).json()
        assert action["what"].endswith("exposed")

    together(tmp_path, talk)


def test_a_large_answer_and_many_who_ask_at_once(tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient, through: list[dict[str, Any]]) -> None:
        asked = (client.get("/api/v1/machines?limit=1&offset=2999", headers=TOKEN)
                 for _ in range(2 * MAX_AT_ONCE))  # fmt: skip
        replies = await asyncio.gather(*asked)
        assert {reply.status_code for reply in replies} == {200}
        assert replies[0].json()["machines"][0]["name"] == "m2999"
        assert [one["cmd"] for one in through] == ["machines"], "one question for all"

    together(tmp_path, talk)


def test_who_may_reach_the_socket_is_its_folders_choice(tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient, through: list[dict[str, Any]]) -> None:
        assert os.stat(tmp_path / "sidecar.sock").st_mode & 0o777 == 0o666

    together(tmp_path, talk)


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"caller": 7}\n', b"\xff\xfe\n"])
def test_what_is_no_request_is_told_so(tmp_path: Path, line: bytes) -> None:
    async def talk(client: httpx.AsyncClient, through: list[dict[str, Any]]) -> None:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "sidecar.sock")
        writer.write(line)
        assert b'"ok": false' in await reader.readline()
        writer.close()

    together(tmp_path, talk)
