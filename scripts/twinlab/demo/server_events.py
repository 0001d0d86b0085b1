"""The sidecars' part of the timeline: which of their log events are shown, and as what text."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from twinlab.demo.timeline import Timeline
from twinlab.lab import Lab
from twinlab.measure.events import Event

SHOWN_EVENTS = {
    "active", "starting", "group-claimed", "group-released", "group-claim", "group-yielded", "group-dropped",
    "peer-dead", "peer-alive", "peer-left", "link-late", "link-down", "link-up", "service-start",
    "service-running", "service-stopped", "service-stop", "standby", "resume", "leaving", "conflict",
}  # fmt: skip
HIGHLIGHTED_EVENTS = {"peer-dead", "group-claimed", "conflict"}


@contextmanager
def show_events(lab: Lab, timeline: Timeline) -> Iterator[None]:
    """Print the sidecars' events during the block."""
    with lab.events() as events:
        stop = threading.Event()

        def run() -> None:
            for event in events.iterate():
                if stop.is_set():
                    return
                if event is not None and (event.name in SHOWN_EVENTS or event.level in ("WARNING", "ERROR")):
                    timeline.line(
                        event.server,
                        describe(event),
                        at=event.time,
                        style="bold" if event.name in HIGHLIGHTED_EVENTS else "",
                    )

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(2)


def describe(event: Event) -> str:
    """The event's name and facts without the log's punctuation."""
    name = event.name.replace("-", " ")
    facts = ", ".join(value if key == "reason" else f"{key} {value}" for key, value in event.fields.items())
    return f"{name}: {facts}" if facts else name
