"""The agent's line to the adopter, the process that carries clients' connections over.

Tells it when an address comes or goes, and waits a little for its word; hands the peers' records on to
it and its own to the peers (topic `connections` of the stream). Without an adopter everything goes on as
before: the clients' connections then break with their server.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Protocol

from twinboot.core.effects import Level
from twinboot.story import say, say_all
from twinboot.stream.node import Change, Reset

from .history import Entry

log = logging.getLogger(__name__)

TOPIC = "connections"
MOST = 5000
ANSWER_S = 0.05
"""The adopter's word is waited for so long: it has little to do before it gives it."""
DELIVERY_S = 0.05
_AGAIN_S = 1.0
_LINE_LIMIT = 64 << 10


class Stream(Protocol):
    """agent.streams.Streams, or a stand-in."""

    def listen(self, topic: str, listener: Callable[[Reset | Change], None]) -> None: ...
    def put(self, topic: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, topic: str, key: bytes) -> None: ...
    async def delivered(self, topic: str, limit_s: float) -> bool: ...


class Moves:
    """held: the addresses that are here now; holder: who had an address last, and is it alive?"""

    def __init__(self, path: Path, streams: Stream, held: Callable[[], list[IPv4Address]],
                 holder: Callable[[IPv4Address], tuple[str, bool]]) -> None:
        self._path, self._streams, self._held, self._holder = path, streams, held, holder
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._tables: dict[str, dict[bytes, bytes]] = {}
        self._own: set[bytes] = set()
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._number = 0
        self._missing = ""
        self.diary: Callable[[str, Iterable[Entry]], None] | None = None
        """Told of what the adopter did for an address."""
        streams.listen(TOPIC, self._news)
        self._task = self._loop.create_task(self._run())

    @property
    def fault(self) -> str:
        """Why connections cannot be carried over, in words; empty when they can."""
        return self._missing

    @property
    def records(self) -> Mapping[str, int]:
        """How many connections each peer has told of."""
        return {peer: len(table) for peer, table in self._tables.items()}

    def close(self) -> None:
        self._task.cancel()

    # For the thread of the virtual addresses ----------------------------------------------------

    def claiming(self, address: IPv4Address) -> bool:
        """Before the address is up. Did the adopter answer?"""
        return self._wait("claiming", address)

    def announced(self, address: IPv4Address) -> None:
        """It is up, and the LAN has been told so for the first time."""
        self._loop.call_soon_threadsafe(self._tell, "claimed", address)

    def releasing(self, address: IPv4Address) -> None:
        """Before the address goes: its connections stand still, and the peers have all records."""
        if self._wait("releasing", address):
            future = asyncio.run_coroutine_threadsafe(
                self._streams.delivered(TOPIC, DELIVERY_S), self._loop)
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                future.result(2 * DELIVERY_S)

    def released(self, address: IPv4Address) -> None:
        """It is gone."""
        self._loop.call_soon_threadsafe(self._tell, "released", address)

    def _wait(self, what: str, address: IPv4Address) -> bool:
        """Tell, and wait for the answer; False when there was none in time."""
        if self._writer is None:
            return False
        future = asyncio.run_coroutine_threadsafe(self._ask(what, address), self._loop)
        try:
            return future.result(2 * ANSWER_S)
        except (TimeoutError, asyncio.CancelledError):
            return False

    # On the loop --------------------------------------------------------------------------------

    async def _ask(self, what: str, address: IPv4Address) -> bool:
        answer = self._tell(what, address)
        if answer is None:
            return False
        try:
            await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            say(log, Level.WARNING, "adopter-slow", asked=what, address=str(address))
            return False
        return True

    def _tell(self, what: str, address: IPv4Address) -> asyncio.Future[None] | None:
        if self._writer is None:
            return None
        self._number += 1
        holder, alive = self._holder(address)
        answer: asyncio.Future[None] = self._loop.create_future()
        self._asked[self._number] = answer
        number = self._number
        answer.add_done_callback(lambda _done: self._asked.pop(number, None))
        self._write({"do": what, "id": number, "address": str(address), "holder": holder, "planned": alive})
        return answer

    def _news(self, news: Reset | Change) -> None:
        """A peer's record came in, changed or went."""
        if isinstance(news, Reset):
            self._tables.pop(news.peer, None)
            self._write({"peer": news.peer, "reset": True})
            return
        table = self._tables.setdefault(news.peer, {})
        if news.value is None:
            table.pop(news.key, None)
        else:
            table[news.key] = news.value
        self._write_record(news.peer, news.key, news.value)

    def _write_record(self, peer: str, key: bytes, value: bytes | None) -> None:
        self._write({
            "peer": peer, "key": base64.b64encode(key).decode(),
            "value": base64.b64encode(value).decode() if value is not None else None,
        })

    def _write(self, line: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(line).encode() + b"\n")

    async def _run(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_LINE_LIMIT)
            except OSError as exc:
                self._gone(f"the adopter does not answer: {exc.strerror or exc}")
            else:
                await self._serve(reader, writer)
                self._gone("the adopter has ended")
            await asyncio.sleep(_AGAIN_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        if self._missing:
            say(log, Level.INFO, "adopter-back")
        self._missing = ""
        for key in self._own:
            self._streams.remove(TOPIC, key)
        self._own.clear()
        for peer, table in self._tables.items():
            for key, value in table.items():
                self._write_record(peer, key, value)
        for address in self._held():
            self._write({"do": "claimed", "id": 0, "address": str(address), "holder": "", "planned": False,
                         "ours": True})
        try:
            while line := await reader.readline():
                self._told(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError) as exc:
            say(log, Level.WARNING, "adopter-line", reason=str(exc))
        finally:
            self._writer = None
            writer.close()

    def _gone(self, why: str) -> None:
        for answer in tuple(self._asked.values()):
            answer.cancel()
        if why != self._missing:
            self._missing = why
            say(log, Level.WARNING, "adopter-missing", reason=why)

    def _told(self, line: dict[str, Any]) -> None:
        if "id" in line:
            answer = self._asked.get(line["id"])
            if answer is not None and not answer.done():
                answer.set_result(None)
        elif "event" in line:
            say_all(log, Level.INFO, str(line["event"]), line["fields"])
            for reason, count in line.get("reset", {}).items():
                say(log, Level.WARNING, "connections-reset", count=count, reason=reason)
            if self.diary is not None:
                self.diary(str(line["fields"]["address"]), [
                    Entry(float(at), str(what), str(text)) for at, what, text in line.get("diary", ())])
        else:
            key = base64.b64decode(line["key"])
            if line["value"] is None:
                self._own.discard(key)
                self._streams.remove(TOPIC, key)
            else:
                self._own.add(key)
                self._streams.put(TOPIC, key, base64.b64decode(line["value"]))
