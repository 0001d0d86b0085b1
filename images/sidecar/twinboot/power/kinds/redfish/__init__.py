"""Redfish over HTTPS, by the library sushy.

bmc          One BMC: a session, and the one system of it that is meant
certificate  What a BMC proves itself by: an authority's signature, a fingerprint, or nothing
failures     What sushy raises, as PowerFailed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from twinboot.kinds import POWER

from ...logic.kind import Bmc, PowerKind
from ...logic.targets import Target

PORT = 443


def _user_faults(_user: str) -> Iterator[str]:
    return iter(())


def _open(target: Target, password: str) -> AbstractContextManager[Bmc]:
    from .bmc import opened  # only the image of the process has the library

    return opened(target, password)


REDFISH = POWER.register(PowerKind("redfish", PORT, frozenset(("verify", "system")), _user_faults, _open))
