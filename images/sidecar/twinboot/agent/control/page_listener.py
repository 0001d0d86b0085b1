"""The socket for the service `page`: one JSON object a line, as on the control socket, but of what can be
asked there a fixed part, and each action only with a token or a session that gives the right to it.

The page may do nothing by itself: what a caller has typed comes along, and is judged here. Beside the
commands of roles.py: {"cmd": "who"}, what the caller may do; {"cmd": "login"}, a session of a token;
{"cmd": "exposed"}, a token came over plain HTTP. Each may have {"caller": {"token": or "session": TEXT,
"csrf": TEXT, "address": of the client, "via": "api" or "page"}}. A refusal has "status", as of HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinboot.access import sessions, tokens
from twinboot.access.audit import Who
from twinboot.access.roles import Role, is_action, needed
from twinboot.access.sessions import Session
from twinboot.access.tokens import Token
from twinboot.core.effects import LogLevel
from twinboot.log import log_event

from .audit import Audit
from .lines import Answer, serve_lines

log = logging.getLogger(__name__)

MAX_AT_ONCE = 32
MAX_LINE_BYTES = 16 << 20
"""A site file of ten thousand hosts has two million bytes, and JSON may double them."""
_NOT_KNOWN = "this token is not known, or no longer good: `twinboot token` makes one for the site file"
_SESSION_OVER = "this session is over: log in again"


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who asks, as far as that is proven."""

    token: Token | None = None
    session: Session | None = None
    refused: str = ""

    @property
    def role(self) -> Role:
        return self.token.role if self.token is not None else Role.NOBODY


class PageListener:
    """ask: what the control socket answers. site: the one in use, as JSON values. keys: of sessions; the
    first one signs."""

    def __init__(self, ask: Answer, audit: Audit, site: Callable[[], Mapping[str, Any] | None],
                 wall_time: Callable[[], float] = time.time) -> None:
        self._ask, self._audit, self._site, self._wall_time = ask, audit, site, wall_time
        self.keys: Sequence[bytes] = ()
        self._open = 0
        self._server: asyncio.Server | None = None

    def set_keys(self, heartbeat_keys: Sequence[bytes]) -> None:
        self.keys = [sessions.key_of(one) for one in heartbeat_keys]

    async def start(self, path: Path) -> None:
        """OSError when the socket cannot be made."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_LINE_BYTES)
        os.chmod(path, 0o666)  # its folder lets in the page alone

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        told = request.pop("caller", None)
        said: dict[str, Any] = told if isinstance(told, dict) else {}
        caller, command = self._judge(said), request.get("cmd")
        if command == "who":
            return self._who(caller)
        if command == "login":
            return self._login(caller)
        if command == "exposed":
            return await self._burnt(caller, said)
        role = needed(request)
        if role is None:
            return _no(404, f"{json.dumps(command)} cannot be asked here")
        if refusal := self._refusal(caller, role, request, said):
            return refusal
        if command == "audit":
            return await self._audit.newest(int(request.get("limit") or 0))
        return await self._audit.do(_who_of(caller, said), request, self._ask)

    def _judge(self, said: Mapping[str, Any]) -> _Caller:
        known = tokens.tokens_of(self._site())
        today = time.strftime("%Y-%m-%d", time.gmtime(self._wall_time()))
        session = None
        if isinstance(text := said.get("token"), str):
            token, refused = tokens.find(known, text), _NOT_KNOWN
        elif isinstance(text := said.get("session"), str):
            session = sessions.check(text, self.keys, known, self._wall_time())
            token, refused = session.token if session is not None else None, _SESSION_OVER
        else:
            return _Caller()
        if token is None or not token.good_on(today):
            log_event(log, LogLevel.WARNING, "token-refused", address=str(said.get("address") or "-"),
                      why="out of date" if token is not None else "not known")
            return _Caller(refused=refused)
        return _Caller(token, session)

    def _refusal(self, caller: _Caller, role: Role, request: Mapping[str, Any], said: Mapping[str, Any]
                 ) -> dict[str, Any] | None:
        if caller.refused:
            return _no(401, caller.refused)
        if role is Role.NOBODY:
            return None
        if caller.token is None:
            return _no(401, f"this takes a token with the role {role.word}: `twinboot token NAME --role "
                            f"{role.word}` makes one for the site file")
        if caller.role < role:
            return _no(403, f"the token {caller.token.name} has the role {caller.role.word}; this takes "
                            f"{role.word}")
        session = caller.session
        if session is not None and is_action(request) and not hmac.compare_digest(
                str(said.get("csrf")).encode(), session.csrf.encode()):
            return _no(403, "the form is of another session: load the page again")
        return None

    def _who(self, caller: _Caller) -> dict[str, Any]:
        if caller.refused:
            return _no(401, caller.refused)
        token, session = caller.token, caller.session
        return {
            "ok": True, "reading": "open" if tokens.reading_is_open(self._site()) else "token",
            "name": token.name if token is not None else "", "role": caller.role.word,
            "csrf": session.csrf if session is not None else "",
            "until": session.until if session is not None else None,
        }

    def _login(self, caller: _Caller) -> dict[str, Any]:
        if caller.token is None or not self.keys:
            return _no(401, caller.refused or _NOT_KNOWN)
        text = sessions.made(caller.token, self.keys[0], self._wall_time())
        return {"ok": True, "session": text, "lasts_s": sessions.LASTS_S, **self._of(text)}

    def _of(self, session: str) -> dict[str, Any]:
        who = self._who(self._judge({"session": session}))
        return {key: value for key, value in who.items() if key != "ok"}

    async def _burnt(self, caller: _Caller, said: Mapping[str, Any]) -> dict[str, Any]:
        if caller.token is not None:
            name, address = caller.token.name, str(said.get("address") or "-")
            log_event(log, LogLevel.WARNING, "token-exposed", name=name, address=address,
                      why="sent over plain HTTP; take it out of api.tokens and make another one")
            await self._audit.note(_who_of(caller, said), "sent its token over plain HTTP: exposed")
        return {"ok": True}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MAX_AT_ONCE:
            writer.close()
            return
        self._open += 1
        try:
            await serve_lines(reader, writer, self.answer)
        finally:
            self._open -= 1


def _who_of(caller: _Caller, said: Mapping[str, Any]) -> Who:
    name = f"token {caller.token.name}" if caller.token is not None else "nobody"
    address, via = str(said.get("address") or "-")[:64], str(said.get("via") or "api")[:16]
    return Who(name, caller.role.word, address, via)


def _no(status: int, error: str) -> dict[str, Any]:
    return {"ok": False, "status": status, "error": error}
