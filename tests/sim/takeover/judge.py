"""The judge: every byte once, right and in order, or the connection is reset and nothing else.

That the bytes are right each program checks itself (clients.WrongBytes). The judge adds:

* nobody waits in vain: when the last move is long over, every program has all it asked for, or was reset;
* no client is reset that need not be. A reset is excused when the dead server had acknowledged input that the
  input hold had to let through before the peer knew of it, and when an FTP data connection began or ended in
  the last moment, so that the peer does not know it as it was;
* where the second server has other bytes, a client gets none of them with the first one's: it is reset.
  Other times alone excuse nothing;
* a client is not told a window that its requests do not fit into;
* no task of the takeover process ends with a fault of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twinboot.takeover.host.serve.ftp_data import FIRST_PORT, LAST_PORT
from twinboot.takeover.logic.protocols.ftp import Session
from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord

from .clients import End
from .files import Trees
from .middlebox import Box
from .tcp import MODULUS

if TYPE_CHECKING:
    from .server import Server
    from .world import World

HOLD_STARTS_S = 0.7
"""After a claim the input hold begins by and by (takeover.host.input_hold)."""
LEAST_WINDOW = 1024
"""Servers read all that clients say at once, so a window of theirs is never nearly full."""
FRESH_S, LOSSY_FRESH_S = 0.05, 1.0
"""So long a record is on its way to the peer; if packets are lost, until one that is sent again arrives."""


class Violation(AssertionError):
    """A promise that was not kept."""


class Hang(Violation):
    """A client waits in vain."""


class NeedlessReset(Violation):
    """A client was reset whose connection could have gone on."""


class SmallWindow(Violation):
    """A client was told a window that is of no use."""


class ProcessFault(Violation):
    """The takeover process has a fault."""


@dataclass(frozen=True)
class _Known:
    """What the dead server's kernel had of a connection. at: its last news (established, FIN sent or got)."""

    acknowledged: int
    at: float
    data: bool


