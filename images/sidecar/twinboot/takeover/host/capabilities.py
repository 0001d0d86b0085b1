"""What this kernel and the images here let the takeover process do, and what they lack, as alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twinboot.alarms import AlarmKind, kinds
from twinboot.daemons import DIALECT_LABEL, VSFTPD
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKind

from ...kernel.nflog import NetfilterLog
from .capture.capture import Capture
from .claim.moves import TakeoverMode
from .nftables import TakeoverRules


@dataclass(frozen=True, slots=True)
class Limit:
    """What this kernel or engine does not give: an alarm of the agent. text: a sentence with the reason."""

    kind: AlarmKind
    text: str

    def as_pair(self) -> tuple[str, str]:
        """As a report tells it: code and text."""
        return self.kind.code, self.text


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What there is to work with. limits: what there is not."""

    capture: Capture | None
    rules: TakeoverRules
    modes: Mapping[ConnectionKind, TakeoverMode]
    limits: tuple[Limit, ...] = ()
    netfilter_log: NetfilterLog | None = None
    """What clients say, to be held until the peers know of it."""


def foreign_ftp(dialect: str) -> Limit:
    """An image whose words are not spoken here; it may be swapped while the process runs."""
    text = (f"FTP sessions are reset instead of carried over: the image of {VSFTPD.name} names "
            f"{dialect or 'no dialect'} (label {DIALECT_LABEL}), not {DIALECT}")
    return Limit(kinds.TAKEOVER_BY_RESET, text)


def unshielded(fault: str) -> Limit:
    """What others do to the packet filter: it begins and ends while the process runs."""
    text = f"a move would reset downloads, for the packet filter lacks its rules: {fault}"
    return Limit(kinds.TAKEOVER_UNSHIELDED, text)


def overrun(what: str) -> Limit:
    """More came than could be read or kept: for a minute after it. what: as the recorder says it."""
    return Limit(kinds.TAKEOVER_OVERRUN, what)
