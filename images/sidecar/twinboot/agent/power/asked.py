"""What `twinboot power` and `install --now` ask for: values for the control socket.

An install is ordered first, and kept by every live server; only then machines are restarted. So whatever
dies in between leaves machines that are to be installed, and were not restarted: their last words say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines.table import Unknown
from twinboot.machines.view import on_its_way, state_of
from twinboot.power.logic import targets
from twinboot.power.logic.kind import Action, Firmware
from twinboot.power.logic.talk import Question
from twinboot.power.logic.targets import Targets

from ..machines import orders
from ..machines.keeper import MachineKeeper
from ..machines.orders import refused
from .client import ask
from .jobs import Jobs, PowerResult

log = logging.getLogger(__name__)

COMMANDS = ("power", "power-job", "order-now")
_HARMFUL = frozenset((Action.OFF, Action.CYCLE, Action.NETWORK))
_NO_POWER = "the site file names no BMC of it (`power`): restart it by hand"


class PowerDesk:
    """For one keeper. targets: the rendered file. socket: the process's."""

    def __init__(
        self, server: str, keeper: MachineKeeper, targets: Path, socket: Path, now: Callable[[], float]
    ) -> None:
        self._server, self._keeper, self._path = server, keeper, targets
        self.jobs = Jobs(partial(ask, socket), now)

    def close(self) -> None:
        self.jobs.close()

    async def answer(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """{"cmd": "power", "do": "on" | "off" | "cycle" | "status", "hosts": [NAME...], "force": bool} |
        {"cmd": "order-now", "hosts": ..., "profile": ..., "force": bool}: the reply has the number of a job;
        {"cmd": "power-job", "job": NUMBER, "after": NUMBER}: what has become of it."""
        if command == "power-job":
            return self._job(request)
        names = orders.named(self._keeper, request)
        if isinstance(names, dict):
            return names
        try:
            known = await asyncio.to_thread(self._targets)
        except ValueError as exc:
            return refused(str(exc))
        if command == "order-now":
            return await self._install(names, known, force=bool(request.get("force")))
        return self._power(names, known, str(request.get("do")), force=bool(request.get("force")))

    def _job(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            found = self.jobs.look(int(request.get("job", 0)), int(request.get("after", 0)))
        except (TypeError, ValueError):
            return refused("not a job: job and after are numbers")
        if found is None:
            return refused("the sidecar has begun anew meanwhile: what was ordered stands, and `twinboot "
                           "machines` says which machines were restarted")  # fmt: skip
        return {"ok": True, **found}

    def _power(self, names: list[str], known: Targets, do: str, *, force: bool) -> dict[str, Any]:
        try:
            action = Action(do)
        except ValueError:
            action = Action.NETWORK
        if action is Action.NETWORK:
            return refused("no such action; there are: on, off, cycle, status")
        without = [name for name in names if name not in known.hosts]
        if without:
            return refused(f"{without[0]}: {_NO_POWER}")

        def forbidden(host: str) -> str:
            return self._installing(host) if action in _HARMFUL and not force else ""

        number = self.jobs.begin(
            [Question(action, name) for name in names], interval_s=known.interval_s, forbidden=forbidden)
        return _begun(number)

    async def _install(self, names: list[str], known: Targets, *, force: bool) -> dict[str, Any]:
        """Those that are being installed are left out wholly, unless it is forced."""
        table = self._keeper.table
        busy = {name: why for name in names if not force and (why := self._installing(name))}
        wanted = [name for name in names if name not in busy]
        can = [name for name in wanted if name in known.hosts]
        outcomes = [PowerResult(name, ok=False, said=why) for name, why in busy.items()]
        outcomes += [PowerResult(name, ok=False,
                                 said=_NO_POWER) for name in wanted if name not in known.hosts]
        message = "nothing was ordered"
        if wanted:
            reply = await orders.give(self._keeper, "install", wanted, self._asked_words())
            if not reply["ok"]:
                return refused(f"{reply['error']}; nothing was restarted")
            message = str(reply["message"])
        for one in outcomes:
            if one.host not in busy:
                self._note(one)
        epochs = {name: table.of(name).epoch for name in can if name in table.facts}

        def forbidden(host: str) -> str:
            stands = table.restartable(host, epochs.get(host, -1))
            return "" if stands else "it has another order by now, or its install has begun"

        questions = [Question(Action.NETWORK, name, _firmware(table.of(name).firmware)) for name in epochs]
        number = self.jobs.begin(
            questions, interval_s=known.interval_s, forbidden=forbidden, done=self._note)
        said = [{"host": one.host, "ok": one.ok, "said": one.said} for one in outcomes]
        return {**_begun(number), "message": message, "outcomes": said}

    # Inside -------------------------------------------------------------------------------------

    def _targets(self) -> Targets:
        """Reads the targets, in a thread. ValueError says what is wrong with the file."""
        try:
            return targets.decode(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Targets()
        except OSError as exc:
            raise ValueError(f"{self._path}: {exc}") from exc

    def _installing(self, name: str) -> str:
        """Says that a machine is installing; empty when it is not."""
        table = self._keeper.table
        try:
            record, facts = table.of(name), table.facts[name]
        except Unknown:
            return "it is in the site file no more"
        silent_s = self._keeper.silent_s(name)
        if not on_its_way(record, silent_s, facts):
            return ""
        return f"it is being installed ({state_of(record, silent_s, facts)}): --force does it all the same"

    def _asked_words(self) -> str:
        return f"{self._server} was asked to restart it, and has not said yet that it did"

    def _note(self, outcome: PowerResult) -> None:
        """What came of it is told to all servers, as the host's last words."""
        level = LogLevel.INFO if outcome.ok else LogLevel.WARNING
        log_event(log, level, "power-done" if outcome.ok else "power-failed", host=outcome.host,
                  said=outcome.said)  # fmt: skip
        words = f"{self._server}: {outcome.said}" if outcome.ok else f"not restarted: {outcome.said}"
        if outcome.host in self._keeper.table.facts:
            self._keeper.table.note([outcome.host], words)
            self._keeper.spread()


def _firmware(heard: str) -> Firmware:
    """Firmware as a record names it: a newer release may know more of them."""
    return Firmware(heard) if heard in set(Firmware) else Firmware.UNKNOWN


def _begun(number: int | None) -> dict[str, Any]:
    if number is None:
        return refused("too many jobs are at work on this server: wait until some have ended")
    return {"ok": True, "job": number}
