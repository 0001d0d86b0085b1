"""Goes on with one TFTP download of a server that died: which block to send now. Pure; `now` is handed in.

The client's acknowledgement says where it is. Most clients repeat it by themselves. Two wait for the server
to repeat its last block: curl sends nothing for 72 s, GRUB nothing until it gives the file up after 32 s. So
after a pause the block after the last known one is sent:

    PROBING   That block is the one the client lacks, or an old one. To an old one PXELINUX, iPXE and EDK2
              answer with the acknowledgement of their last block, GRUB with one of the old block: each says
              where to go on, and no client takes an old block for a new one.
    SWEEPING  curl acknowledges its last block and the next, and answers no other. So the blocks are sent in
              their order, with pauses, until one is acknowledged.
    SENDING   In lockstep (RFC 1350 section 2), repeated at growing intervals.
    OVER      The last block was acknowledged, the client has sent an error, or does not answer.

From block 65535 on GRUB takes any number that is not below the one it wants for that one, and iPXE puts a
block of the round before into the next round. So in files of more than 65535 blocks only clients which count
on (Download.counts_on) are swept for, the others are not spoken to first when they may have block 65535, and
get that one again only when they ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from .tftp_download import LAST_NUMBER, Download

LISTEN_S = 60.0
"""After a claim: PXELINUX's pauses grow to 14 s, and it gives up after 131 s."""
PROBES_S = (0.2, 0.4, 0.8, 0.8)
"""Pauses after a block that is sent without knowing where the client is; then a sweep, or QUIET_S."""
BETWEEN_SWEEPS_S = 2.0
QUIET_S = 7.0
"""A client that is not swept for is left in peace for so long: tftp-hpa's repeats its acknowledgement when it
has received nothing at all for 5 s (tftp/tftp.c), and any block begins these anew."""
SWEEP_BLOCKS = 4096
"""Swept at most, then from the beginning: peers know a client's place to some hundred blocks."""
RETRANSMIT_S, RETRANSMIT_MAX_S = 0.5, 8.0
RETRANSMIT_FOR_S = 23.0
RETRANSMIT_TRIES = 16


class Phase(Enum):
    PROBING = "probing"
    SWEEPING = "sweeping"
    SENDING = "sending"
    OVER = "over"


class Sender:
    """reach: how many blocks the client may be beyond what is known (None: no bound).
    pace_s: between two blocks of a sweep. found: the client has answered."""

    def __init__(self, one: Download, *, reach: int | None, now: float, pace_s: float) -> None:
        self.download, self._reach, self.pace_s = one, reach, pace_s
        self.phase = Phase.PROBING
        self.found = False
        self._floor = one.acknowledged
        self._block = one.acknowledged + 1
        self._highest_sent = 0
        self._tries = 0
        self._asked_again = False
        self._pauses: Sequence[float] = ()
        self._give_up_at = now + LISTEN_S
        self.wake_at = now

    @property
    def over(self) -> bool:
        return self.phase is Phase.OVER

    @property
    def may_speak_first(self) -> bool:
        """Whether a block may be sent before the client has said where it is."""
        one = self.download
        if not one.confirmed or not one.server_port or one.acknowledged >= one.last_block:
            return False
        if not one.rolls_over:
            return True
        if self._reach is None or self._reach >= LAST_NUMBER:
            return False
        return one.counts_on or one.number(one.acknowledged) + self._reach < LAST_NUMBER

    @property
    def _may_sweep(self) -> bool:
        return self.download.counts_on or not self.download.rolls_over

    @property
    def acknowledged(self) -> int:
        """The last block that the client is known to have."""
        return self._floor

    def due(self, now: float) -> int | None:
        """The block to send now, if any. Afterwards wake_at says when to ask again."""
        if self.phase is Phase.OVER or now < self.wake_at:
            return None
        if self.phase is not Phase.SENDING and (now >= self._give_up_at or not self.may_speak_first):
            self.phase = Phase.OVER
            return None
        if self.phase is Phase.SENDING:
            block = self._repeated(now)
        elif self.phase is Phase.SWEEPING:
            block = self._swept(now)
        else:
            block = self._probed(now)
        if block is not None:
            self._highest_sent = max(self._highest_sent, block)
        return block

    def heard(self, number: int, now: float) -> bool:
        """The client has acknowledged this number. Whether that says where it is."""
        block = self._meant(number)
        if block is None or self.phase is Phase.OVER:
            return False
        self.found = True
        self._floor = max(self._floor, block)
        if block >= self.download.last_block:
            self.phase = Phase.OVER
            return True
        self.phase, self._block, self._tries, self._asked_again = Phase.SENDING, block + 1, 0, False
        self._pauses = retransmit_pauses(self.download.terms.retransmit_s)
        self.wake_at = now
        return True

    def gone(self) -> None:
        """The client has sent an error, or its machine says that nobody listens."""
        self.phase = Phase.OVER

    def _meant(self, number: int) -> int | None:
        if not self.found:
            return self.download.resolve(number, self._reach)
        block = self.download.following(number, self._floor)
        if block == self._floor and self.phase is Phase.SENDING:
            self._asked_again = True
            return None  # twice: not answered, or blocks would double from here on (RFC 1123 section 4.2.3.1)
        if block is None or not self.download.rolls_over:
            return block
        known = self.download.acknowledged + (self._reach or 0)
        return block if block <= max(known, self._highest_sent) else None

    def _probed(self, now: float) -> int:
        pauses = PROBES_S[:1] if self.download.counts_on else PROBES_S
        if self._tries < len(pauses):
            self.wake_at = now + pauses[self._tries]
        elif self._may_sweep:
            self.phase, self._block = Phase.SWEEPING, self._floor + 1
            self.wake_at = now + self.pace_s
        else:
            self.wake_at = now + QUIET_S
        self._tries += 1
        return self._floor + 1

    def _swept(self, now: float) -> int:
        self._block += 1
        if self._block > min(self._floor + SWEEP_BLOCKS, self.download.last_block):
            self._block = self._floor + 1
            self.wake_at = now + BETWEEN_SWEEPS_S
        else:
            self.wake_at = now + self.pace_s
        return self._block

    def _repeated(self, now: float) -> int | None:
        if self._tries >= len(self._pauses):
            self.phase = Phase.OVER
            return None
        if self._tries == 2 and self._highest_sent > self._block and self._may_sweep:
            # Later blocks of a sweep have reached it, and their acknowledgements were lost.
            self.phase, self._tries = Phase.PROBING, len(PROBES_S)
            self._give_up_at = now + LISTEN_S
            return self._probed(now)
        self.wake_at = now + self._pauses[self._tries]
        self._tries += 1
        if self._tries > 1 and self._is_the_turn and not self._asked_again:
            return None
        self._asked_again = False
        return self._block

    @property
    def _is_the_turn(self) -> bool:
        one = self.download
        return one.rolls_over and not one.counts_on and one.number(self._block) == LAST_NUMBER


def retransmit_pauses(agreed_s: float) -> tuple[float, ...]:
    """After each time a block is sent, until the client is given up. agreed_s: what was agreed on, or 0."""
    pauses: list[float] = []
    pause = agreed_s or RETRANSMIT_S
    while sum(pauses) < RETRANSMIT_FOR_S and len(pauses) < RETRANSMIT_TRIES:
        pauses.append(min(pause, RETRANSMIT_MAX_S))
        pause *= 2
    return tuple(pauses)
