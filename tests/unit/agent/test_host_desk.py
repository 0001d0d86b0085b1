"""Machines come and go by the page and the API: shown first, applied as seen, refused with all reasons."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from ipaddress import IPv4Address
from typing import Any

import pytest
from sitechange import EXAMPLES
from twinboot.agent.rollout.begin import version_of
from twinboot.agent.rollout.hosts import HostDesk, hosts_job
from twinboot.errors import ResourceError
from twinboot.rollout.model import Committed
from twinboot.site import loads

TEXT = (EXAMPLES / "parity.yaml").read_text()
MAC = "52:54:00:00:42:01"
ENROLL = {"machines": [{"mac": MAC, "name": "new1"}], "profile": ""}


class Sites:
    def __init__(self) -> None:
        self.committed = Committed(version_of(TEXT, 3), TEXT)
        self.proposed: list[dict[str, Any]] = []

    async def propose(self, **said: Any) -> dict[str, Any]:
        self.proposed.append(said)
        return {"ok": True, "attempt": {"number": 4}}


class World:
    def __init__(self) -> None:
        self.sites = Sites()
        self.leased: list[str] = []
        self.answers: dict[IPv4Address, str] = {}
        self.deaf = False
        heard = [{"mac": MAC, "uuid": "", "relay": ""}]
        self.desk = HostDesk("server1", self.sites, heard=lambda: heard, leased=lambda: self.leased,
                             run=self.run)  # fmt: skip
        self.profile = next(iter(loads(TEXT).profiles))

    async def run(self, job: str, said: Mapping[str, Any]) -> dict[str, Any]:
        assert job == "hosts"
        return hosts_job(json.loads(json.dumps(said)), self.answering)

    def answering(self, interface: str, some: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        if self.deaf:
            raise ResourceError("eth0", "no such device")
        return {one: self.answers[one] for one in some if one in self.answers}

    def __call__(self, command: str, **request: Any) -> dict[str, Any]:
        return asyncio.run(self.desk.answer(command, request))


@pytest.fixture
def world() -> World:
    return World()


def test_what_was_seen_is_what_is_applied(world: World) -> None:
    wish = {**ENROLL, "profile": world.profile}
    seen = world("enroll", **wish, ask=True)
    assert seen["ok"], seen
    assert (seen["applied"], world.sites.proposed) == (False, [])
    entry = seen["entries"]["new1"]
    assert (entry["mac"], entry["profile"]) == (MAC, world.profile)
    done = world("enroll", **wish, digest=seen["digest"], base=seen["base"], without=["server2"],
                 by={"who": "token anna"})  # fmt: skip
    assert (done["applied"], done["number"]) == (True, 4)
    (proposed,) = world.sites.proposed
    assert proposed["text"].startswith(TEXT[:400]), "comments and order stay"
    assert str(loads(proposed["text"]).hosts["new1"].address) == entry["address"]
    assert (proposed["base"], proposed["without"]) == (seen["base"], ("server2",))
    assert proposed["by"] == {"who": "token anna"}


def test_an_address_that_was_taken_meanwhile_asks_for_another_look(world: World) -> None:
    wish = {**ENROLL, "profile": world.profile}
    seen = world("enroll", **wish, ask=True)
    world.leased = [seen["entries"]["new1"]["address"]]
    again = world("enroll", **wish, digest=seen["digest"], base=seen["base"])
    assert (again["ok"], again["status"], world.sites.proposed) == (False, 409, [])
    other = world("enroll", **wish, base="ab" * 8)
    assert (other["status"], "applied meanwhile" in other["error"]) == (409, True)


def test_all_reasons_come_at_once_in_the_words_of_the_api(world: World) -> None:
    bad = world("enroll", machines=[{"mac": "xx", "name": "a"}, {"mac": MAC}], profile="none", subnet="1")
    assert (bad["ok"], bad["status"]) == (False, 422)
    assert len(bad["errors"]) == 4, bad
    assert not [one for one in bad["errors"] if "--" in one]
    world.deaf = True
    noted = world("enroll", **{**ENROLL, "profile": world.profile}, ask=True)
    assert "the LAN was not asked" in noted["lines"][0]
    assert world("unenroll", hosts=["nobody"])["status"] == 422
    assert world.sites.proposed == []


def test_machines_go_and_come_by_a_table(world: World) -> None:
    name = next(iter(loads(TEXT).hosts))
    gone = world("unenroll", hosts=[name], may_erase=True, by={})
    assert (gone["ok"], gone["applied"]) == (True, True)
    assert name not in loads(world.sites.proposed[0]["text"]).hosts
    table = world("hosts", format="csv")["text"]
    same = world("hosts-import", text=table)
    assert (same["applied"], same["message"]) == (False, "nothing to change")
    row = f"new1,{MAC},auto,{world.profile}\n"
    head = "name,mac,address,profile\n"
    assert world("hosts-import", text=head + row + row, ask=True)["errors"][0].startswith("line 3: ")
    seen = world("hosts-import", text=head + row, ask=True)
    assert "new1" in seen["entries"]
    assert world("hosts-import", text=head + row, subnet="10.9.0.0/16")["status"] == 422
    assert '"name": "' in world("hosts", format="json")["text"]
    choices = world("choices")
    assert world.profile in choices["profiles"]
    assert choices["subnets"]
