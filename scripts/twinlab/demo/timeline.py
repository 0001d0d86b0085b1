"""The demo's timeline: one line per thing that happens, from every source, on one clock.

Owns how a line looks. What is worth a line is decided where it is seen.
"""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.markup import escape

COLOURS = {"lab": "bold", "proof": "bold", "server1": "cyan", "server2": "magenta"}
MACHINE_COLOUR = "green"


class Timeline:
    """Prints lines as they come; times are seconds since it was made, and since the fault."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, soft_wrap=True, width=120)
        self._lock = threading.Lock()
        self._zero = time.time()
        self.fault_at: float | None = None

    def line(self, who: str, text: str, *, at: float | None = None, style: str = "") -> None:
        """One line of `who`; `at` is the epoch time of the event, now when left out."""
        moment = time.time() if at is None else at
        colour = COLOURS.get(who, MACHINE_COLOUR)
        since = ""
        if self.fault_at is not None and moment >= self.fault_at:
            since = f"+{moment - self.fault_at:.3f}"
        body = f"[{style}]{escape(text)}[/]" if style else escape(text)
        with self._lock:
            self._console.print(
                f"[dim]{moment - self._zero:7.1f} s[/] [yellow]{since:>9}[/]  [{colour}]{who:<8}[/] {body}"
            )

    def heading(self, text: str) -> None:
        with self._lock:
            self._console.print(f"\n[bold]{escape(text)}[/]")

    def show(self, renderable: object) -> None:
        """A table. Unlike the timeline's lines it is laid out for the width there is."""
        with self._lock:
            self._console.print(renderable, soft_wrap=False)
