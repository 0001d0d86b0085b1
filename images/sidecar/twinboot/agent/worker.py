"""One thread that carries out jobs one after the other, so that the loop never waits for them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker:
    """Jobs run in the order they were submitted. A job that raises is logged; the next one runs."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def unfinished(self) -> int:
        """Jobs that wait or run."""
        return self._unfinished

    def submit(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._unfinished += 1
        self._jobs.put(job)

    def close(self, limit_s: float) -> bool:
        """Take no more jobs and wait for those submitted. False when they took longer than limit_s."""
        self._jobs.put(None)
        self._thread.join(timeout=limit_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("a job of the thread %s failed", self._thread.name)
                time.sleep(0.01)  # a job that fails at once, again and again, must not take the processor
            finally:
                with self._lock:
                    self._unfinished -= 1
