"""One BMC that speaks IPMI 2.0: each thing that is asked of it is one run of ipmitool (ipmitool(1)).

The password goes by the environment, which only processes of the same user can read, never in an argument.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ...logic.kind import Firmware, PowerFailed, Reason
from ...logic.talk import one_line
from ...logic.targets import Target

PORT = 623
NAME_MAX, PASSWORD_MAX = 16, 20
"""Longest user name and password: IPMI 2.0 sections 22.28 and 22.30."""
TRY_S, TRIES = 2, 3
LIMIT_S = 30.0
"""Limit for one run, from its start to its end."""

_WHY = (
    (r"RAKP \d (HMAC is invalid|message indicates an error)|insufficient privilege", Reason.PASSWORD),
    (r"Address lookup|Unable to establish|Could not open socket", Reason.UNREACHABLE),
    (r"Boot Parameter", Reason.NO_OVERRIDE),
)
"""What ipmitool writes when something fails, in the order in which it is looked for."""

_NO_NEWS = (
    "Loading IANA", "Using best available", "Get HPM.x", "Running Get VSO", "Discovered IPMB",
    "Invalid completion code received",
)  # fmt: skip
"""How lines begin that say what ipmitool tries before the command, which an operator's account may not."""

Run = Callable[[Sequence[str], str], subprocess.CompletedProcess[str]]


def run_ipmitool(arguments: Sequence[str], password: str) -> subprocess.CompletedProcess[str]:
    """One run. subprocess.TimeoutExpired when it does not end; it is killed then."""
    return subprocess.run(
        ("ipmitool", *arguments), env={"PATH": os.defpath, "IPMI_PASSWORD": password, "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LIMIT_S,
        check=False,
    )  # fmt: skip


class IpmiBmc:
    """run: run_ipmitool(), or a stand-in."""

    def __init__(self, target: Target, password: str, run: Run = run_ipmitool) -> None:
        if len(password.encode()) > PASSWORD_MAX:
            text = f"the password in {target.password_file} is longer than {PASSWORD_MAX} characters, " \
                "which is all that IPMI takes"
            raise PowerFailed(Reason.SECRET, text)
        host, port = target.host_and_port(PORT)
        self._where = target.address
        self._password, self._run = password, run
        self._login = (
            "-I", "lanplus", "-H", host, "-p", str(port), "-U", target.user, "-E", "-L", "OPERATOR",
            "-N", str(TRY_S), "-R", str(TRIES), "-v",  # or it does not say that a password is wrong
        )  # fmt: skip

    def is_on(self) -> bool:
        said = self._ask("chassis", "power", "status")
        found = re.search(r"Chassis Power is (on|off)", said)
        if found is None:
            raise PowerFailed(Reason.REFUSED, f"the BMC {self._where} does not say if it is on: {said}")
        return found[1] == "on"

    def on(self) -> None:
        self._ask("chassis", "power", "on")

    def off(self) -> None:
        self._ask("chassis", "power", "off")

    def cycle(self) -> None:
        """By a reset, where the BMC has no cycle, which is optional (IPMI 2.0 section 28.3)."""
        try:
            self._ask("chassis", "power", "cycle")
        except PowerFailed as exc:
            if exc.reason is not Reason.REFUSED:
                raise
            self._ask("chassis", "power", "reset")

    def network_once(self, firmware: Firmware) -> None:
        """The flags count for the next start alone, unless they say `persistent`, and BMCs forget them 60 s
        later when nothing is started (IPMI 2.0 section 28.12, boot option parameters 5 and 3)."""
        uefi = firmware in (Firmware.UEFI, Firmware.UEFI_HTTP)
        self._ask("chassis", "bootdev", "pxe", *(["options=efiboot"] if uefi else []))

    def _ask(self, *words: str) -> str:
        try:
            ran = self._run((*self._login, *words), self._password)
        except subprocess.TimeoutExpired:
            text = f"the BMC {self._where} does not answer within {LIMIT_S:g} s"
            raise PowerFailed(Reason.SILENT, text) from None
        except OSError as exc:
            raise PowerFailed(Reason.REFUSED, f"ipmitool cannot be run: {exc}") from exc
        if ran.returncode:
            said = [one for one in (ran.stderr or ran.stdout).splitlines() if not one.startswith(_NO_NEWS)]
            raise self._failure(" ".join(words), one_line(" ".join(said)))
        return one_line(ran.stdout)

    def _failure(self, asked: str, said: str) -> PowerFailed:
        reason = next((one for pattern, one in _WHY if re.search(pattern, said, re.I)), Reason.REFUSED)
        text = {
            Reason.PASSWORD: f"the BMC {self._where} refuses the user or the password",
            Reason.UNREACHABLE: f"the BMC {self._where} does not answer",
            Reason.NO_OVERRIDE: f"the BMC {self._where} does not let network boot be set",
        }.get(reason, f"the BMC {self._where} refuses `{asked}`")
        return PowerFailed(reason, f"{text}: {said}" if said else text)


@contextmanager
def opened(target: Target, password: str) -> Iterator[IpmiBmc]:
    """Each run has a session of its own: there is nothing to be closed."""
    yield IpmiBmc(target, password)
