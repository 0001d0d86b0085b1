#!/usr/bin/env python3
"""Reads a client's packet capture of a download: the longest time without data, and who sent RST.

    wireview.py FILE --server ADDRESS [--after TIME] [--waiting] [--spans TIME:TIME ...]
reads a file of tcpdump's (classic pcap, Ethernet) and prints one JSON line:
    data      payload bytes from the server (retransmitted ones twice), without those of FTP's control port;
              of TFTP those behind its header of 4 bytes
    silence   the longest time without such bytes from TIME on, seconds; null when none came afterwards.
              With --waiting it begins, between two files, with the client's next request (QUIT is none)
              and not with the last byte: a pause of the client's own does not count.
    silences  the same for each span: from its first time on, and begun before its second
    resets    number of segments with RST from the server
    sent      number of segments with RST from the client
    reset     each RST from the server: [time, its port, the client's port, had the client sent FIN or RST?]
    asked     whether the client asked for a file: by a request on port 80 or 69, or an FTP data connection
"""

import argparse
import json
import math
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIN, SYN, RST = 1, 2, 4
CONTROL, TFTP, HTTP = 21, 69, 80
TCP, UDP = 6, 17
TFTP_HEADER = 4
"""Bytes of the header of DATA; an ACK has nothing else (RFC 1350 section 5)."""


@dataclass(frozen=True)
class Segment:
    """One TCP segment, or a datagram of TFTP. port: the server's. payload: its length. text: the part of it
    that was captured."""

    time: float
    from_server: bool
    port: int
    flags: int
    payload: int
    client_port: int = 0
    text: bytes = b""

    @property
    def data(self) -> bool:
        return self.from_server and self.payload > 0 and self.port != CONTROL

    @property
    def is_request(self) -> bool:
        """Whether the client opens a connection or sends a request."""
        if self.from_server or (self.port == CONTROL and self.text.upper().startswith(b"QUIT")):
            return False
        return self.payload > 0 or self.flags & SYN != 0


def segments(raw: bytes, server: bytes) -> Iterator[Segment]:
    """Segments of a capture to and from the server (pcap-savefile(5); RFC 791, 9293). A truncated last one is
    left out."""
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    fraction = 1e9 if raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e6
    place = 24
    while place + 16 <= len(raw):
        seconds, part, size, _ = struct.unpack_from(order + "IIII", raw, place)
        frame = raw[place + 16:place + 16 + size]
        place += 16 + size
        if place > len(raw):
            return
        head = 14 + (frame[14] & 15) * 4 if len(frame) >= 34 else 0
        if not head or frame[12:14] != b"\x08\x00" or len(frame) < head + 12:
            continue
        if frame[23] == UDP:
            source, target = struct.unpack_from("!HH", frame, head)
            begin, flags = 8 + TFTP_HEADER, 0
        elif frame[23] == TCP and len(frame) >= head + 14:
            source, target, _, _, offset, flags = struct.unpack_from("!HHIIBB", frame, head)
            begin = (offset >> 4) * 4
        else:
            continue
        total = struct.unpack_from("!H", frame, 16)[0]
        from_server = frame[26:30] == server
        if from_server or frame[30:34] == server:
            ports = (source, target) if from_server else (target, source)
            yield Segment(
                seconds + part / fraction,
                from_server,
                ports[0],
                flags,
                total - (head - 14) - begin,
                ports[1],
                frame[head + begin :],
            )


def silence(seen: list[Segment], after: float, waiting: bool, until: float = math.inf) -> float | None:
    """The longest time without data that ends after `after`, counted from there at the earliest.

    What begins after `until` does not count.
    """
    longest: float | None = None
    since, requested = after, None
    for one in seen:
        if one.is_request and requested is None:
            requested = one.time
        if not one.data:
            continue
        if one.time > after:
            begun = max(since, requested if waiting and requested is not None else since)
            if begun > until:
                break
            longest = max(longest or 0.0, one.time - begun)
        since, requested = max(after, one.time), None
    return longest


def resets(seen: list[Segment]) -> list[tuple[float, int, int, bool]]:
    """Every segment with RST from the server, and whether the client had ended the connection itself."""
    ended: set[tuple[int, int]] = set()
    found = []
    for one in seen:
        key = (one.port, one.client_port)
        if not one.from_server and one.flags & SYN:
            ended.discard(key)
        elif not one.from_server and one.flags & (FIN | RST):
            ended.add(key)
        elif one.from_server and one.flags & RST:
            found.append((one.time, *key, key in ended))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--server", required=True)
    parser.add_argument("--after", type=float, default=0.0)
    parser.add_argument("--spans", nargs="*", default=[])
    parser.add_argument("--waiting", action="store_true")
    args = parser.parse_args()
    seen = list(segments(args.file.read_bytes(), socket.inet_aton(args.server)))
    spans = [tuple(map(float, span.split(":"))) for span in args.spans]
    after = args.after or (seen[0].time if seen else 0.0)
    print(json.dumps({
        "data": sum(one.payload for one in seen if one.data),
        "silence": silence(seen, after, args.waiting),
        "silences": [silence(seen, begin, args.waiting, until) for begin, until in spans],
        "resets": sum(1 for one in seen if one.from_server and one.flags & RST),
        "sent": sum(1 for one in seen if not one.from_server and one.flags & RST),
        "reset": resets(seen),
        "asked": any(
            one.payload > 0 if one.port in (HTTP, TFTP) else one.flags & SYN and one.port != CONTROL
            for one in seen if not one.from_server
        ),
    }))


if __name__ == "__main__":
    main()
