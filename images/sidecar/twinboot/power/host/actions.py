"""One action at one machine's BMC, from its password to one line of what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.kinds import POWER
from twinboot.log import log_event

from ..logic import targets as facts
from ..logic.kind import Action, Bmc, Firmware, PowerFailed, Reason
from ..logic.talk import Answer, Question, done, failed
from ..logic.targets import Target, Targets
from .secrets import password

log = logging.getLogger(__name__)


class Actions:
    """path: of the rendered facts, which are read anew for each action. config: the folder of the secrets."""

    def __init__(self, path: Path, config: Path) -> None:
        self._path, self._config = path, config

    def do(self, question: Question) -> Answer:
        """Does an action; never raises."""
        try:
            target = self._target(question.host)
            firmware = Firmware(target.firmware) or question.firmware
            kind = POWER.get(target.kind)
            with kind.open(target, password(self._config, target.password_file)) as bmc:
                answer = done(carry_out(bmc, question.action, firmware))
        except PowerFailed as exc:
            answer = failed(exc)
        except Exception as exc:
            log.exception("an action failed")
            answer = failed(PowerFailed(Reason.REFUSED, f"{type(exc).__name__}: {exc}"))
        level = LogLevel.INFO if answer.ok else LogLevel.WARNING
        log_event(log, level, "power-answer" if answer.ok else "power-failure", host=question.host,
                  action=question.action.value, said=answer.said)  # fmt: skip
        return answer

    def _target(self, host: str) -> Target:
        try:
            found = facts.decode(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            found = Targets()
        except (OSError, ValueError) as exc:
            raise PowerFailed(Reason.UNKNOWN_HOST, f"{self._path}: {exc}") from exc
        if host not in found.hosts:
            raise PowerFailed(Reason.UNKNOWN_HOST, f"hosts.{host} of the site in use has no `power`")
        return found.hosts[host]


def carry_out(bmc: Bmc, action: Action, firmware: Firmware) -> str:
    """What has been done, in words."""
    return _ACTIONS[action](bmc, firmware)


def _status(bmc: Bmc, _firmware: Firmware) -> str:
    return "on" if bmc.is_on() else "off"


def _on(bmc: Bmc, _firmware: Firmware) -> str:
    if bmc.is_on():
        return "is on already"
    bmc.on()
    return "switched on"


def _off(bmc: Bmc, _firmware: Firmware) -> str:
    if not bmc.is_on():
        return "is off already"
    bmc.off()
    return "switched off"


def _cycle(bmc: Bmc, _firmware: Firmware) -> str:
    if bmc.is_on():
        bmc.cycle()
        return "restarted"
    bmc.on()
    return "switched on"


def _network(bmc: Bmc, firmware: Firmware) -> str:
    bmc.network_once(firmware)
    return f"network boot set once, {_cycle(bmc, firmware)}"


_ACTIONS: dict[Action, Callable[[Bmc, Firmware], str]] = {
    Action.STATUS: _status, Action.ON: _on, Action.OFF: _off, Action.CYCLE: _cycle, Action.NETWORK: _network,
}  # fmt: skip
