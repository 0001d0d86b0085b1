"""The data channels of the FTP sessions that come here: which port each session has agreed upon with its
client, and whose a connection is whose port is not known.
"""

from __future__ import annotations

import logging
from collections.abc import Container

from twinboot.takeover.logic.protocols.ftp import Channel, Session
from twinboot.takeover.logic.record import ConnectionKey

from ..serve.ftp_data import FIRST_PORT, DataChannel
from .follower import ConnectionFollower

log = logging.getLogger(__name__)


class DataChannels:
    """By control connection."""

    def __init__(self, follower: ConnectionFollower) -> None:
        self._follower = follower
        self._channels: dict[ConnectionKey, DataChannel] = {}
        self._unknown_ports: dict[ConnectionKey, None] = {}
        """Sessions whose negotiated passive port is not in the record."""
        self._agreed_sessions: dict[ConnectionKey, Session] = {}

    def of(self, control: ConnectionKey) -> DataChannel:
        return self._channels.setdefault(control, DataChannel(str(control.server), str(control.client)))

    def expect_agreed(self, control: ConnectionKey, session: Session) -> None:
        """Prepare for the session's negotiated data connection, once per negotiation."""
        if session.channel is Channel.PASSIVE and not session.data_port:
            self._unknown_ports[control] = None
        elif session.data_port and session != self._agreed_sessions.get(control):
            self.expect(control, session.channel, session.data_port)
            if session.channel is Channel.PASSIVE:
                self._follower.passive_port_agreed(control, session.data_port)
        self._agreed_sessions[control] = session

    def expect(self, control: ConnectionKey, channel: Channel, port: int) -> None:
        try:
            self.of(control).expect(channel, port)
        except OSError as exc:
            log.debug("port %d of %s: %s", port, control, exc)

    def client_connects(self, key: ConnectionKey) -> None:
        """A client opens a connection: perhaps the data connection whose port only the dead server and the
        client know. When two sessions of a client wait for one, it is nobody's: one would get what the other
        has asked for."""
        if key.server_port < FIRST_PORT or any(
            one.listened_on(key.server_port) for one in self._channels.values()
        ):
            return
        waiting = [one for one in self._unknown_ports
                   if one.client == key.client and not self.of(one).has_listened]
        if len(waiting) == 1:
            self.expect(waiting[0], Channel.PASSIVE, key.server_port)
            if self.of(waiting[0]).has_listened:  # else it is the FTP service's here
                self._follower.passive_port_learned(waiting[0], key.server_port)

    def close_others(self, served: Container[ConnectionKey]) -> None:
        """Closes the channels of sessions that are not served here."""
        for control, channel in self._channels.items():
            if control not in served:
                channel.close()
