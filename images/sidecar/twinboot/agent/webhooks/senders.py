"""A thread for each webhook, which waits for its receiver: one that hangs holds up no other, nor the loop.

The threads end with the process; what is under way then is sent again by a later life, or by a peer.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from twinboot.adapters.webhooks.post import NotReached, post
from twinboot.adapters.webhooks.secrets import text_of
from twinboot.errors import ResourceError
from twinboot.webhooks import signing
from twinboot.webhooks.answer import Answer, judged, not_reached
from twinboot.webhooks.hook import Hook

log = logging.getLogger(__name__)

Attempt = Callable[[Hook, str, bytes], Answer]
Job = tuple[Hook, str, bytes, Callable[[Answer], None]]


class Poster:
    """One attempt. config: the folder of the secrets."""

    def __init__(self, config: Path, wall: Callable[[], float] = time.time) -> None:
        self._config, self._wall = config, wall

    def __call__(self, hook: Hook, event_id: str, body: bytes) -> Answer:
        """Never raises. What is wrong with a secret is told as if nobody were there: events wait."""
        try:
            secrets = signing.secrets_of(text_of(self._config, hook.secret)) if hook.secret else ()
        except ResourceError as exc:
            return not_reached(str(exc))
        except ValueError as exc:
            return not_reached(f"secret {hook.secret}: {exc}")
        headers = signing.headers(event_id, body, at=self._wall(), secrets=secrets)
        try:
            ca = self._config / hook.ca if hook.ca else None
            reply = post(hook.url, headers, body, ca=ca)
        except NotReached as exc:
            return not_reached(str(exc))
        return judged(reply.status, reply.reason, reply.location)


class Senders:
    """attempt: called in the threads."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._jobs: dict[str, queue.SimpleQueue[Job | None]] = {}

    def send(self, hook: Hook, event_id: str, body: bytes, done: Callable[[Answer], None]) -> None:
        """done: called in the thread."""
        jobs = self._jobs.get(hook.name)
        if jobs is None:
            jobs = self._jobs[hook.name] = queue.SimpleQueue()
            threading.Thread(target=self._run, args=(jobs,), name=f"webhook-{hook.name}", daemon=True).start()
        jobs.put((hook, event_id, body, done))

    def send_apart(self, hook: Hook, event_id: str, body: bytes, done: Callable[[Answer], None]) -> None:
        """Sends beside what waits, in a thread of its own."""
        job = hook, event_id, body, done
        threading.Thread(target=self._work, args=(job,), name=f"webhook-{hook.name}", daemon=True).start()

    def keep_only(self, hooks: Collection[str]) -> None:
        """The threads of others end when they are done."""
        for name in [one for one in self._jobs if one not in hooks]:
            self._jobs.pop(name).put(None)

    def _run(self, jobs: queue.SimpleQueue[Job | None]) -> None:
        while (job := jobs.get()) is not None:
            self._work(job)

    def _work(self, job: Job) -> None:
        hook, event_id, body, done = job
        try:
            answer = self._attempt(hook, event_id, body)
        except Exception as exc:
            log.exception("an event could not be sent to the webhook %s", hook.name)
            answer = not_reached(f"{type(exc).__name__}: {exc}")
        done(answer)
