#!/usr/bin/env python3
"""What a client's own capture says of a download: the longest time without data, and who reset it.

    wireview.py FILE --server ADDRESS [--after TIME] [--waiting]
reads a file of tcpdump's (classic pcap, Ethernet) and prints one JSON line:
    data      bytes of files that came (retransmitted ones twice): all but what FTP's control port says
    silence   the longest time without such bytes from TIME on, seconds; null when none came afterwards.
              With --waiting it begins, between two files, with the client's next word and not with the
              last byte: a pause of the client's own is no silence.
    resets    segments with RST from the server
    asked     the client has asked for a file: by a request on port 80, or by an FTP data connection
"""

import argparse
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIN, SYN, RST = 1, 2, 4
CONTROL, HTTP = 21, 80


@dataclass(frozen=True)
class Seen:
    """One segment. port: the server's."""

    time: float
    from_server: bool
    port: int
    flags: int
    payload: int

    @property
    def data(self) -> bool:
        return self.from_server and self.payload > 0 and self.port != CONTROL

    @property
    def word(self) -> bool:
        """The client wants something: a new connection or a request."""
        return not self.from_server and (self.payload > 0 or self.flags & SYN != 0)


def segments(raw: bytes, server: bytes) -> Iterator[Seen]:
    """Of a capture, those to and from the server (pcap-savefile(5); RFC 791, 9293). A cut end is left out."""
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
        if not head or frame[12:14] != b"\x08\x00" or frame[23] != 6 or len(frame) < head + 14:
            continue
        source, target, _, _, offset, flags = struct.unpack_from("!HHIIBB", frame, head)
        total = struct.unpack_from("!H", frame, 16)[0]
        from_server = frame[26:30] == server
        if from_server or frame[30:34] == server:
            yield Seen(seconds + part / fraction, from_server, source if from_server else target, flags,
                       total - (head - 14) - (offset >> 4) * 4)


def silence(seen: list[Seen], after: float, waiting: bool) -> float | None:
    """The longest time without data that ends after `after`, counted from `after` at the earliest."""
    longest: float | None = None
    since, word = after, None
    for one in seen:
        if one.word and word is None:
            word = one.time
        if not one.data:
            continue
        if one.time > after:
            begun = max(since, word if waiting and word is not None else since)
            longest = max(longest or 0.0, one.time - begun)
        since, word = max(after, one.time), None
    return longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--server", required=True)
    parser.add_argument("--after", type=float, default=0.0)
    parser.add_argument("--waiting", action="store_true")
    args = parser.parse_args()
    seen = list(segments(args.file.read_bytes(), socket.inet_aton(args.server)))
    after = args.after or (seen[0].time if seen else 0.0)
    print(json.dumps({
        "data": sum(one.payload for one in seen if one.data),
        "silence": silence(seen, after, args.waiting),
        "resets": sum(1 for one in seen if one.from_server and one.flags & RST),
        "asked": any(
            one.payload > 0 if one.port == HTTP else one.flags & SYN and one.port != CONTROL
            for one in seen if not one.from_server
        ),
    }))


if __name__ == "__main__":
    main()
