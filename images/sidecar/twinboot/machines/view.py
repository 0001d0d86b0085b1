"""What an operator is shown: one word for each machine's state, stalled among them. Pure."""

from __future__ import annotations

from typing import Any

from .facts import Facts
from .record import STEP_WORDS, Order, Record, Step

LIMITS_S = {
    Step.LOADER: 300.0, Step.KERNEL: 900.0, Step.ANSWERS: 900.0, Step.PACKAGES: 600.0, Step.FINISHING: 1800.0,
}  # fmt: skip
"""For how long an install may come no further at a step, unless the site says otherwise: while packages are
written their bytes grow, and nothing is heard while scripts of the profile run."""


UNHEARD_INSTALL_S = 3600.0
"""For how long one whose installer does not report counts as being installed, from its kernel on."""

STATES = (
    "waiting", "loader", "kernel", "answers", "packages", "finishing", "done", "failed", "stalled", "local",
    "restored",
)
"""Every word that state_of() says."""


def silent_too_long(record: Record, silent_s: float, facts: Facts) -> bool:
    """Its install is under way, and nothing was heard of it for longer than its step may take. An installer
    that does not report says nothing after its kernel, however well it does."""
    if record.order is Order.LOCAL or record.step not in LIMITS_S:
        return False
    if not facts.reports and not record.begun and record.step >= Step.KERNEL:
        return False
    return silent_s > facts.limits.get(STEP_WORDS[record.step], LIMITS_S[record.step])


def may_stall(record: Record) -> bool:
    """Silence alone makes another state of it, sooner or later."""
    return record.order is Order.INSTALL and not record.failed and record.step in LIMITS_S


def on_its_way(record: Record, silent_s: float, facts: Facts) -> bool:
    """It is being installed, or about to be: to restart it now would lose that."""
    under_way = record.order is Order.INSTALL and record.step not in (Step.WAITING, Step.DONE)
    if record.restored or record.failed or not under_way:
        return False
    if not facts.reports and not record.begun and record.step >= Step.KERNEL:
        return silent_s <= UNHEARD_INSTALL_S
    return not silent_too_long(record, silent_s, facts)


def state_of(record: Record, silent_s: float, facts: Facts) -> str:
    """waiting, loader, kernel, answers, packages, finishing, done, failed, stalled; local: it was told to
    start from its disk; restored: its state comes from a backup, and it was to be installed then."""
    if record.order is Order.LOCAL:
        return "local"
    if record.restored and not record.begun:
        return "restored"
    if record.failed:
        return "failed"
    if silent_too_long(record, silent_s, facts):
        return "stalled"
    return STEP_WORDS[record.step]


def as_dict(name: str, record: Record, facts: Facts, *, silent_s: float, boots: Order) -> dict[str, Any]:
    """For `twinboot machines --json`. boots: what its boot loader is told now."""
    return {
        "name": name,
        "state": state_of(record, silent_s, facts),
        "step": STEP_WORDS[record.step],
        "boots": "install" if boots is Order.INSTALL else "disk",
        "profile": record.profile,
        "server": record.server,
        "orders": record.epoch,
        "attempt": record.attempt,
        "packages": record.number,
        "of": record.of,
        "kib": record.kib,
        "silent_s": round(silent_s, 1),
        "at": record.at,
        "firmware": record.firmware,
        "words": record.words,
    }
