"""A virtual machine on its way to a kernel, as its console and its network card show it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.engine import LabError
from twinlab.host.shell import ask
from twinlab.host.wait import until

KERNEL = "] Memory: "
"""A kernel says it soon after its version, its command line and its word on Secure Boot."""
FIRMWARE = re.compile(
    r">>Start (?:PXE|HTTP Boot) over IPv4|^SeaBIOS|^iPXE initialising devices|^U-Boot 2", re.M
)
"""What a firmware says when it begins."""
_CONTROL = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()].|[\r\x00]")


@dataclass(frozen=True)
class Booting:
    """One machine. Its container is a client of the lab."""

    machine: Client

    def console(self) -> str:
        """What its screen showed, without colours and places."""
        return _CONTROL.sub("", self.machine.logs())

    def received(self) -> int:
        """Bytes that the machine has got: what its tap has sent to it."""
        said = ask(self.machine.container, "cat /sys/class/net/vmtap/statistics/tx_bytes")
        return int(said.out or 0)

    def limit(self, rate: str) -> None:
        """Limits the machine's files to this rate from now on (tc(8): 12mbit)."""
        cable.limit(self.machine.container, "eth0", rate)

    def type(self, text: str) -> None:
        """Type a line on its serial console. `Lab.boot` keeps its container's input open."""
        self.machine.sh(f"printf '%s\\r' '{text}' >/proc/1/fd/0")

    def kernels(self) -> int:
        """How many kernels have started on it."""
        return self.console().count(KERNEL)

    def starts(self) -> int:
        """How often its firmware has begun to boot."""
        return len(FIRMWARE.findall(self.console()))

    def wait_for_bytes(self, count: int, what: str, timeout_s: float) -> int:
        """Wait until it has got more than this; how many it has."""
        until(lambda: self.received() > count, what, timeout_s=timeout_s, every_s=0.02, alive=self.alive)
        return self.received()

    def wait_for_kernel(self, timeout_s: float) -> None:
        """Wait until a kernel runs."""
        until(lambda: self.kernels() > 0, "the kernel", timeout_s=timeout_s, every_s=0.2, alive=self.alive)

    def alive(self) -> None:
        if not self.machine.alive:
            raise LabError(f"the machine has stopped\n{self.console()[-3000:]}")

    def remove(self) -> None:
        self.machine.remove()
