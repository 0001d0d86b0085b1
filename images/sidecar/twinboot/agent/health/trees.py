"""Install trees as clients get them: looks at a file of each that machines need first, the kernel.

A tree that is not there, or that the daemons may not read, is an alarm: restarting a daemon would not mend
it, and would disturb the downloads of the other trees. A file that is open to all is one that the probes ask
the daemons for: who does not serve it does not serve. A thread of its own looks, for a disk may hang.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from twinboot.adapters import trees
from twinboot.alarms import Condition, kinds

CHECK_EVERY_S = 5.0
_NOT_SEEN = " (what was mounted after the start is not seen here: docker compose restart)"


class TreeMonitor:
    """files: by tree, a file below `top`. Everything but start() may be asked for from any thread."""

    def __init__(
        self, top: Path, files: Mapping[str, str],
        look: Callable[[Path, str], str] = trees.reason_not_served,
        follows_mounts: Callable[[Path], bool | None] = trees.follows_mounts,
    ) -> None:
        self._top, self._files, self._look = top, dict(files), look
        self._follows_mounts, self._hint = follows_mounts, ""
        self._reasons: dict[str, str] = {}
        self._served: tuple[str, ...] = ()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trees", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Does not wait: the thread may hang in a read."""
        self._stop.set()

    def chooser(self) -> Callable[[], str]:
        """What to ask a daemon for, in turn: a file of a tree that is open to all; empty: there is none.

        Looked at once more now: a medium that was taken out a moment ago is no fault of the daemons.
        """
        turns = itertools.count()

        def choose() -> str:
            served = self._served
            candidates = (served[next(turns) % len(served)] for _ in served)
            return next((f"trees/{one}" for one in candidates if not self._look(self._top, one)), "")

        return choose

    def check_once(self) -> None:
        """Look at each tree. Where no trees are mounted at all, there is nothing to say."""
        if not self._top.is_dir():
            return
        reasons = {name: self._look(self._top, file) for name, file in self._files.items()}
        self._hint = _NOT_SEEN if any(reasons.values()) and self._follows_mounts(self._top) is False else ""
        self._reasons = {name: reason for name, reason in reasons.items() if reason}
        self._served = tuple(dict.fromkeys(self._files[name] for name in reasons if not reasons[name]))

    def alarm_conditions(self, server: str) -> list[Condition]:
        reasons, hint = self._reasons, self._hint
        return [
            kinds.TREE_NOT_SERVED.on(
                f"{server}/{name}", f"clients cannot read the tree {name}: {reason}{hint}"
            )
            for name, reason in reasons.items()
        ]

    def _run(self) -> None:
        while True:
            self.check_once()
            if self._stop.wait(CHECK_EVERY_S):
                return
