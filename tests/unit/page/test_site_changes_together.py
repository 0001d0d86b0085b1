"""The page, the listener, the control socket and what works out changes, joined: only that other servers
accept a site is played here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from auditfake import MemoryLines
from fakesidecar import BY_HTTPS
from sitechange import EXAMPLES
from twinboot.access import tokens
from twinboot.adapters.records.site_texts import SiteTexts
from twinboot.agent.control.audit import Audit
from twinboot.agent.control.machine_logs import MachineLogs
from twinboot.agent.control.page_listener import PageListener
from twinboot.agent.control.socket import ControlSocket
from twinboot.agent.rollout import texts
from twinboot.agent.rollout.begin import version_of
from twinboot.agent.rollout.hosts import HostDesk
from twinboot.agent.rollout.past import PastSites
from twinboot.rollout.model import Author, Committed
from twinboot.rollout.record import Record
from twinboot.site import loads
from twinboot_page.app import application
from twinboot_page.client import SidecarClient

TEXT = (EXAMPLES / "parity.yaml").read_text()
SECRETS = {name: tokens.made_of(name.encode() * 8) for name in ("anna", "bert")}
TOKENS = [{"name": name, "role": "admin", "sha256": tokens.digest(one)} for name, one in SECRETS.items()]
MAC = "52:54:00:00:42:01"
PROFILE, HOST = next(iter(loads(TEXT).profiles)), next(iter(loads(TEXT).hosts))
V1 = "/api/v1"
Talk = Callable[[httpx.AsyncClient, "Accepted"], Awaitable[None]]


class Accepted:
    """Every server accepts at once."""

    def __init__(self, folder: Path) -> None:
        self.committed = Committed(version_of(TEXT, 1), TEXT)
        self._kept = SiteTexts(folder / "sites")
        self.past = PastSites(self._kept, lambda: Record(self.committed))
        self._keep()

    def _keep(self) -> None:
        version, by = self.committed.version, self.committed.by
        head = {"number": version.number, "digest": version.digest.hex(), "who": by.who, "via": by.via}
        self._kept.add(head, self.committed.text)

    async def propose(self, *, digest: str, text: str, base: str = "", by: Mapping[str, Any] | None = None,
                      **_: Any) -> dict[str, Any]:  # fmt: skip
        if base not in ("", self.committed.version.digest.hex()):
            return await self._late(base)
        version = version_of(text, self.committed.version.number + 1)
        assert version.digest.hex() == digest
        said = by or {}
        self.committed = Committed(version, text, Author(said["who"], said["via"], "server1", 5.0))
        self._keep()
        return {"ok": True, **self.status(), "attempt": {"number": version.number}}

    async def compare(self, text: str, base: str = "") -> dict[str, Any]:
        if base not in ("", self.committed.version.digest.hex()):
            return await self._late(base)
        return texts.compared(self.committed, text)

    async def _late(self, base: str) -> dict[str, Any]:
        return texts.meanwhile(self.committed, await self.past.text(digest=base))

    def in_use(self) -> dict[str, Any]:
        return texts.site_in_use(self.committed)

    def status(self) -> dict[str, Any]:
        return {"server": "server1", "committed": None, "working": None, "servers": {}, "attempt": None,
                "fault": ""}  # fmt: skip


def joined(folder: Path, talk: Talk) -> None:
    async def scenario() -> None:
        audit, sites = Audit("server1", MemoryLines()), Accepted(folder)
        agent: Any = SimpleNamespace(config=SimpleNamespace(me="server1"))
        control = ControlSocket(agent, {}, audit)
        as_rollout: Any = sites
        control.rollout = as_rollout
        table: Any = SimpleNamespace(table=SimpleNamespace(facts={HOST: None}))
        control.keeper = control.discovery = control.power = table
        heard = [{"mac": MAC, "uuid": "", "relay": ""}]
        control.hosts = HostDesk("server1", sites, heard=lambda: heard, leased=list)
        control.logs = MachineLogs("server1", folder)
        listener = PageListener(control.answer, audit, lambda: {"api": {"tokens": TOKENS}})
        listener.set_keys([b"k" * 32])
        await listener.start(folder / "sidecar.sock")
        transport = httpx.ASGITransport(application(SidecarClient(folder / "sidecar.sock")))
        try:
            async with httpx.AsyncClient(
                transport=transport, base_url="https://page", headers=BY_HTTPS
            ) as client:
                await talk(client, sites)
        finally:
            listener.close()

    asyncio.run(scenario())


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS[name]}"}


def test_two_operators_change_the_site_and_each_is_told_of_the_other(tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient, sites: Accepted) -> None:
        used = (await client.get(f"{V1}/site", headers=by("anna"))).json()
        wish = {"machines": [{"mac": MAC}], "name": "new1", "profile": PROFILE}
        shown = (await client.post(f"{V1}/hosts/enroll", json={**wish, "dry_run": True},
                                   headers=by("bert"))).json()  # fmt: skip
        seen = {"digest": shown["digest"], "base": shown["base"]}
        done = await client.post(f"{V1}/hosts/enroll", json={**wish, **seen}, headers=by("bert"))
        assert (done.status_code, done.json()["number"]) == (202, 2)
        assert str(loads(sites.committed.text).hosts["new1"].address) == shown["entries"]["new1"]["address"]

        mine = used["text"].replace("failback_delay_s: 5.0", "failback_delay_s: 7.0")
        body = {"text": mine, "base": used["digest"]}
        for path, more in (("site/diff", {}), ("site/apply", {"digest": "ab" * 8})):
            late = await client.post(f"{V1}/{path}", json={**body, **more}, headers=by("anna"))
            assert late.status_code == 409, late.text
            assert "site 2 was applied meanwhile by token bert on server1" in late.json()["detail"]
            assert late.json()["errors"][0].startswith("hosts.new1: (absent) -> ")
        body["base"] = sites.committed.version.digest.hex()
        found = (await client.post(f"{V1}/site/diff", json=body, headers=by("anna"))).json()
        paths = {one["path"] for one in found["changes"]}
        assert any(path.endswith("failback_delay_s") for path in paths)
        assert "hosts.new1" in paths, "it is seen that bert's machine would go"
        back = await client.post(f"{V1}/site/apply", json={**body, "digest": found["digest"]},
                                 headers=by("anna"))  # fmt: skip
        assert back.status_code == 202, back.text

        history = (await client.get(f"{V1}/site/history", headers=by("anna"))).json()
        assert [(one["number"], one["who"], one["before"]) for one in history] == [
            (3, "token anna", 2), (2, "token bert", 1), (1, "", None)]
        change = (await client.get(f"{V1}/site/history/2", headers=by("anna"))).json()
        assert [one["path"] for one in change["changes"]][:1] == ["hosts.new1"]
        assert (await client.get(f"{V1}/site/history/9", headers=by("anna"))).status_code == 404
        assert (await client.get(f"{V1}/site?number=1", headers=by("anna"))).json()["text"] == TEXT
        actions = (await client.get(f"{V1}/audit", headers=by("anna"))).json()
        assert [(one["who"], one["what"]) for one in actions if one["result"] == "done"] == [
            ("token anna", "apply"), ("token bert", f"enroll {MAC}")]

    joined(tmp_path, talk)


def test_faults_tables_and_logs_come_through_whole(tmp_path: Path) -> None:
    (tmp_path / f"{HOST}.log").write_text("2026-01-01 00:00:00 info anaconda: said\n")

    async def talk(client: httpx.AsyncClient, _: Accepted) -> None:
        faulty = TEXT.replace("failback_delay_s: 5.0", "failback_delay_s: soon")
        line = next(at for at, one in enumerate(faulty.splitlines(), 1) if "failback_delay_s: soon" in one)
        told = await client.post(f"{V1}/site/diff", json={"text": faulty}, headers=by("anna"))
        assert told.status_code == 422
        assert any(one.startswith(f"line {line}: ") and "'soon'" in one for one in told.json()["errors"])
        table = (await client.get(f"{V1}/hosts", headers=by("anna"))).text
        same = await client.post(f"{V1}/hosts/import", json={"text": table}, headers=by("anna"))
        assert (same.status_code, same.json()["applied"]) == (200, False)
        row = table.splitlines()[1]
        wrong = await client.post(f"{V1}/hosts/import", json={"text": f"{table}{row}\n"}, headers=by("anna"))
        last = len(table.splitlines()) + 1
        assert (wrong.status_code, wrong.json()["errors"][0].startswith(f"line {last}: ")) == (422, True)
        log = (await client.get(f"{V1}/machines/{HOST}/log", headers=by("anna"))).json()
        assert log["lines"] == [{"server": "server1", "line": "2026-01-01 00:00:00 info anaconda: said"}]
        assert (await client.get(f"{V1}/machines/nobody/log", headers=by("anna"))).status_code == 404

    joined(tmp_path, talk)
