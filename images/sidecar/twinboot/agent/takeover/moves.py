"""What the agent and the adopter, the process that carries clients' connections over, say to each other.

Tells it when an address comes or goes, and waits a little for its word; hands the peers' records on to
it and its own to the peers (topic `connections` of the stream). Without an adopter everything goes on as
before: the clients' connections then break with their server.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Protocol

from twinboot.core.effects import Level
from twinboot.log import say, say_all
from twinboot.replication.node import Change, Reset
from twinboot.takeover.logic.record import Key

from ..history.history import Entry
from .line import ANSWER_S, AdopterLine, Line
from .protocol import Asks, Happened, Told, Word

log = logging.getLogger(__name__)

TOPIC = "connections"
MOST = 5000
DELIVERY_S = 0.5
"""For the last records of an address that leaves in order: milliseconds as a rule. On a busy machine a
pause is better than connections that the taker knows in part. Nobody is waited for any longer."""
_COUNTS = ("serving", "left_out", "segments", "frames_lost", "cpu_s", "gate_shut", "words_held",
           "words_held_too_long")


class Stream(Protocol):
    """agent.streams.Streams, or a stand-in."""

    def listen(self, topic: str, listener: Callable[[Reset | Change], None]) -> None: ...
    def put(self, topic: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, topic: str, key: bytes) -> None: ...
    async def delivered(self, topic: str, limit_s: float) -> bool: ...
    def when_known(self, topic: str, call: Callable[[], None]) -> None: ...
    def lag_s(self, topic: str) -> dict[str, float]: ...
    def taken_s(self, topic: str) -> tuple[float, float]: ...


class Moves:
    """held: the addresses that are here now; holder: who had an address last, and is it alive?"""

    def __init__(self, path: Path, streams: Stream, held: Callable[[], list[IPv4Address]],
                 holder: Callable[[IPv4Address], tuple[str, bool]]) -> None:
        self._streams, self._held, self._holder = streams, held, holder
        self._loop = asyncio.get_running_loop()
        self._tables: dict[str, dict[bytes, bytes]] = {}
        self._own: dict[bytes, bytes] = {}
        """What our adopter has told of, for its next life."""
        self._from: dict[IPv4Address, tuple[str, bool]] = {}
        self.diary: Callable[[str, Iterable[Entry]], None] | None = None
        """Told of what the adopter did for an address."""
        self._line = AdopterLine(path, self._opened, self._told)
        streams.listen(TOPIC, self._news)

    def alarms(self) -> list[str]:
        """What keeps connections from being carried over, one sentence each."""
        if self._line.fault:
            return [f"downloads would break with their server: the adopter is missing: {self._line.fault}"]
        return [str(fault) for fault in self._line.report.get("faults", ())]

    def summary(self) -> dict[str, Any]:
        """For status and metrics: what the adopter last said of itself, and what the peers have of it.

        lag_ms: how long a peer has been without our oldest news; taken_ms: what the last thousand took.
        """
        median_s, worst_s = self._streams.taken_s(TOPIC)
        report = self._line.report
        return {
            "adopter": bool(report) and not self._line.fault,
            **{key: report.get(key, {}) for key in ("followed", "totals")},
            **{key: report.get(key, 0) for key in _COUNTS},
            "taken_ms": {"median": _ms(median_s), "worst": _ms(worst_s)},
            "lag_ms": {peer: _ms(lag_s) for peer, lag_s in sorted(self._streams.lag_s(TOPIC).items())},
            "known_of": {peer: len(table) for peer, table in sorted(self._tables.items())},
        }

    def close(self) -> None:
        self._line.close()

    # For the thread of the virtual addresses ----------------------------------------------------

    def claiming(self, address: IPv4Address) -> bool:
        """Before the address is up. Did the adopter answer?"""
        return self._wait("claiming", address)

    def announced(self, address: IPv4Address) -> None:
        """It is up, and the LAN has been told so for the first time."""
        self._later("claimed", address)

    def releasing(self, address: IPv4Address) -> None:
        """Before the address goes: its connections stand still, and the peers have all records."""
        if self._wait("releasing", address):
            future = asyncio.run_coroutine_threadsafe(
                self._streams.delivered(TOPIC, DELIVERY_S), self._loop)
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                future.result(DELIVERY_S + 0.1)

    def released(self, address: IPv4Address) -> None:
        """It is gone."""
        self._later("released", address)

    def _wait(self, what: str, address: IPv4Address) -> bool:
        """Tell, and wait for the answer; False when there was none in time.

        One that has let us wait in vain is told, and not waited for until it has answered again.
        """
        if not self._line.usable:
            self._later(what, address)
            return False
        future = asyncio.run_coroutine_threadsafe(self._ask(what, address), self._loop)
        try:
            return future.result(2 * ANSWER_S)
        except (TimeoutError, asyncio.CancelledError):
            return False

    def _later(self, what: str, address: IPv4Address) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(lambda: self._line.tell(self._move(what, address)))

    # On the loop --------------------------------------------------------------------------------

    async def _ask(self, what: str, address: IPv4Address) -> bool:
        return await self._line.ask(self._move(what, address))

    def _move(self, what: str, address: IPv4Address) -> Line:
        if what != "claimed" or address not in self._from:
            self._from[address] = self._holder(address)
        holder, alive = self._from[address]  # once it is claimed, the last holder is ourselves
        return {"do": what, "address": str(address), "holder": holder, "planned": alive}

    def _news(self, news: Reset | Change) -> None:
        """A peer's record came in, changed or went."""
        if isinstance(news, Reset):
            self._tables.pop(news.peer, None)
            self._line.write({"peer": news.peer, "reset": True})
            return
        table = self._tables.setdefault(news.peer, {})
        if news.value is None:
            table.pop(news.key, None)
        else:
            table[news.key] = news.value
        self._write_record(news.peer, news.key, news.value)

    def _write_record(self, peer: str, key: bytes, value: bytes | None) -> None:
        self._line.write({
            "peer": peer, "key": base64.b64encode(key).decode(),
            "value": base64.b64encode(value).decode() if value is not None else None,
        })

    def _opened(self) -> None:
        """An adopter is there: it knows nothing yet. It will say what holds of the last one's records."""
        held = self._held()
        for key, value in tuple(self._own.items()):
            if Key.unpack(key).server in held:
                self._write_record("", key, value)
            else:
                self._told_record(key, None)
        for peer, table in self._tables.items():
            for key, value in table.items():
                self._write_record(peer, key, value)
        for address in held:
            self._line.tell({"do": "claimed", "address": str(address), "holder": "", "planned": False,
                             "again": True})

    def _told(self, word: Word) -> None:
        match word:
            case Told():
                self._told_record(word.key, word.value)
            case Asks():
                self._streams.when_known(TOPIC, lambda: self._line.write({"known": word.number}))
            case Happened():
                self._happened(word)

    def _happened(self, word: Happened) -> None:
        say_all(log, Level.INFO, word.name, word.fields)
        for reason, count in word.reset.items():
            say(log, Level.WARNING, "connections-reset", count=count, reason=reason)
        if self.diary is not None:
            self.diary(word.address, [Entry(at, what, text) for at, what, text in word.diary])

    def _told_record(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._own.pop(key, None)
            self._streams.remove(TOPIC, key)
        elif self._streams.put(TOPIC, key, value):
            self._own[key] = value


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
