"""Power-offs at random moments, while real programs fetch hundreds of files, each as fast as it can.

One round: all programs fetch; after a random time the first group's server loses its power; when the peer
has served for AFTER_S the server comes back, and its group fails back to it while the programs still fetch.
They fetch on between rounds. Owns the order of a round, and the totals of each machine's turns and capture;
inside/fetchloop.py runs the turns.
"""

from __future__ import annotations

import json
import random
import shlex
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from twinlab.faults import faults
from twinlab.host.wait import until
from twinlab.lab import Lab
from twinlab.measure.events import Events
from twinlab.measure.matrix import HOME, ON_2
from twinlab.programs.clientmatrix import GROUP
from twinlab.programs.fetching import FOLDER, Machine, machines, narrow
from twinlab.programs.sweeps import SWEEPS

SPREAD_S = 12.0
"""The power goes off at a random moment within this time."""
AFTER_S = 7.0
"""Watched after each move: enough for everything that is retransmitted."""
TURN_S = 150.0
"""A turn that takes longer counts as hung."""


@dataclass
class FetchWorker:
    """A machine whose program fetches without a pause. turns: those that have ended."""

    machine: Machine
    process: subprocess.Popen[str]
    turns: list[dict[str, Any]] = field(default_factory=list)
    other_output: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, machine: Machine, address: str, seed: str) -> FetchWorker:
        machine.client.sh("rm -f /stop")
        machine.client.capture(f"tcp and host {address} and host {machine.ip}", "/wire.pcap")
        sweep = SWEEPS[machine.program]
        words = ("--base", f"{machine.scheme}://{address}/trees/{FOLDER}", "--files", sweep.files,
                 "--seed", f"{seed}/{machine.name}/{machine.ip}", "--limit", f"{TURN_S:g}", sweep.command)
        run = f"IP={machine.ip} exec /lab/fetchloop.py {shlex.join(words)}"
        worker = cls(machine, machine.client.start("sh", "-c", run))
        threading.Thread(target=worker._read, daemon=True).start()
        return worker

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self.turns.append(json.loads(line))
            else:
                self.other_output.append(line.rstrip())


@dataclass(frozen=True)
class Round:
    """Epoch times. off: the power-off; claimed: by the peer; back: claimed by the server again."""

    off: float
    claimed: float
    back: float
    end: float
    reasons: Mapping[str, int]
    """Why the takeover processes reset connections, and how many each."""
    outcome: Sequence[Mapping[str, str]]
    """What the takeover processes logged of each of the two moves."""


@dataclass
class FetchWorkers:
    """All machines, each with its program at work."""

    lab: Lab
    address: str
    all: list[FetchWorker]

    @classmethod
    @contextmanager
    def on(cls, lab: Lab, wanted: Sequence[tuple[str, str]], rate: str, seed: int) -> Iterator[FetchWorkers]:
        """wanted: programs and schemes; one that is named twice runs twice."""
        address = lab.address(GROUP)
        with machines(lab.layout, wanted) as made:
            narrow(made, rate)
            with ThreadPoolExecutor(4) as pool:
                workers = list(pool.map(lambda one: FetchWorker.start(one, address, str(seed)), made))
            try:
                yield cls(lab, address, workers)
            finally:
                for one in workers:
                    one.process.kill()

    def under_way(self) -> None:
        """Wait until each has ended a turn, or has had its first bytes."""
        def ready(one: FetchWorker) -> bool:
            return bool(one.turns) or (one.machine.view(self.address)["data"] or 0) > 0

        until(lambda: all(ready(one) for one in self.all), "the programs to be under way", timeout_s=90)

    def round(self, draw: random.Random, events: Events) -> Round:
        """Needs each group at its preferred server, and leaves it there."""
        begun, server = time.time(), self.lab.server(1)
        time.sleep(draw.uniform(0, SPREAD_S))
        off = faults.inject(self.lab, "power-off", server)
        self.lab.wait_owned(ON_2)
        time.sleep(AFTER_S)
        claimed = next((at for at in claims(events) if at > off), off)
        self.lab.heal()
        self.lab.wait_owned(HOME)
        time.sleep(AFTER_S)
        back = max(claims(events), default=off)
        said = [one for one in events.all if one.time > begun]
        reasons: Counter[str] = Counter()
        for one in said:
            if one.name == "connections-reset":
                reasons[one.fields["reason"]] += int(one.fields["count"])
        outcome = [one.fields for one in said if one.name == "connections-taken-over"]
        return Round(off, claimed, back, time.time(), dict(reasons), outcome)

    def stop(self, limit_s: float = TURN_S + 30) -> None:
        """Let each program end its turn, then stop."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: one.machine.client.sh("touch /stop"), self.all))
        until(lambda: all(one.process.poll() is not None for one in self.all), "the last turns",
              timeout_s=limit_s)

    def seen(self, rounds: Sequence[Round]) -> list[dict[str, Any]]:
        """The summary of each machine. Captures of machines with a reset or a failed turn are kept."""
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda one: self._seen(one, rounds), self.all))
        for worker, one in zip(self.all, found, strict=True):
            if one["reset"] or one["failed"]:
                worker.machine.keep_capture()
        return found

    def _seen(self, worker: FetchWorker, rounds: Sequence[Round]) -> dict[str, Any]:
        spans = [f"{one.off:.6f}:{one.claimed + 2:.6f}" for one in rounds]
        spans += [f"{one.back - 1:.6f}:{one.back + 2:.6f}" for one in rounds]
        view: Mapping[str, Any] = worker.machine.view(self.address, "--waiting", "--spans", *spans)
        return summary(worker.machine.name, worker.turns, view, rounds, worker.other_output)


def claims(events: Events) -> list[float]:
    """When a server claimed the group."""
    return [one.time for one in events.named("group-claimed", group=GROUP)]


def summary(name: str, turns: Sequence[Mapping[str, Any]], view: Mapping[str, Any],
            rounds: Sequence[Round], other: Sequence[str] = ()) -> dict[str, Any]:
    """One machine's figures. `met`: turns during which a move happened."""
    moves = [at for one in rounds for at in (one.off, one.back)]
    silences = view.get("silences", ())
    met = [turn for turn in turns if any(turn["began"] < at < turn["ended"] for at in moves)]
    return {
        "name": name, "turns": len(turns), "met": len(met),
        "files": sum(turn["files"] for turn in turns), "bytes": sum(turn["bytes"] for turn in turns),
        "failed": [turn for turn in turns if turn["code"] or not turn["right"]],
        "retries": sum(turn["retries"] for turn in turns),
        "reset": [[*nearest_move(one[0], rounds), *one[1:]] for one in view.get("reset", ())],
        "sent": view.get("sent", 0),
        "silences": {"off": silences[:len(rounds)], "back": silences[len(rounds):]},
        "other": list(other)[-5:],
    }


def nearest_move(time_s: float, rounds: Sequence[Round]) -> tuple[str, float]:
    """The last move before this moment (`off 3`, `back 3`), and the seconds since."""
    found = ("start", 0.0)
    for number, one in enumerate(rounds, 1):
        for name, at in (("off", one.off), ("back", one.back - 0.5)):
            if at <= time_s:
                found = (f"{name} {number}", round(time_s - at, 3))
    return found
