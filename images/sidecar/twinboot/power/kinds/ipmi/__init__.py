"""IPMI 2.0 over the LAN (RMCP+), by the program ipmitool.

bmc  One BMC: each thing that is asked of it is one run of ipmitool
"""

from __future__ import annotations

from collections.abc import Iterator

from twinboot.kinds import POWER

from ...logic.kind import PowerKind
from .bmc import NAME_MAX, opened


def _user_faults(user: str) -> Iterator[str]:
    if len(user.encode()) > NAME_MAX:
        yield f"longer than {NAME_MAX} characters, which is all that IPMI takes"


IPMI = POWER.register(PowerKind("ipmi", 623, frozenset(), _user_faults, opened))
