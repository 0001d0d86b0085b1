"""Parts of an open page: only what has changed, one rendering for all who see the same, the end in words."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pagesite
import pytest
from fastapi.testclient import TestClient
from twinboot_page import cache
from twinboot_page.app import application
from twinboot_page.client import SidecarDown
from twinboot_page.ui import live
from twinboot_page.ui.live import ALIVE_TURNS, Live


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    monkeypatch.setattr(cache, "KEEP_S", 0.0)


def events(follower: Live, make: Any, turns: int) -> list[tuple[str, Any]]:
    async def listen() -> list[bytes]:
        return [one async for one in follower.stream("key", make, turns=turns)]

    found = []
    for one in asyncio.run(listen())[1:]:
        head, _, data = one.decode().partition("\ndata: ")
        found.append((head.removeprefix("event: "), json.loads(data)))
    return found


def test_a_browser_is_sent_what_has_changed_and_nothing_else() -> None:
    said = iter([{"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}])

    async def make() -> dict[str, str]:
        return next(said)

    found = events(Live("x"), make, 3)
    assert [(name, data["parts"]) for name, data in found] == [
        ("parts", {"a": "1", "b": "1"}), ("parts", {"b": "2"})]


def test_while_nothing_changes_it_is_told_that_the_server_lives() -> None:
    async def make() -> dict[str, str]:
        return {"a": "1"}

    names = [name for name, _ in events(Live("x"), make, 1 + 2 * ALIVE_TURNS)]
    assert names == ["parts", "alive", "alive"]


def test_a_sidecar_that_went_is_told_and_after_it_all_anew() -> None:
    turns = iter([True, False, True])

    async def make() -> dict[str, str]:
        if not next(turns):
            raise SidecarDown("it does not run")
        return {"a": "1"}

    found = events(Live("x"), make, 3)
    assert [name for name, _ in found] == ["parts", "down", "parts"]
    assert found[1][1]["down"] == "it does not run"


def test_all_who_see_the_same_share_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEEP_S", 60.0)
    made = []

    async def make() -> dict[str, str]:
        made.append(1)
        await asyncio.sleep(0)
        return {"a": "1"}

    async def crowd() -> None:
        follower = Live("x")
        await asyncio.gather(*(follower.once("key", make) for _ in range(50)))

    asyncio.run(crowd())
    assert len(made) == 1


@pytest.mark.parametrize(("of", "parts"), [
    ("/", {"alarms", "shares", "groups", "servers", "move"}), ("/ui/machines?state=done", {"table"}),
    ("/ui/machines/rack1-13", {"facts", "words", "state_history"}), ("/ui/unknown", {"found"}),
    ("/ui/trees", {"trees"}),
    ("/ui/history", {"moves"}), ("/ui/about", {"versions"}), ("/ui/told?of=x", {"outcome"}),
])  # fmt: skip
def test_each_page_can_be_followed_part_by_part(of: str, parts: set[str]) -> None:
    with TestClient(application(pagesite.sidecar())) as browser:
        page = browser.get(of).text
        found = browser.get("/ui/live", params={"once": "1", "of": of}).json()
        assert set(found["parts"]) == parts
        assert all(f'id="{name}"' in page for name in parts), "each has its place"
        assert all(part in page for part in found["parts"].values()), "and is what the page began with"
        assert browser.get("/ui/live", params={"once": "1", "of": "/ui/login"}).status_code == 404


def test_one_address_has_so_many_streams_and_then_asks_from_time_to_time() -> None:
    app = application(pagesite.sidecar())
    with TestClient(app, headers={"x-real-ip": "192.168.0.7"}) as browser:
        places = app.state.places
        while places.take("192.168.0.7"):
            pass
        assert browser.get("/ui/live?of=/").status_code == 429
        assert browser.get("/ui/live?of=/&once=1").status_code == 200
