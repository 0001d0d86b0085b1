"""The control socket: one JSON object a line, asked by `twinboot status`, `diff`, `history`, `standby`,
`resume`, `apply`, and the commands about machines.

Requests {"cmd": "status"} | {"cmd": "history"} | {"cmd": "diff", "server": NAME or ""} |
{"cmd": "standby", "force": bool, "ask": bool} | {"cmd": "resume"} | {"cmd": "rollout"} |
{"cmd": "apply", "digest": HEX, "previous": bool, "without": [NAME...]} | {"cmd": "machines"} |
{"cmd": "machine", "name": NAME} | {"cmd": "unknown"} | {"cmd": "leased"} |
{"cmd": "order", "order": "install" or "local", "hosts": [NAME...], "profile": NAME or ""};
with "ask" standby only says whether it would be refused;
replies {"ok": true, ...} or {"ok": false, "error": "..."}. Only root of this machine reaches the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from twinboot import core
from twinboot.core.events import StandbyRequested
from twinboot.core.model import Failback, GroupState, SiteId
from twinboot.core.view.view import GroupView, PeerView
from twinboot.site.difference import differences
from twinboot.wire.cluster.heartbeat import Refusal

from . import alarms
from .loop import Agent
from .machines import orders
from .machines.discovery import Discovery
from .machines.keeper import MachineKeeper
from .rollout.driver import Rollout

_MAX_LINE_BYTES = 1 << 20
"""An order may name ten thousand hosts."""
_MOVE_LIMIT_S = 15.0
_MAX_DIFFERENCES = 500
"""Shown of one server; the reply must fit one line."""


class ControlSocket:
    """Serves the socket for one agent."""

    def __init__(self, agent: Agent, addresses: dict[str, str]) -> None:
        self._agent = agent
        self._addresses = addresses
        self.rollout: Rollout | None = None
        self.keeper: MachineKeeper | None = None
        self.discovery: Discovery | None = None
        self.leased: Callable[[], list[str]] = list
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
        try:
            while line := await reader.readline():
                reply = await self._answer(line)
                writer.write(await asyncio.to_thread(_line, reply) if "machines" in reply else _line(reply))
                await writer.drain()
        except (OSError, ValueError):
            pass  # the other side has gone, or sent a line without end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            command = request["cmd"]
        except (ValueError, TypeError, KeyError):
            return _error_reply("not a request: one JSON object with the key cmd")
        if command == "status":
            return {"ok": True, **status(self._agent, self._addresses)}
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
        if command in ("apply", "rollout"):
            return await self._rollout(command, request)
        if command == "leased":
            return {"ok": True, "addresses": self.leased()}
        if command in ("machines", "machine", "unknown", "order"):
            return await self._machines(command, request)
        known = "status, diff, history, standby, resume, apply, rollout, machines, machine, unknown, leased"
        return _error_reply(f"unknown command {command!r}; known: {known}, order")

    async def _rollout(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.rollout is None:
            return _error_reply("no site can be applied here: the record of the site cannot be read")
        if command == "rollout":
            return {"ok": True, **self.rollout.status()}
        without = tuple(str(name) for name in request.get("without") or ())
        return await self.rollout.propose(
            digest=str(request.get("digest")), previous=bool(request.get("previous")), without=without
        )

    async def _machines(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.keeper is None or self.discovery is None:
            return _error_reply("this server has just started; ask again")
        if command == "machines":
            return await orders.machines(self.keeper)
        if command == "machine":
            return orders.machine(self.keeper, str(request.get("name")))
        if command == "unknown":
            return {"ok": True, "unknown": self.discovery.rows()}
        return await orders.order(self.keeper, request)

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


def _line(reply: dict[str, Any]) -> bytes:
    return json.dumps(reply).encode() + b"\n"


def status(agent: Agent, addresses: dict[str, str]) -> dict[str, Any]:
    """What `twinboot status --json` prints."""
    view, counters = agent.view(), agent.counters
    return {
        "server": agent.config.me,
        "cluster": agent.config.cluster,
        "version": os.environ.get("TWINBOOT_VERSION", "unknown"),
        "boot": f"{agent.boot:016x}",
        "uptime_s": round(agent.uptime_s(), 1),
        "state": view.state,
        "settled": agent.settled(),
        "site": _site(view.site),
        "groups": {name: _group(group, addresses[name], agent) for name, group in view.groups.items()},
        "lan": view.lan.value,
        "daemons": {
            name: {"health": one.health.value, "fault": one.fault} for name, one in view.daemons.items()
        },
        "hold_down_s": round(view.hold_down_s, 1),
        "peers": {name: _peer(peer) for name, peer in view.peers.items()},
        "counters": {
            "received": counters.received,
            "malformed": counters.refused[Refusal.MALFORMED] + counters.refused[Refusal.OVERSIZED]
            + counters.refused[Refusal.VERSION],
            "forged": counters.refused[Refusal.FORGED],
            "foreign": counters.refused[Refusal.FOREIGN] + agent.links.strangers() + view.ignored,
            "replayed": agent.replayed(),
            "dropped": agent.links.dropped(),
        },
        "load": agent.balancing(),
        "trees": agent.trees(agent.config.me),
        "tree_copies": agent.tree_copies(),
        "tree_reading": agent.tree_reading(),
        "connections": agent.connections(),
        "stale_arp_frames": dict(agent.stale_arp_frames()),
        "alarms": [
            alarms.as_dict(one, now=agent.now(), wall_time=time.time()) for one in agent.alarms.look()
        ],
    }


def history(agent: Agent) -> dict[str, Any]:
    """What `twinboot history --json` prints; times of day by the machine's clock as it is set now."""
    moves = agent.history.as_dicts(now=agent.now(), wall_time=time.time())
    return {"server": agent.config.me, "moves": moves}


