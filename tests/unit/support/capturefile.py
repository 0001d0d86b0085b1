"""Real clients' connections as the takeover process is shown them: one JSON object a line, a frame in each.

`tests/lab/support/recordclients.py` makes the files from a lab. They hold what the takeover process's kernel
filter lets through, with the bodies cut off.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from twinboot.takeover.logic.tcp.segment import FIN, RST, SYN, Segment, parse_segment

FOLDER = Path(__file__).parent / "captures"
_BODY_KEPT = 16


@dataclass(frozen=True)
class Capture:
    """client: its name and version; path, size: of the file it fetched; vip: from where."""

    name: str
    client: str
    path: str
    size: int
    modified: int
    vip: IPv4Address
    frames: tuple[bytes, ...]

    def segments(self) -> list[Segment]:
        found = [parse_segment(frame) for frame in self.frames]
        return [one for one in found if one is not None]


def read(path: Path) -> Capture:
    head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    vip = IPv4Address(head.pop("vip"))
    frames = tuple(base64.b64decode(line["frame"]) for line in lines)
    return Capture(path.stem, **head, vip=vip, frames=frames)


def all_captures() -> list[Capture]:
    return [read(path) for path in sorted(FOLDER.glob("*.jsonl"))]


def write(capture: Capture) -> None:
    head = {"client": capture.client, "path": capture.path, "size": capture.size,
            "modified": capture.modified, "vip": str(capture.vip)}
    lines = [head, *({"frame": base64.b64encode(frame).decode()} for frame in capture.frames)]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{capture.name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def frames_of(pcap: bytes) -> Iterator[bytes]:
    """The frames of a pcap file (pcap-savefile(5)) of this machine's byte order."""
    place = 24
    while place + 16 <= len(pcap):
        size = struct.unpack_from("=I", pcap, place + 8)[0]
        yield pcap[place + 16:place + 16 + size]
        place += 16 + size


def filtered(frames: Iterator[bytes], vip: IPv4Address) -> Iterator[bytes]:
    """Those that the takeover process's filter lets through, without their bodies."""
    for frame in frames:
        one = parse_segment(frame)
        if one is None:
            continue
        head = one.source == vip and one.source_port == 80 and one.payload.startswith(b"HTTP")
        said = one.payload_bytes and ((one.target == vip and one.target_port in (21, 80))
                                      or (one.source == vip and one.source_port == 21))
        if head:
            beyond = len(one.payload) - one.payload.find(b"\r\n\r\n") - 4 - _BODY_KEPT
            yield frame[:len(frame) - max(0, beyond)]
        elif said:
            yield frame
        elif one.flags & (SYN | FIN | RST):
            yield frame[:len(frame) - max(0, len(one.payload) - _BODY_KEPT)]
