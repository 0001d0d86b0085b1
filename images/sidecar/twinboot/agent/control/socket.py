"""The control socket: one JSON object a line, asked by `twinboot status`, `diff`, `history`, `standby`,
`resume`, `apply`, and the commands about machines.

Requests {"cmd": "status"} | {"cmd": "history"} | {"cmd": "diff", "server": NAME or ""} |
{"cmd": "standby", "force": bool, "ask": bool} | {"cmd": "resume"} | {"cmd": "rollout"} |
{"cmd": "apply", "digest": HEX, "previous": bool, "without": [NAME...], "text": of a site or absent,
"base": HEX or ""} | {"cmd": "site", "number": n or absent} |
{"cmd": "site-diff", "text": TEXT, "base": HEX or ""} | {"cmd": "audit", "limit": n} |
{"cmd": "machines", "since": mark of an earlier answer, "" or absent} | {"cmd": "machine", "name": NAME} |
{"cmd": "unknown"} | {"cmd": "leased"} | {"cmd": "webhooks"} | {"cmd": "webhook-test", "name": NAME} |
{"cmd": "log", "name": NAME}: what its installer has said |
{"cmd": "sites"}: those that were in use | {"cmd": "site-change", "number": n} |
{"cmd": "order", "order": "install" or "local", "hosts": [NAME...], "profile": NAME or ""} |
those of COMMANDS in agent.rollout.hosts and in agent.power.asked;
with "ask" standby only says whether it would be refused;
replies {"ok": true, ...} or {"ok": false, "error": "..."}. Only root of this machine reaches the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twinboot import core
from twinboot.access.audit import Who
from twinboot.core.events import StandbyRequested
from twinboot.core.model import Failback, GroupState

from ..loop import Agent
from ..machines import orders
from ..machines.discovery import Discovery
from ..machines.keeper import MachineKeeper
from ..power import asked
from ..power.asked import PowerDesk
from ..rollout.driver import Rollout
from ..rollout.hosts import COMMANDS as HOSTS
from ..rollout.hosts import HostDesk
from ..webhooks.driver import Webhooks
from .answers import diff, history, status
from .audit import Audit
from .https import https_facts
from .lines import serve_lines
from .machine_changes import MachineChanges
from .machine_logs import MachineLogs

_MAX_LINE_BYTES = 1 << 20
"""An order may name ten thousand hosts."""
_MOVE_LIMIT_S = 15.0
_NO_SITE = "no site can be applied here: the record of the site cannot be read"


class ControlSocket:
    """Serves the socket for one agent."""

    def __init__(self, agent: Agent, addresses: dict[str, str], audit: Audit, current: Path | None = None
                 ) -> None:
        """current: the rendered files, the certificate of HTTPS among them."""
        self._agent, self.audit, self._current = agent, audit, current
        self._root = Who(f"root on {agent.config.me}", "admin")
        self._addresses = addresses
        self.rollout: Rollout | None = None
        self.hosts: HostDesk | None = None
        self.logs: MachineLogs | None = None
        self.keeper: MachineKeeper | None = None
        self.discovery: Discovery | None = None
        self.leased: Callable[[], list[str]] = list
        self._changes: MachineChanges | None = None
        self.power: PowerDesk | None = None
        self.webhooks: Webhooks | None = None
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, path, limit=_MAX_LINE_BYTES)
        os.chmod(path, 0o600)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_lines(reader, writer, lambda request: self.audit.do(self._root, request, self.answer))

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answers one request; the module docstring lists them."""
        command = request["cmd"]
        if command == "status":
            return {"ok": True, **status(self._agent, self._addresses), "https": self._https()}
        if command == "history":
            return {"ok": True, **history(self._agent)}
        if command == "diff":
            return diff(self._agent, str(request.get("server") or ""))
        if command == "standby":
            if request.get("ask"):
                refusal = core.standby_refusal(self._agent.state) if self._agent.config.peers else None
                return _error_reply(refusal) if refusal else {"ok": True, "message": "it may hand over"}
            return await self._standby(force=bool(request.get("force")))
        if command == "resume":
            return await self._resume()
        if command in ("apply", "rollout", "site", "site-diff", "sites", "site-change"):
            return await self._rollout(command, request)
        if command in HOSTS:
            if self.hosts is None:
                return _error_reply(_NO_SITE)
            return await self.hosts.answer(command, request)
        if command == "audit":
            return await self.audit.newest(int(request.get("limit") or 0))
        if command == "leased":
            return {"ok": True, "addresses": self.leased()}
        if command in ("webhooks", "webhook-test") and self.webhooks is not None:
            tested = command == "webhook-test"
            return await self.webhooks.test(str(request.get("name"))) if tested else self.webhooks.status()
        if command in ("machines", "machine", "log", "unknown", "order", *asked.COMMANDS):
            return await self._machines(command, request)
        known = ("status, diff, history, standby, resume, apply, rollout, site, site-diff, sites, "
                 "site-change, enroll, unenroll, hosts, hosts-import, choices, audit, machines, machine, "
                 "log, unknown, leased, order, power, power-job, order-now, webhooks, webhook-test")
        return _error_reply(f"unknown command {command!r}; known: {known}")

    def _https(self) -> dict[str, Any] | None:
        return None if self._current is None else https_facts(self._current)

    async def _rollout(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.rollout is None:
            return _error_reply(_NO_SITE)
        if command == "rollout":
            return {"ok": True, **self.rollout.status()}
        if command == "site":
            return await self._site(self.rollout, request.get("number"))
        if command == "sites":
            return await self.rollout.past.listed()
        if command == "site-change":
            return await self.rollout.past.change(int(request.get("number") or 0))
        text = request.get("text")
        if command == "site-diff":
            return await self.rollout.compare(str(text), str(request.get("base") or ""))
        without = tuple(str(name) for name in request.get("without") or ())
        return await self.rollout.propose(
            digest=str(request.get("digest")), previous=bool(request.get("previous")), without=without,
            text=None if text is None else str(text), base=str(request.get("base") or ""),
            by=request.get("by"),
        )

    async def _site(self, rollout: Rollout, number: object) -> dict[str, Any]:
        """The site that is in use, or an earlier one by its number."""
        if not isinstance(number, int):
            return rollout.in_use()
        text = await rollout.past.text(number=number)
        if text is None:
            return {**_error_reply(f"the text of site {number} is not kept on this server"), "status": 404}
        return {**rollout.in_use(), "number": number, "text": text}

    async def _machines(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.keeper is None or self.discovery is None or self.power is None:
            return _error_reply("this server has just started; ask again")
        if command == "machines" and "since" in request:
            return await self._machine_changes(self.keeper).since(
                str(request["since"]), most=int(request.get("most") or 0))
        if command == "machines":
            return await orders.machines(self.keeper)
        if command == "machine":
            return orders.machine(self.keeper, str(request.get("name")))
        if command == "log":
            return await self._log(self.keeper, str(request.get("name")))
        if command == "unknown":
            return {"ok": True, "unknown": self.discovery.rows()}
        if command in asked.COMMANDS:
            return await self.power.answer(command, request)
        return await orders.order(self.keeper, request)

    async def _log(self, keeper: MachineKeeper, name: str) -> dict[str, Any]:
        if name not in keeper.table.facts or self.logs is None:
            return {**_error_reply(f"no host {name!r} in the site file"), "status": 404}
        return await self.logs.lines(name)

    def _machine_changes(self, keeper: MachineKeeper) -> MachineChanges:
        if self._changes is None:
            self._changes = MachineChanges(keeper, f"{self._agent.boot:x}")
        return self._changes

    async def _standby(self, *, force: bool) -> dict[str, Any]:
        agent = self._agent
        before = _groups_here(agent.view())
        refusal = None if force else core.standby_refusal(agent.state)
        if refusal is not None:
            return _error_reply(f"{refusal} (--force does it all the same)")
        agent.handle(StandbyRequested(on=True, force=force))

        def handed_over(view: core.View) -> bool:
            idle = all(group.state is GroupState.IDLE for group in view.groups.values())
            return idle and (force or all(group.holder for group in view.groups.values()))

        done = await agent.until(handed_over, _MOVE_LIMIT_S)
        view = agent.view()
        if not done:
            return _error_reply("on standby, but not all is handed over: " + _holders(view))
        moved = [f"{name} to {view.groups[name].holder or 'nobody'}" for name in before]
        return {"ok": True, "message": f"on standby; moved: {', '.join(moved) or 'nothing, it held nothing'}"}

    async def _resume(self) -> dict[str, Any]:
        agent = self._agent
        me, config = agent.config.me, agent.config
        agent.handle(StandbyRequested(on=False))
        wanted = [group.name for group in config.groups if group.order[0] == me]
        if config.failback is not Failback.AUTO:
            return {"ok": True, "message": "takes part again; failback is manual: " + _holders(agent.view())}

        def back(view: core.View) -> bool:
            return all(view.groups[name].state is GroupState.HELD for name in wanted)

        done = await agent.until(back, config.timers.failback_delay_s + _MOVE_LIMIT_S)
        holders = _holders(agent.view())
        if not done:
            return _error_reply(f"takes part again, but its groups are not back yet: {holders}")
        return {"ok": True, "message": f"takes part again: {holders}"}


def _groups_here(view: core.View) -> list[str]:
    return [name for name, group in view.groups.items() if group.state is not GroupState.IDLE]


def _holders(view: core.View) -> str:
    return ", ".join(f"{name} is held by {group.holder or 'nobody'}" for name, group in view.groups.items())


def _error_reply(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}
