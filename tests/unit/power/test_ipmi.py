"""What ipmitool is called with, and what becomes of what it says. Real ones are asked in tests/image."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from twinboot.power.kinds.ipmi.bmc import IpmiBmc
from twinboot.power.logic.kind import Firmware, PowerFailed, Reason
from twinboot.power.logic.targets import Target

TARGET = Target("ipmi", "10.0.8.17:6230", "twinboot", "secrets/power/bmc")
PASSWORD = "not in an argument"
TRIES = "Loading IANA PEN Registry...\nInvalid completion code received: Insufficient privilege level\n"
"""What ipmitool tries first is no news."""


class Ipmitool:
    """Answers in turn; the last answer stays."""

    def __init__(self, *answers: tuple[int, str, str] | Exception) -> None:
        self.answers, self.calls = list(answers), list[list[str]]()

    def __call__(self, arguments: Sequence[str], password: str) -> subprocess.CompletedProcess[str]:
        assert password == PASSWORD
        assert PASSWORD not in arguments
        self.calls.append(list(arguments[arguments.index("-v") + 1:]))
        self.login = list(arguments[:arguments.index("-v")])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess(arguments, *answer)


def bmc(*answers: tuple[int, str, str] | Exception) -> tuple[IpmiBmc, Ipmitool]:
    tool = Ipmitool(*answers)
    return IpmiBmc(TARGET, PASSWORD, tool), tool


def reason(*answers: tuple[int, str, str] | Exception) -> tuple[Reason, str]:
    with pytest.raises(PowerFailed) as caught:
        bmc(*answers)[0].network_once(Firmware.BIOS)
    return caught.value.reason, caught.value.text


def test_network_boot_is_once_and_uefi_is_told_where_it_is_known() -> None:
    one, tool = bmc((0, "Set Boot Device to pxe\n", TRIES))
    one.network_once(Firmware.UNKNOWN)
    one.network_once(Firmware.BIOS)
    one.network_once(Firmware.UEFI)
    one.network_once(Firmware.UEFI_HTTP)
    plain, uefi = ["chassis", "bootdev", "pxe"], ["chassis", "bootdev", "pxe", "options=efiboot"]
    assert tool.calls == [plain, plain, uefi, uefi]
    assert not any("persistent" in word for call in tool.calls for word in call)
    login = " ".join(tool.login)
    assert "-H 10.0.8.17 -p 6230 -U twinboot -E" in login, "-E: the password comes by the environment"
    assert "-I lanplus" in login


def test_is_it_on() -> None:
    assert bmc((0, "Chassis Power is on\n", ""))[0].is_on()
    assert not bmc((0, "Chassis Power is off\n", ""))[0].is_on()
    with pytest.raises(PowerFailed):
        bmc((0, "who knows\n", ""))[0].is_on()


def test_a_bmc_without_a_cycle_is_reset() -> None:
    refused = 1, "", "Set Chassis Power Control to Cycle failed: Command not supported in present state\n"
    one, tool = bmc(refused, (0, "", ""))
    one.cycle()
    assert [call[-1] for call in tool.calls] == ["cycle", "reset"]
    wrong = 1, "", "> RAKP 2 HMAC is invalid\n"
    one, tool = bmc(wrong)
    with pytest.raises(PowerFailed):
        one.cycle()
    assert len(tool.calls) == 1, "a wrong password is not tried twice: accounts are locked for that"


@pytest.mark.parametrize(("said", "wanted"), [
    ("> RAKP 2 HMAC is invalid\nError: Unable to establish IPMI v2 / RMCP+ session\n", Reason.PASSWORD),
    ("RAKP 2 message indicates an error : unauthorized name\nError: Unable to establish IPMI v2 / RMCP+ "
     "session\n", Reason.PASSWORD),
    ("Set Chassis Power Control to Up/On failed: Insufficient privilege level\n", Reason.PASSWORD),
    ("Get Auth Capabilities error\nError: Unable to establish IPMI v2 / RMCP+ session\n", Reason.UNREACHABLE),
    ("Address lookup for nobody failed\nCould not open socket!\n", Reason.UNREACHABLE),
    ("Set Chassis Boot Parameter 5 failed: Parameter out of range\n", Reason.NO_OVERRIDE),
    ("something else\n", Reason.REFUSED),
    ("", Reason.REFUSED),
])
def test_why_it_failed(said: str, wanted: Reason) -> None:
    found, text = reason((1, "", TRIES + said))
    assert found is wanted
    assert "10.0.8.17" in text
    assert "Loading" not in text
    assert "\n" not in text


def test_one_that_never_answers_and_a_program_that_is_not_there() -> None:
    assert reason(subprocess.TimeoutExpired("ipmitool", 30))[0] is Reason.SILENT
    assert reason(FileNotFoundError("ipmitool"))[0] is Reason.REFUSED


def test_a_password_that_ipmi_would_cut_short() -> None:
    with pytest.raises(PowerFailed) as caught:
        IpmiBmc(TARGET, "x" * 21, Ipmitool((0, "", "")))
    assert caught.value.reason is Reason.SECRET