class Judge:
    """excuses: why a client may be reset in this history. may_hang: why one may wait in vain."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.excuses: list[str] = []
        self.may_hang: list[str] = []
        self._claimed_at = 0.0
        self._died_at = 0.0
        self._left: dict[tuple[int, int], _Known] = {}

    def dead(self, server: Server) -> None:
        """The server's kernel says no more on the address; what it had acknowledged stays acknowledged."""
        self._died_at = self._world.clock.now
        self._left = {
            (one.place.far_port, one.place.port): _Known(
                (one.far_origin + one.told) % MODULUS, one.news_at, one.place.port not in (21, 80)
            )
            for one in (*server.kernel.ended, *server.kernel.connections.values())
        }

    def claims(self, old: Server, new: Server) -> None:
        """What the old holder had acknowledged or begun, and the new one has never heard of. Of itself: the
        address comes back."""
        known = new.process._known
        self._excuse(old, new, known.of_ours(new.address) if new is old else known._peers.get(old.name, {}))

    def _excuse(self, old: Server, new: Server, known: Mapping[ConnectionKey, ConnectionRecord]) -> None:
        by_ports = {(key.client_port, key.server_port): record for key, record in known.items()}
        for ports, left in self._left.items():
            record = by_ports.get(ports)
            if (
                not old.alive
                and record is not None
                and 0 < (left.acknowledged - record.client_next) % MODULUS < MODULUS // 2
            ):
                self._input_lost(old, ports)
            fresh = left.at > self._died_at - self._fresh_s()
            if record is None and self._never_told(new):
                self.excuses.append(f"nothing of {ports} had reached the peer since its own start")
                self.may_hang.append(self.excuses[-1])
            if record is None and not left.data and fresh and old.input_overdue:
                self.excuses.append(f"{ports} was let through before the peer knew of it")
            if (
                left.data
                and fresh
                and (record is None or not record.understood or not record.server_start_known)
            ):
                self.excuses.append(f"data connection {ports} had just begun")
                if record is None and self._said_too_early(ports):
                    self.may_hang.append(self.excuses[-1])
            if left.data and fresh and self._world.scenario.net.box is not Box.NONE:
                self.excuses.append(f"data connection {ports} had just ended, behind a filter")
            if record is not None and not record.server_start_known and self._unanswerable(ports):
                self.excuses.append(
                    f"{ports} was in its handshake, and its client does not get the one probe"
                )
                if not left.data or not self._world.scenario.lingers:  # else its session says 426 or 425
                    self.may_hang.append(self.excuses[-1])
            if record is not None and record.session is not None and self._awaits_port(record.session):
                self.excuses.append(f"{ports} had just been told its passive port")
        if self._world.scenario.trees is Trees.OTHER_BYTES:
            self.excuses.append("the taker has other files")
        told = [one.session for one in known.values() if one.session is not None]
        if sum(map(self._asks_for_port, told)) > 1:
            self.excuses.append("two sessions had just been told passive ports: whose is which nobody knows")
        self._left = {}
        self._claimed_at = self._world.clock.now

    def _unanswerable(self, ports: tuple[int, int]) -> bool:
        """It is asked once, by a probe with number 0, as nothing is known. A filter drops that, it may be
        lost, and in the client's window nobody answers it."""
        if self._world.scenario.net.box is not Box.NONE or self._world.scenario.net.loss:
            return True
        one = next(
            (
                one
                for one in self._world.client.connections.values()
                if (one.place.port, one.place.far_port) == ports
            ),
            None,
        )
        return one is not None and (-(one.far_origin + one.expected)) % MODULUS <= one.stack.window + 1

    def _never_told(self, new: Server) -> bool:
        """Whether a taker has just started, and replication loses packets: it may not have one record yet.
        What a client waits for without a word nobody can even reset."""
        lossy = self._world.scenario.replication.loss > 0.0
        return lossy and self._died_at - new.started_at < LOSSY_FRESH_S

    def _said_too_early(self, ports: tuple[int, int]) -> bool:
        """Whether a client may have heard of the end of what it lacks, on a connection that only the dead
        server knew: opened by it, from a port of its kernel's choice. Not with vsftpd, whose final reply
        waits for the client's acknowledgement (SO_LINGER, ftpdataio.c), but with a hasty server."""
        return not self._world.scenario.lingers and not FIRST_PORT <= ports[1] <= LAST_PORT

    def _awaits_port(self, session: Session) -> bool:
        """The reply with a passive port is on its way, and the client asks for the transfer at once."""
        early = all(one.habit("early", "1") == "1" for one in self._world.scenario.work)
        return not early and self._asks_for_port(session)

    @staticmethod
    def _asks_for_port(session: Session) -> bool:
        return bool(session.pending) and session.pending[0][:4].upper() in (b"PASV", b"EPSV")

    def _fresh_s(self) -> float:
        told = self._world.scenario.replication
        return FRESH_S if not told.loss else LOSSY_FRESH_S

    def _input_lost(self, old: Server, ports: tuple[int, int]) -> None:
        early = self._died_at - self._claimed_at < HOLD_STARTS_S
        if old.input_overdue or early:
            self.excuses.append(f"input of {ports} was let through before the peer knew of it")

    def at_the_end(self) -> None:
        for server in (*self._world.servers.values(), *self._world.old):
            faults = server.loop.faults
            if faults:
                raise ProcessFault(f"{server.name}: {faults[0]!r}") from faults[0]
        for one in (*self._world.client.connections.values(), *self._world.client.ended):
            if one.least_window < LEAST_WINDOW:
                raise SmallWindow(f"{one.place.far_port}: {one.least_window} bytes")
        for program in self._world.programs:
            if program.end is End.WORKING and not self.may_hang:
                raise Hang(f"{type(program).__name__} waits since {program.received} bytes")
            if program.end is End.RESET and not self.excuses:
                raise NeedlessReset(f"{type(program).__name__} after {program.received} bytes: {program.why}")
