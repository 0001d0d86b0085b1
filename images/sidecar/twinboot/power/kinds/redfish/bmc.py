"""One BMC that speaks Redfish: a session, and the one system of it that is meant.

Sources: DSP0266 (sessions, errors), the schema ComputerSystem (Boot, PowerState, Actions). sushy keeps what
makers do otherwise (settings resources, ETags, retries).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sushy  # type: ignore[import-not-found]  # Debian's python3-sushy, in the image of the process alone
from sushy.auth import SessionOrBasicAuth  # type: ignore[import-not-found]
from sushy.connector import Connector  # type: ignore[import-not-found]

from twinboot.paths import CONFIG

from ...logic.kind import Firmware, PowerFailed, Reason
from ...logic.targets import Target
from . import PORT, certificate
from .failures import failure

REQUEST_S = 15.0
"""Limit to connect, and between two pieces of an answer."""
RETRIES, RETRY_S = 2, 2
"""Repeats for a BMC that answers with an error of its own: it may have to wake up."""

logging.getLogger("sushy").setLevel(logging.CRITICAL)  # an error is told once, by who asked

_OVERRIDE_REFUSED = (400, 405, 501)


class RedfishBmc:
    """One system. Errors are as sushy raises them: see opened()."""

    def __init__(self, system: Any, address: str) -> None:
        self._system, self._address = system, address

    def is_on(self) -> bool:
        """A machine that is about to be switched on counts as on, one that goes off as off."""
        return self._system.power_state in (sushy.PowerState.ON, sushy.PowerState.POWERING_ON)

    def on(self) -> None:
        self._reset(sushy.ResetType.ON, sushy.ResetType.FORCE_ON)

    def off(self) -> None:
        self._reset(sushy.ResetType.FORCE_OFF)

    def cycle(self) -> None:
        self._reset(sushy.ResetType.FORCE_RESTART, sushy.ResetType.POWER_CYCLE)

    def network_once(self, firmware: Firmware) -> None:
        """The mode (UEFI or legacy) is left as it is."""
        http = firmware is Firmware.UEFI_HTTP
        target = sushy.BootSource.UEFI_HTTP if http else sushy.BootSource.PXE
        allowed = self._system.get_allowed_system_boot_source_values()
        if target not in allowed:
            known = ", ".join(sorted(one.value for one in allowed))
            text = f"the BMC {self._address} cannot set {target.value} for the next start; it knows: {known}"
            raise PowerFailed(Reason.NO_OVERRIDE, text)
        try:
            self._system.set_system_boot_options(
                target=target, enabled=sushy.BootSourceOverrideEnabled.ONCE)
        except sushy.exceptions.AccessError:
            raise
        except sushy.exceptions.HTTPError as exc:
            if exc.status_code not in _OVERRIDE_REFUSED:
                raise
            text = f"the BMC {self._address} does not let network boot be set: {exc.detail or exc.message}"
            raise PowerFailed(Reason.NO_OVERRIDE, text) from exc

    def _reset(self, *ways: Any) -> None:
        """Resets the machine by the first way that the BMC knows."""
        allowed = self._system.get_allowed_reset_system_values()
        for way in ways:
            if way in allowed:
                self._system.reset_system(way)
                return
        known = ", ".join(sorted(one.value for one in allowed))
        asked = " nor ".join(one.value for one in ways)
        raise PowerFailed(Reason.REFUSED, f"the BMC {self._address} knows no {asked}; it knows: {known}")


@contextmanager
def opened(target: Target, password: str, config: Path = CONFIG) -> Iterator[RedfishBmc]:
    """Logs in, and out again at the end: BMCs have few sessions. Everything that is raised is PowerFailed."""
    host, port = target.host_and_port(PORT)
    auth = SessionOrBasicAuth(target.user, password)
    try:
        connector = _connector(f"https://{host}:{port}", target, config)
        try:
            root = sushy.Sushy(f"https://{host}:{port}", auth=auth, connector=connector)
            yield RedfishBmc(root.get_system(_identity(root, target)), target.address)
        finally:
            with suppress(sushy.exceptions.SushyError):  # what was asked for has been done, or has failed
                auth.close()
            connector.close()
    except Exception as exc:
        raise failure(exc, target) from exc


def _connector(url: str, target: Target, config: Path) -> Any:
    """Neither proxies nor passwords of the environment count: trust_env."""
    made = Connector(
        url, verify=certificate.wanted(target.verify, config), server_side_retries=RETRIES,
        server_side_retries_delay=RETRY_S, default_request_timeout=REQUEST_S,
    )  # fmt: skip
    made._session.trust_env = False
    if fingerprint := certificate.fingerprint_in(target.verify):
        made._session.mount("https://", certificate.pinned(fingerprint))
    return made


def _identity(root: Any, target: Target) -> str:
    """The path of the system that is meant."""
    where = f"the BMC {target.address}"
    members: tuple[str, ...] = root.get_system_collection().members_identities
    names = {path.rstrip("/").rpartition("/")[2]: path for path in members}
    known = ", ".join(names) or "none"
    if target.system:
        found = names.get(target.system.rstrip("/").rpartition("/")[2])
        if found is None:
            raise PowerFailed(Reason.NO_SYSTEM, f"{where} has no system {target.system!r}; it has: {known}")
        return found
    if len(members) != 1:
        raise PowerFailed(Reason.NO_SYSTEM, f"{where} has {len(members)} systems ({known}): power.system "
                          "names the one that is meant")  # fmt: skip
    return members[0]
