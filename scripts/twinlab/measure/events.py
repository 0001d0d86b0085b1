"""The sidecars' logs of all servers as one stream of events, on one clock.

Containers of one machine share its wall clock, so the times that the sidecars write are comparable.
Following survives a server's power-off: it begins again where it was when the server is back.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from twinlab.host.engine import LabError, docker_popen, running
from twinlab.host.server import SIDECAR_CONTAINER, Server

LINE = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z) (?P<level>[A-Z]+) (?P<server>\S+) (?P<name>\S+) ?(?P<rest>.*)$"
)


@dataclass(frozen=True)
class Event:
    """One log line. `time` is seconds since the epoch."""

    time: float
    level: str
    server: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def parse(line: str) -> Event | None:
    """The event a log line tells, or None for a line of another shape."""
    match = LINE.match(line.rstrip("\n"))
    if match is None:
        return None
    try:
        words = shlex.split(match["rest"])
    except ValueError:
        words = match["rest"].split()
    fields = dict(word.split("=", 1) for word in words if "=" in word)
    at = datetime.fromisoformat(match["time"].replace("Z", "+00:00")).timestamp()
    return Event(at, match["level"], match["server"], match["name"], fields, line.rstrip("\n"))


class Events:
    """What was logged since the following began; grows in the background."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._processes: dict[str, subprocess.Popen[str]] = {}

    @classmethod
    @contextmanager
    def follow(cls, servers: Mapping[str, Server], container: str = SIDECAR_CONTAINER) -> Iterator[Events]:
        events = cls()
        threads = [threading.Thread(target=events._read_log, args=(server, container), daemon=True)
                   for server in servers.values()]
        for thread in threads:
            thread.start()
        try:
            yield events
        finally:
            events._stop.set()
            for process in list(events._processes.values()):
                process.kill()
            for thread in threads:
                thread.join(2)

    @property
    def all(self) -> list[Event]:
        """Everything so far, in the order of the times."""
        with self._changed:
            return sorted(self._events, key=lambda e: e.time)

    def named(self, name: str, **fields: str) -> list[Event]:
        """Events of this name whose fields have these values."""
        wanted = fields.items()
        return [e for e in self.all if e.name == name and wanted <= dict(e.fields).items()]

    def wait(self, wanted: Callable[[Event], bool], what: str, timeout_s: float) -> Event:
        """The first event that is wanted; waits for it."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for event in self._events:
                    if wanted(event):
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LabError(f"no such event within {timeout_s:g} s: {what}")
                self._changed.wait(left)

    def iterate(self, idle_s: float = 0.5) -> Iterator[Event | None]:
        """Events one by one as they come; None when nothing came for `idle_s`."""
        at = 0
        while not self._stop.is_set():
            with self._changed:
                if at == len(self._events):
                    self._changed.wait(idle_s)
                event = self._events[at] if at < len(self._events) else None
            at += event is not None
            yield event

    def _read_log(self, server: Server, container: str) -> None:
        started = time.time()
        since = f"{started:.3f}"
        seen: set[str] = set()
        while not self._stop.is_set():
            if running(server.container):
                command = ("exec", server.container, "docker", "logs", "--follow", "--since", since,
                           container)
                process = self._processes[server.name] = docker_popen(*command)
                assert process.stdout is not None
                for line in process.stdout:
                    event = parse(line)
                    if event is None or line in seen or event.time < started:
                        continue
                    seen.add(line)
                    since = f"{event.time - 1:.3f}"  # a second twice at each new start; `seen` drops it
                    with self._changed:
                        self._events.append(event)
                        self._changed.notify_all()
                process.wait()
            self._stop.wait(0.3)
