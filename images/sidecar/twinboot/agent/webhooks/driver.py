"""The loop's part: the delivery queue (twinboot.webhooks) joined with peers, disk, senders and alarms.

In a site without webhooks it does nothing. Nothing is sent before this server has read its own disk and heard
all that its live peers know, so that what they have delivered is not sent again.

Rows of the replicated table: an event by its id; `alarm:` and a digest, for each alarm of the teller, its
episode; `failing`, the webhooks whose receivers the teller does not reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Protocol

from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.machines.record import Record
from twinboot.machines.table import MachineTable
from twinboot.machines.unknown_machines import UnknownMachine
from twinboot.replication.node import MAX_TOMBSTONES, RowChange, TableReset
from twinboot.webhooks import event as events
from twinboot.webhooks.answer import Answer, DeliveryOutcome
from twinboot.webhooks.delivery_queue import DeliveryQueue
from twinboot.webhooks.event import Event, EventKind, body, identify
from twinboot.webhooks.hook import Hook, hooks_of

from ..loop import Agent
from ..worker import Worker
from .event_sources import OLD_S, EventSources
from .group_monitor import GroupMonitor
from .senders import Senders
from .shared_alarms import ALARM, SharedAlarms
from .store import StoredEvents, decode, encode

log = logging.getLogger(__name__)

TABLE = "webhooks"
MAX_ROWS = 16_384 + 2 * MAX_TOMBSTONES
TICK_S, LOOK_S, STALLED_EVERY_S = 0.2, 1.0, 10.0
ALONE_S, READY_LIMIT_S = 8.0, 15.0
"""A server that hears nobody, or peers that do not tell all, after its start."""
DROPPED_FOR_S = 3600.0
"""The alarm of events that were dropped lasts so long after the last one."""
_FAILING = b"failing"
_CLOSE_LIMIT_S = 1.0


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None: ...
    def complete(self, peer: str, table: str) -> bool: ...


class File(Protocol):
    """adapters.statefile.StateFile, or a stand-in."""

    def read(self) -> bytes | None: ...
    def write(self, data: bytes) -> None: ...


class Webhooks:
    """machines: the table of their lives. Build it in the running loop, and start it after the agent."""

    def __init__(
        self, agent: Agent, replicator: Replicator, file: File, senders: Senders, machines: MachineTable, *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._agent, self._replicator, self._file, self._senders = agent, replicator, file, senders
        self._machines, self._wall, self._now = machines, wall, agent.now
        self._me, self._cluster = agent.config.me, agent.config.cluster
        self.queue, self._sources = DeliveryQueue(self._me), EventSources(self._cluster)
        self._alarms, self._groups = SharedAlarms(replicator, TABLE), GroupMonitor(self._me)
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("webhooks")
        self._site: object = None
        self._started = self._now()
        self._ready = self._loaded = self._dirty = self._busy = False
        self._fault = ""
        self._told_failing = b"[]"
        self._looked_at = self._scanned_at = 0.0
        self._dropped: dict[str, tuple[int, float]] = {}
        self._tests = count(1)
        self._timer: asyncio.TimerHandle | None = None
        replicator.subscribe(TABLE, self._peer_tells)
        agent.after_step.append(self._look_at_groups)
        agent.alarms.add_source(self.alarm_conditions)

    def start(self) -> None:
        self._worker.submit(self._load)
        self._tick()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._busy = False  # what is being written is not the last: that is written after it
        self._spread()
        self._worker.close(_CLOSE_LIMIT_S)

    # What others tell ---------------------------------------------------------------------------

    def machine_came_to(self, name: str, state: str, record: Record) -> None:
        """A machine of the site, or one of the disk's; on every server, as each learns of it."""
        if record.at < self._wall() - OLD_S:
            return
        found = self._sources.machine(name, state, record, self._machines.facts.get(name))
        if found is not None and self._wants(EventKind(found.kind)):
            self._note(found)

    def unknown_machine_changed(self, one: UnknownMachine) -> None:
        """A machine without an entry has asked, here or elsewhere."""
        if self._wants(EventKind.MACHINE_DISCOVERED) and one.first >= self._wall() - OLD_S:
            self._note(self._sources.discovered(one))

    # Questions ----------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What `twinboot webhooks` shows."""
        now, alive = self._now(), self._alive()
        return {"ok": True, "server": self._me, "ready": self._ready, "webhooks": [
            {
                "name": name, "url": hook.url, "events": sorted(hook.events), "signed": bool(hook.secret),
                "sender": self.queue.sender_of(name, alive, now),
                "waiting": self.queue.outbox.waits(name), "delivered": one.delivered, "failed": one.failed,
                "dropped": self.queue.outbox.dropped[name], "last": one.last,
                "last_s": None if one.last_at is None else round(max(0.0, now - one.last_at), 1),
                "failing": one.troubled(now) or one.failing(now),
            }
            for name, hook in self.queue.hooks.items() for one in (self.queue.sending[name],)
        ]}  # fmt: skip

    def figures(self) -> dict[str, dict[str, int]]:
        """Figures for the metrics, by webhook."""
        box = self.queue.outbox
        return {
            name: {"delivered": one.delivered, "failed": one.failed, "waiting": box.waits(name),
                   "dropped": box.dropped[name]}
            for name, one in self.queue.sending.items()
        }  # fmt: skip

    async def test(self, name: str) -> dict[str, Any]:
        """Send an event of its own to a webhook, now, from this server; what came of it."""
        hook = self.queue.hooks.get(name)
        if hook is None:
            known = ", ".join(self.queue.hooks) or "none"
            error = f"no webhook {name!r} in the site that is in use; there are: {known}"
            return {"ok": False, "error": error}
        number = next(self._tests)
        made = Event(
            id=identify(self._cluster, events.TEST, self._me, self._agent.boot, number), kind=events.TEST,
            at=self._wall(), subject=self._me, text=f"{self._me} tests the webhook {name}",
        )  # fmt: skip
        answered: asyncio.Future[Answer] = self._loop.create_future()

        def take(answer: Answer) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._senders.send_apart(hook, made.id, body(made, self._cluster), lambda one: self._post(take, one))
        answer = await answered
        delivered = answer.outcome is DeliveryOutcome.DELIVERED
        return {"ok": True, "delivered": delivered, "said": answer.said, "id": made.id}

    def alarm_conditions(self, server: str) -> Iterator[Condition]:
        now = self._now()
        for name, one in self.queue.sending.items():
            if one.troubled(now) or one.failing(now):
                waits = self.queue.outbox.waits(name)
                yield kinds.WEBHOOK_FAILING.on(
                    name, f"{server} cannot deliver to the webhook {name}, {waits} events wait: {one.last}")
            dropped = self.queue.outbox.dropped[name]
            before, at = self._dropped.get(name, (dropped, now - DROPPED_FOR_S))
            if dropped > before:
                at = now
            self._dropped[name] = dropped, at
            if dropped and now < at + DROPPED_FOR_S:
                yield kinds.WEBHOOK_DROPPED.on(name, f"{dropped} events for the webhook {name} were dropped")

    # On the loop --------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._take_site()
        if not self.queue.hooks and not self._dirty:
            return
        now = self._now()
        self._ready = self._ready or self._knows_all(now)
        if now >= self._looked_at + LOOK_S and self._ready:
            self._looked_at = now
            self.queue.outbox.age(self._wall())
            self._look_at_alarms(now)
        if now >= self._scanned_at + STALLED_EVERY_S:
            self._scanned_at = now
            self._look_for_stalled()
        self._send()
        self._spread()

    def _take_site(self) -> None:
        site = self._agent.own_site()
        if site is self._site or not site:
            return
        self._site = site
        self.queue.set_site(hooks_of(site), tuple(site.get("servers") or ()))
        self._senders.keep_only(self.queue.hooks)

    def _wants(self, *kinds_: EventKind) -> bool:
        return any(one in hook.events for hook in self.queue.hooks.values() for one in kinds_)

    def _alive(self) -> list[str]:
        peers = self._agent.state.peers.values()
        return [peer.name for peer in peers if peer.alive and not peer.unknown_server]

    def _knows_all(self, now: float) -> bool:
        if not self._loaded or not self._machines.ready:
            return False
        peers = self._alive()
        if not peers:
            return now >= self._started + ALONE_S
        return now >= self._started + READY_LIMIT_S or all(
            self._replicator.complete(peer, TABLE) for peer in peers)

    def _note(self, event: Event) -> None:
        self.queue.note(event, self._wall())
        self._spread()

    def _send(self) -> None:
        if not self._ready:
            return
        for hook, event in self.queue.due(self._now(), self._alive()):
            self._senders.send(hook, event.id, body(event, self._cluster), self._done(hook, event.id))

    def _done(self, hook: Hook, event_id: str) -> Callable[[Answer], None]:
        return lambda answer: self._post(self._ended, hook.name, event_id, answer)

    def _ended(self, hook: str, event_id: str, answer: Answer) -> None:
        one = self.queue.sending.get(hook)
        before = one.since if one is not None else None
        self.queue.ended(hook, event_id, answer, now=self._now(), draw=random.random())
        if one is not None and before is None and one.since is not None:
            log_event(log, LogLevel.WARNING, "webhook-failed", webhook=hook, reason=answer.said)
        elif one is not None and before is not None and one.since is None:
            log_event(log, LogLevel.INFO, "webhook-delivers", webhook=hook)
        self._send()
        self._spread()

    def _look_at_groups(self) -> None:
        """Looks at the groups, after each step of the core."""
        moves = self._groups.look(self._agent.state.groups)
        if self._wants(EventKind.GROUP_MOVED):
            for move in moves:
                self._note(self._sources.moved(move, self._agent.boot, self._wall()))

    def _look_at_alarms(self, now: float) -> None:
        wanted = self._wants(EventKind.ALARM, EventKind.ALARM_OVER)
        mine = {one.key: one.text for one in self._agent.alarms.current} if wanted else {}
        for change in self._alarms.look(mine, self._alive(), now):
            text = mine.get(change.key, "")
            self.queue.note(self._sources.alarm(change, text, self._me, self._wall()), self._wall())

    def _look_for_stalled(self) -> None:
        if self._wants(EventKind.MACHINE_STALLED):
            for name, record, facts in self._machines.stalled():
                self.queue.note(self._sources.stalled(name, record, facts, self._wall()), self._wall())

    def _peer_tells(self, news: TableReset | RowChange) -> None:
        """An event that a peer forgets is no less true."""
        if isinstance(news, TableReset):
            self._alarms.reset(news.peer)
            self.queue.hear_failing(news.peer, ())
            return
        try:
            if news.key.startswith(ALARM):
                self._alarms.hear(news)
            elif news.key == _FAILING:
                self.queue.hear_failing(news.peer, [str(one) for one in json.loads(news.value or b"[]")])
            elif news.value is not None:
                self.queue.hear(news.key.decode("ascii"), news.value, self._wall())
                self._spread()
        except (ValueError, TypeError, RecursionError) as exc:
            log_event(log, LogLevel.WARNING, "webhook-row-refused", peer=news.peer, reason=str(exc))

    def _spread(self) -> None:
        """Tell peers and disk what has changed."""
        for event_id, row in self.queue.changes():
            self._dirty = True
            if row is None:
                self._replicator.remove(TABLE, event_id.encode())
            else:
                self._replicator.put(TABLE, event_id.encode(), row)
        failing = json.dumps(sorted(self.queue.failing(self._now()))).encode()
        if failing != self._told_failing:
            self._told_failing = failing
            self._replicator.put(TABLE, _FAILING, failing)
        self._save()

    def _save(self) -> None:
        """One job of the thread at a time: what comes meanwhile goes with the next."""
        if self._busy or not self._loaded or not (self._dirty or self._alarms.episodes.changed):
            return
        self._busy, self._dirty, self._alarms.episodes.changed = True, False, False
        kept = StoredEvents(self.queue.rows, *self._alarms.episodes.kept(), self.queue.outbox.dropped)
        data = encode(kept)
        self._worker.submit(lambda: self._write(data))

    def _written(self, fault: str) -> None:
        if fault and fault != self._fault:
            log_event(log, LogLevel.ERROR, "webhooks-not-kept", reason=fault)
        self._fault, self._busy = fault, False
        self._dirty = self._dirty or bool(fault)

    def _take(self, kept: StoredEvents) -> None:
        for event_id, row in kept.rows.items():
            try:
                self.queue.hear(event_id, row, self._wall())
            except ValueError as exc:
                log_event(log, LogLevel.WARNING, "webhook-row-refused", peer="disk", reason=str(exc))
        self._alarms.episodes.load(kept.numbers, kept.opened, kept.base, self._now())
        self.queue.outbox.dropped.update(kept.dropped)
        self._loaded = True

    # In the thread ------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            kept = decode(self._file.read() or b"")
        except (ResourceError, ValueError) as exc:
            log_event(log, LogLevel.ERROR, "webhooks-unreadable", reason=str(exc))
            kept = StoredEvents()
        self._post(self._take, kept)

    def _write(self, data: bytes) -> None:
        fault = ""
        try:
            self._file.write(data)
        except ResourceError as exc:
            fault = str(exc)
            time.sleep(TICK_S)
        self._post(self._written, fault)

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, *arguments)

