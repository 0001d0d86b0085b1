"""The packet socket that captures both directions of the virtual addresses' connections (packet(7)).

It never blocks. Frames that the kernel dropped because the buffer was full are counted: connections may then
be known only in part.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.bpf import DROP_ALL
from twinboot.takeover.logic.tcp.segment import Segment, parse_segment

from ....kernel.packet_socket import ETH_P_ALL, open_capture_socket
from ....kernel.socket_options import attach_filter
from . import filter as wire_filter

_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_BUFFER_BYTES = 32 << 20
"""What 5,000 clients say in the second in which a busy machine does not run this process."""
_AT_ONCE = 256


class Capture:
    """One interface. addresses may be changed while it is open; without any, nothing is captured."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self.segments = 0
        self.lost_frames = 0
        self._socket = open_capture_socket(interface, ETH_P_ALL, DROP_ALL, _BUFFER_BYTES)

    def set_addresses(self, addresses: Sequence[IPv4Address]) -> None:
        """Capture the connections to these addresses from now on."""
        try:
            attach_filter(self._socket, wire_filter.connections_filter(addresses) if addresses else DROP_ALL)
        except OSError as exc:
            raise ResourceError(f"filter of the capture on {self._interface}", str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[Segment]:
        """The segments captured since the last call, a bounded number at once."""
        try:
            for _ in range(_AT_ONCE):
                data = self._socket.recv(wire_filter.CLIENT_SNAP_BYTES)
                self.segments += 1
                segment = parse_segment(data)
                if segment is not None:
                    yield segment
        except BlockingIOError:
            pass
        except OSError as exc:
            raise ResourceError(f"capture on {self._interface}", str(exc)) from exc

    def count_lost(self) -> int:
        """How many frames were lost since the last call."""
        raw = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        lost: int = struct.unpack("@II", raw)[1]
        self.lost_frames += lost
        return lost

    def close(self) -> None:
        self._socket.close()
