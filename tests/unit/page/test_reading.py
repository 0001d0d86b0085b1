"""What the API tells: the sidecar's facts, page by page, kept for a second; and its errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from fakesidecar import FakeSidecar, machine
from fastapi.testclient import TestClient
from twinboot_page.facts import PIECE, Facts

V1 = "/api/v1"


def test_the_status_is_told_and_what_this_release_does_not_know_is_passed_over(client: TestClient) -> None:
    found = client.get(f"{V1}/status").json()
    assert found["groups"]["first"]["holder"] == "server1"
    assert found["site"] == {"number": 3, "digest": "ab"}
    assert "new" not in found


def test_trees_alarms_groups_and_page_are_of_one_question(client: TestClient, sidecar: FakeSidecar) -> None:
    (tree,) = client.get(f"{V1}/trees").json()
    assert tree["servers"]["server2"] == "copying"
    assert tree["copies"]["server2"]["done"] == 5
    assert client.get(f"{V1}/alarms").json()[0]["code"] == "disk-full"
    assert client.get(f"{V1}/groups").json().keys() == {"first"}
    assert "192.168.0.253" in client.get("/").text
    assert sidecar.commands.count("status") == 1


def test_moves_say_from_where_to_where(client: TestClient) -> None:
    (move,) = client.get(f"{V1}/history").json()
    assert (move["source"], move["target"], move["events"][0]["text"]) == ("server2", "server1", "silent")


def test_machines_are_filtered_and_come_page_by_page(client: TestClient) -> None:
    whole = client.get(f"{V1}/machines").json()
    assert (whole["total"], whole["next"]) == (5, None)
    first = client.get(f"{V1}/machines?limit=2").json()
    assert ([one["name"] for one in first["machines"]], first["next"]) == (["cli1", "cli2"], 2)
    assert client.get(f"{V1}/machines?limit=2&offset=4").json()["next"] is None
    assert client.get(f"{V1}/machines?state=packages").json()["total"] == 2
    assert client.get(f"{V1}/machines?group=second&search=00:04").json()["machines"][0]["name"] == "cli4"
    assert client.get(f"{V1}/machines?profile=none").json()["machines"] == []


def test_a_machine_has_its_story_and_one_that_is_none_is_not_found(client: TestClient) -> None:
    assert client.get(f"{V1}/machines/cli1").json()["state_history"] == [{"at": 1.0, "text": "kernel"}]
    missing = client.get(f"{V1}/machines/nobody")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["detail"] == "no host 'nobody' in the site file"


def test_unknown_machines_may_have_more_facts(client: TestClient) -> None:
    assert client.get(f"{V1}/unknown").json()[0]["serial"] == "X1"


@pytest.mark.parametrize("path", ["status", "machines", "history", "unknown", "trees", "machines/cli1"])
def test_without_a_sidecar_all_but_the_version_says_so(
    client: TestClient, sidecar: FakeSidecar, path: str
) -> None:
    sidecar.answers = None
    reply = client.get(f"{V1}/{path}")
    assert reply.status_code == 503
    assert "docker compose logs sidecar" in reply.json()["detail"]
    assert client.get(f"{V1}/version").status_code == 200


@pytest.mark.parametrize(("path", "status"), [
    ("machines?limit=0", 422), ("machines?limit=a", 422), ("machines?offset=-1", 422), ("nothing", 404)])
def test_errors_are_problems(client: TestClient, path: str, status: int) -> None:
    reply = client.get(f"{V1}/{path}")
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.json().keys() >= {"type", "title", "status"}
    assert reply.json()["status"] == status


def test_a_method_that_is_none_is_a_problem_too(client: TestClient) -> None:
    assert client.delete(f"{V1}/status").headers["content-type"] == "application/problem+json"


def test_the_description_needs_no_other_host(client: TestClient) -> None:
    text = client.get(f"{V1}/openapi.json").text
    assert '"/api/v1/machines/{name}"' in text
    assert "http://" not in text
    assert "https://" not in text
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_what_changed_is_put_to_what_is_known_and_silence_goes_on(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinboot_page.cache.KEEP_S", 0.0)
    assert sidecar.answers is not None
    sidecar.answers["machines"] |= {"mark": "a-1-1", "whole": True}
    now = [0.0]
    facts = Facts(sidecar, lambda: now[0])
    first = asyncio.run(facts.machines())
    assert sidecar.asked[-1] == ("machines", {"since": "", "most": PIECE})
    changed = {"ok": True, "mark": "a-1-2", "whole": False, "machines": [machine(2, state="failed")]}
    sidecar.answers["machines"] = changed
    second = asyncio.run(facts.machines())
    assert sidecar.asked[-1] == ("machines", {"since": "a-1-1", "most": PIECE})
    assert [one.name for one in second] == [one.name for one in first]
    assert [new is old for new, old in zip(second, first, strict=True)] == [True, False, True, True, True]
    assert second[1].state == "failed"
    now[0] = 60.0
    assert facts.aged(second[0]).silent_s == 61.0
    sidecar.answers["machines"] = {"ok": True, "machines": [machine(9)]}
    assert [one.name for one in asyncio.run(facts.machines())] == ["cli9"], "an older sidecar tells all"


def test_many_machines_come_in_pieces_and_are_shown_when_all_are_there(sidecar: FakeSidecar) -> None:
    class Pieces(FakeSidecar):
        async def ask(
            self, command: str, options: Mapping[str, Any] | None = None, *, timeout_s: float = 1.0
        ) -> bytes:
            assert options is not None
            since = str(options["since"])
            at = int(since.rpartition("+")[2] or 0)
            return json.dumps({
                "ok": True, "whole": not since, "more": at < 2, "machines": [machine(at + 1)],
                "mark": f"a-1-7+{at + 1}" if at < 2 else "a-1-7",
            }).encode()  # fmt: skip

    facts = Facts(Pieces())
    assert [one.name for one in asyncio.run(facts.machines())] == ["cli1", "cli2", "cli3"]
