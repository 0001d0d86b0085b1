"""The moves of one record: ordered, observed, begun, progressed, failed, done. Pure.

Which move is allowed from which step stands in MOVES; what is not allowed there leaves the record as it is,
or is refused with the reason: what a machine says never raises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from .record import Order, Record, Step


class Move(Enum):
    """What may become of an install that a machine is in."""

    OBSERVED = "observed"
    PROGRESSED = "progressed"
    FAILED = "failed"
    DONE = "done"


_BEFORE = frozenset((Step.WAITING, Step.LOADER, Step.KERNEL, Step.ANSWERS))
_RUNNING = frozenset((Step.PACKAGES, Step.FINISHING))
MOVES = {
    Move.OBSERVED: _BEFORE,
    Move.PROGRESSED: _RUNNING,
    Move.FAILED: _RUNNING,
    Move.DONE: _RUNNING,
}
"""By move the steps that it may be made from."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a report of a machine. record: as it is afterwards. refused: why the report was refused;
    empty: it was accepted."""

    record: Record
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a report says beside its kind. step: None: the same as before. at: time of day; server: who hears
    it."""

    at: float
    server: str
    step: Step | None = None
    number: int = 0
    of: int = 0
    kib: int = 0
    words: str = ""


def offered(record: Record, *, once: bool, retries: int = 0, reports: bool = True) -> Order:
    """What the boot loaders of a machine are told. once: it is installed once; others boot what they boot
    until they are told to start from their disk. retries: how many more installs of one order may begin.
    reports: its installer asks whether it may begin; where it does not, the kernel is the beginning. A record
    of a backup offers nothing: its machine may have been installed since."""
    if record.order is Order.LOCAL or record.restored:
        return Order.LOCAL
    if once and (record.done or (record.begun and record.attempt >= retries)):
        return Order.LOCAL
    if once and not reports and record.step >= Step.KERNEL:
        return Order.LOCAL
    return Order.INSTALL


def ordered(record: Record, order: Order, observation: Observation) -> Record:
    """An operator has spoken: a new epoch."""
    return Record(
        epoch=record.epoch + 1, order=order, profile=record.profile, macs=record.macs, at=observation.at,
        server=observation.server, firmware=record.firmware, place=record.place,
    )  # fmt: skip


def noted(record: Record, words: str) -> Record:
    """Somebody is to restart it for its install, or could not: words for who looks, until its installer has
    some. They change nothing else."""
    if record.order is Order.LOCAL or record.begun or record.done or record.words == words:
        return record
    return replace(record, words=words, turn=record.turn + 1)


def heard_as(record: Record, firmware: str, *, sure: bool) -> Record:
    """Its firmware has asked for a boot file. sure: the firmware itself, not a loader that it has loaded."""
    if firmware in ("", record.firmware) or (record.firmware and not sure):
        return record
    return replace(record, firmware=firmware, turn=record.turn + 1)


def observed(record: Record, step: Step, observation: Observation) -> Record:
    """A server has seen that the machine is that far on its way to the installer; no proof of anything."""
    if record.order is Order.LOCAL or record.step not in MOVES[Move.OBSERVED] or step not in _BEFORE:
        return record
    if record.begun or step <= record.step:
        return record
    return replace(record, step=step, turn=record.turn + 1, at=observation.at, server=observation.server)


def begun(record: Record, token: str, observation: Observation, *, once: bool, retries: int = 0) -> Verdict:
    """An installer asks whether it may erase. token: a digest of what it will prove itself by. The same one
    may ask again: its answer may have been lost."""
    if token and token == record.token and not record.done:
        return Verdict(record)
    if record.done or offered(record, once=once, retries=retries) is Order.LOCAL:
        return Verdict(record, _why_not(record))
    again = record.begun
    return Verdict(replace(
        record, attempt=record.attempt + 1 if again else record.attempt, token=token, step=Step.PACKAGES,
        failed=False, number=0, of=0, kib=0, words="", turn=record.turn + 1, at=observation.at,
        server=observation.server,
    ))  # fmt: skip


def progressed(record: Record, token: str, observation: Observation) -> Verdict:
    """Its installer says how far it is. What it says late, of an earlier step, changes nothing; nor does what
    it says again: an installer that hangs goes on to say where it is, and is to be seen as stalled."""
    wrong = _not_of_this_install(record, token, Move.PROGRESSED)
    if wrong:
        return Verdict(record, wrong)
    further = (
        observation.number > record.number or observation.of > record.of or observation.kib > record.kib
        or (observation.step is not None and observation.step > record.step) or bool(observation.words)
    )  # fmt: skip
    if not further:
        return Verdict(record)
    step = observation.step if observation.step in _RUNNING and observation.step is not None else record.step
    if step < record.step:
        return Verdict(record)
    return Verdict(replace(
        record, step=step, number=max(record.number, observation.number), of=max(record.of, observation.of),
        kib=max(record.kib, observation.kib),
        words=record.words if record.failed else observation.words or record.words,
        turn=record.turn + 1, at=observation.at, server=observation.server, restored=False,
    ))  # fmt: skip


def failed(record: Record, token: str, observation: Observation) -> Verdict:
    """Its installer has met an error; it may go on all the same, and be done."""
    wrong = _not_of_this_install(record, token, Move.FAILED)
    if wrong:
        return Verdict(record, wrong)
    return Verdict(replace(
        record, failed=True, words=observation.words, turn=record.turn + 1, at=observation.at,
        server=observation.server,
        restored=False,
    ))  # fmt: skip


def done(record: Record, token: str, observation: Observation) -> Verdict:
    """Its installer has come to its end. It may say so again: its answer may have been lost."""
    if record.done and token and token == record.token:
        return Verdict(record)
    wrong = _not_of_this_install(record, token, Move.DONE)
    if wrong:
        return Verdict(record, wrong)
    return Verdict(replace(
        record, step=Step.DONE, failed=False, words="", turn=record.turn + 1, at=observation.at,
        server=observation.server,
        restored=False,
    ))  # fmt: skip


def stands(record: Record, token: str) -> bool:
    """What an install with this token was answered still holds: no order came in between."""
    return record.order is Order.INSTALL and bool(token) and token == record.token


def _not_of_this_install(record: Record, token: str, move: Move) -> str:
    if not token or token != record.token:
        return "this is not the token of the install that runs"
    if record.step not in MOVES[move]:
        return "this install has ended"
    return ""


def _why_not(record: Record) -> str:
    if record.order is Order.LOCAL:
        return "it was told to start from its disk"
    if record.done:
        return "it is installed"
    if record.restored:
        return "its state comes from a backup, and nobody has ordered its install since"
    return "its install has begun before, and did not come to its end"
