"""TCP probes and the clients' replies: one raw socket to send, a packet socket per claim to receive. What a
probe is made of is takeover.logic.probe's.

A reply counts only when it came after the first probe: what was queued before (frames for the old server,
flooded by a switch) is discarded.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address

from twinboot.takeover.logic.plan import ClientPosition
from twinboot.takeover.logic.probe import Probe
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp.segment import RST, Segment, ack_options, parse_segment, tcp_packet

from ...kernel.packet_socket import ETH_P_IP, open_capture_socket
from .capture import filter as wire_filter
from .silent_exit import mark_deliberate

_BUFFER_BYTES = 4 << 20
_SNAP_BYTES = 256
_AT_ONCE = 64
"""Each may mean a connection to be rebuilt, some hundred microseconds; what else is due comes between."""


class RawTcpSender:
    """Sends single packets outside of the kernel's own connections. The socket is opened on first use."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def send(self, packet: bytes) -> None:
        """Send a whole IP packet unchanged. OSError; BlockingIOError when the queue is full."""
        if self._socket is None:
            flags = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_INET, flags, socket.IPPROTO_RAW)
            mark_deliberate(self._socket)
        self._socket.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def probe(self, key: ConnectionKey, probe: Probe) -> None:
        """Send one probe. A full queue or a client without route is no failure: the probe is repeated."""
        self._send_best_effort(tcp_packet(
            key.server, key.server_port, key.client, key.client_port, flags=probe.flags, seq=probe.seq,
            ack=probe.ack, options=probe.options, payload=probe.payload))

    def reset(self, key: ConnectionKey, seq: int) -> None:
        """Send a RST; a client accepts it only with exactly the number it expects (RFC 5961 section 3.2)."""
        self._send_best_effort(
            tcp_packet(key.server, key.server_port, key.client, key.client_port, flags=RST, seq=seq)
        )

    def replay_sack(self, key: ConnectionKey, client: ClientPosition) -> None:
        """Replay a client's SACK blocks to our own kernel: it fills the holes at once, not after 0.2 s.

        The reply came before the connection was rebuilt, and Linux clients do not repeat it within 0.5 s.
        """
        self._send_best_effort(
            tcp_packet(
                key.client,
                key.client_port,
                key.server,
                key.server_port,
                seq=client.seq,
                ack=client.ack,
                window=client.window,
                options=ack_options(client.timestamps, client.sack_blocks),
            )
        )

    def replay_ack(self, key: ConnectionKey, seq: int, ack: int, window: int) -> None:
        """Replay a client's last acknowledgement to our own kernel: nothing new, but a sign of life.

        Linux accepts it without time stamps. A number that is out of date is ignored (RFC 9293 section
        3.10.7.4).
        """
        self._send_best_effort(tcp_packet(key.client, key.client_port, key.server, key.server_port,
                           seq=seq, ack=ack, window=window))

    def acknowledge(self, one: Segment) -> None:
        """Acknowledge all that a client has sent, its FIN included."""
        self._send_best_effort(tcp_packet(one.target, one.target_port, one.source, one.source_port,
                           seq=one.ack, ack=one.next_seq))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _send_best_effort(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send(packet)


class ProbeReplies:
    """Receives the clients' replies to one virtual address on one interface; close() at the end."""

    def __init__(self, interface: str, address: IPv4Address) -> None:
        """ResourceError when the packet socket cannot be opened."""
        self._address = address
        self._packets = open_capture_socket(
            interface, ETH_P_IP, wire_filter.probe_replies_filter(address, _SNAP_BYTES), _BUFFER_BYTES)

    def fileno(self) -> int:
        return self._packets.fileno()

    def read(self) -> Iterator[tuple[ConnectionKey, Segment]]:
        """The segments received since the last call, a bounded number at once."""
        try:
            for _ in range(_AT_ONCE):
                segment = parse_segment(self._packets.recv(_SNAP_BYTES))
                if segment is not None and segment.target == self._address:
                    yield ConnectionKey.of_client(segment), segment
        except (BlockingIOError, OSError):
            return

    def close(self) -> None:
        self._packets.close()
