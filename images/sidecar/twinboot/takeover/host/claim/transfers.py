"""What becomes of the FTP transfers of one claim: each session waits for what its data connection shows.

A data connection goes on by itself when the client has a part of what it carries (Delivery: whether the
client got the rest), is over, or has carried nothing: then the session runs the transfer here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from twinboot.takeover.logic.protocols.ftp import Session
from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord

from ..serve.ftp_session import Delivery, WaitDelivery


class Transfers:
    """By control connection."""

    def __init__(self) -> None:
        self._fates: dict[ConnectionKey, asyncio.Future[Delivery | None]] = {}
        self._carriers: dict[ConnectionKey, ConnectionKey] = {}
        """Data connection that may carry the transfer of a session -> that session's."""
        self._running: dict[ConnectionKey, Delivery] = {}

    def begin(self, control: ConnectionKey, carriers: Iterable[ConnectionRecord]) -> None:
        """The session is taken over. carriers: the data connections that it has agreed upon, not looked at
        yet."""
        for one in carriers:
            self._carriers[one.key] = control
            self._fates.setdefault(control, asyncio.get_running_loop().create_future())

    def wait(self, control: ConnectionKey, session: Session) -> WaitDelivery | None:
        """What waits for the end of the transfer that the session's next reply is about.

        None: the next reply is about none, or its data connection is not open yet."""
        fate = self._fates.get(control)
        if not session.transfer_due or (fate is None and not session.transferring):
            return None
        # Without a record of the data connection: the client has closed it, or the record is missing.
        closed = session.transfer is not None and session.transfer.closed_by_client

        async def wait() -> Delivery | None:
            return _over(closed) if fate is None else await fate

        return wait

    def goes_on(self, record: ConnectionRecord) -> None:
        """The data connection is served by itself."""
        self._running[record.key] = asyncio.get_running_loop().create_future()
        self._decide(record, self._running[record.key])

    def over(self, record: ConnectionRecord, *, delivered: bool) -> None:
        """The data connection is no more. delivered: the client has all of it."""
        running = self._running.pop(record.key, None)
        if running is None:
            self._decide(record, _over(delivered))
        elif not running.done():
            running.set_result(delivered)

    def run_by_session(self, record: ConnectionRecord) -> None:
        """Nothing was sent on the data connection."""
        self._decide(record, None)

    def _decide(self, record: ConnectionRecord, fate: Delivery | None) -> None:
        control = self._carriers.pop(record.key, None)
        if control is not None and not self._fates[control].done():
            self._fates[control].set_result(fate)


def _over(delivered: bool) -> Delivery:
    found: Delivery = asyncio.get_running_loop().create_future()
    found.set_result(delivered)
    return found