def diff(agent: Agent, server: str) -> dict[str, Any]:
    """What `twinboot diff` shows: of one server, or of all others."""
    mine = agent.site_of(agent.config.me)
    known = [name for name in agent.state.peers if server in ("", name)]
    if not known:
        names = ", ".join(agent.state.peers)
        return _error_reply(f"{server} is none of the other servers; they are {names}")
    peers: dict[str, Any] = {}
    for name in known:
        theirs = agent.site_of(name)
        found = list(differences(mine, theirs)) if theirs is not None else []
        peers[name] = {
            "known": theirs is not None,
            "differences": [asdict(one) for one in found[:_MAX_DIFFERENCES]],
            "left_out": max(0, len(found) - _MAX_DIFFERENCES),
        }
    return {"ok": True, "server": agent.config.me, "peers": peers}


def _group(group: GroupView, address: str, agent: Agent) -> dict[str, Any]:
    return {
        "address": address,
        "state": group.state.value,
        "holder": group.holder,
        "order": list(group.order),
        "services": {name: state.value for name, state in group.services.items()},
        "eligible": group.eligible,
        "reason": group.reason,
        "since_s": round(max(0.0, agent.state.now - group.since), 1),
        "readiness": {server: asdict(one) for server, one in group.readiness.items()},
    }


def _peer(peer: PeerView) -> dict[str, Any]:
    return {
        "state": peer.state.value,
        "standby": peer.standby,
        "left": peer.left,
        "version": peer.version or None,
        "hears_us": peer.hears_us,
        "lan": peer.lan.value,
        "daemons": {name: {"health": health.value} for name, health in peer.daemons.items()},
        "hold_down_s": round(peer.hold_down_s, 1),
        "site": _site(peer.site),
        "site_differs_s": None if peer.site_differs_s is None else round(peer.site_differs_s, 1),
        "differing_parts": list(peer.differing_parts),
        "links": {
            name: {
                "state": link.state.value,
                "age_ms": None if link.age_s is None else round(link.age_s * 1000),
            }
            for name, link in peer.links.items()
        },
    }


def _site(site: SiteId | None) -> dict[str, Any] | None:
    return None if site is None else {"number": site.number, "digest": site.digest.hex()}


def _groups_here(view: core.View) -> list[str]:
    return [name for name, group in view.groups.items() if group.state is not GroupState.IDLE]


def _holders(view: core.View) -> str:
    return ", ".join(f"{name} is held by {group.holder or 'nobody'}" for name, group in view.groups.items())


def _error_reply(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}
