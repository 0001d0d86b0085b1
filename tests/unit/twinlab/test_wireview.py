"""What a client's capture tells: silences and resets, on made-up captures."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest
from twinlab.inside.wireview import FIN, RST, SYN, Segment, resets, segments, silence

SERVER, CLIENT = "192.168.0.253", "192.168.0.64"
ACK = 16


def packet(time: float, source: str, ports: tuple[int, int], flags: int = ACK, payload: int = 0) -> bytes:
    """A record of a capture, cut after 96 bytes as tcpdump -s 96 does."""
    tcp = struct.pack("!HHIIBBHHH", *ports, 1, 1, 8 << 4, flags, 500, 0, 0) + bytes(12)
    target = CLIENT if source == SERVER else SERVER
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + payload, 0, 0, 64, 6, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    frame = bytes(12) + b"\x08\x00" + head + tcp + bytes(payload)
    kept = frame[:96]
    part = round((time % 1) * 1e6)
    return struct.pack("<IIII", int(time), part, len(kept), len(frame)) + kept


def capture(*packets: bytes) -> bytes:
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 96, 1) + b"".join(packets)


def seen(*packets: bytes) -> list[Segment]:
    return list(segments(capture(*packets), socket.inet_aton(SERVER)))


def data(time: float, size: int = 1448) -> bytes:
    return packet(time, SERVER, (80, 40000), payload=size)


def test_payload_is_counted_though_the_packet_was_cut() -> None:
    assert [one.payload for one in seen(data(1.0), packet(1.1, CLIENT, (40000, 80)))] == [1448, 0]


def test_a_reset_is_seen_and_other_hosts_are_not() -> None:
    foreign = packet(1.0, "192.168.0.9", (80, 40000), RST).replace(
        socket.inet_aton(SERVER), socket.inet_aton("192.168.0.10"))
    found = seen(foreign, packet(1.0, SERVER, (80, 40000), RST))
    assert [one.flags & RST for one in found] == [RST]


def test_a_capture_that_ends_in_a_packet_gives_what_came_before() -> None:
    raw = capture(data(1.0), data(1.1))
    assert len(list(segments(raw[:-5], socket.inet_aton(SERVER)))) == 1


@pytest.mark.parametrize(
    ("times", "after", "expected"),
    [
        ([1.0, 1.1, 2.3, 2.4], 1.15, 1.15),  # from the fault on, not from the last byte before it
        ([1.0, 1.1, 1.2, 2.4], 1.15, 1.2),  # what was queued still came
        ([1.0, 1.1], 1.2, None),  # nothing came any more
        ([1.0, 9.0, 9.1], 8.9, 0.1),  # an earlier pause is none of the fault's
        ([], 1.0, None),
    ],
)
def test_silence(times: list[float], after: float, expected: float | None) -> None:
    found = silence(seen(*(data(time) for time in times)), after, False)
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_ftp_control_connection_says_no_data() -> None:
    found = seen(data(1.0), packet(2.0, SERVER, (21, 40000), payload=20), data(3.0))
    assert silence(found, 0.9, False) == pytest.approx(2.0)


def test_a_pause_of_the_clients_own_is_no_silence() -> None:
    asked = packet(3.0, CLIENT, (40000, 80), payload=70)
    again = packet(3.4, CLIENT, (40000, 80), payload=70)
    found = seen(data(1.0), asked, again, data(4.0), data(4.1))
    assert silence(found, 0.9, True) == pytest.approx(1.0)
    assert silence(found, 0.9, False) == pytest.approx(3.0)
    fresh = seen(data(1.0), packet(3.0, CLIENT, (40001, 80), SYN), data(3.2))
    assert silence(fresh, 0.9, True) == pytest.approx(0.2)


def test_a_goodbye_is_no_word_that_waits_for_data() -> None:
    def said(text: bytes) -> bytes:
        raw = packet(3.0, CLIENT, (40000, 21), payload=len(text))
        return raw[:-len(text)] + text

    assert silence(seen(data(1.0), said(b"QUIT\r\n"), packet(8.0, CLIENT, (40002, 21), SYN), data(9.0)),
                   0.9, True) == pytest.approx(1.0)
    assert silence(seen(data(1.0), said(b"PASV\r\n"), data(9.0)), 0.9, True) == pytest.approx(6.0)


def test_a_silence_that_begins_later_is_anothers() -> None:
    found = seen(*(data(time) for time in (1.0, 1.5, 5.0)))
    assert silence(found, 0.9, False, until=1.2) == pytest.approx(0.5)


def test_each_reset_with_its_connection_and_who_had_ended_it() -> None:
    found = seen(
        packet(1.0, CLIENT, (40000, 80), SYN), packet(1.1, SERVER, (80, 40000), RST),
        packet(2.0, CLIENT, (40001, 21), FIN | ACK), packet(2.1, SERVER, (21, 40001), RST),
        packet(3.0, CLIENT, (40001, 21), SYN), packet(3.1, SERVER, (21, 40001), RST),
        packet(4.0, CLIENT, (40001, 21), RST),
    )
    assert resets(found) == [
        (pytest.approx(1.1), 80, 40000, False), (pytest.approx(2.1), 21, 40001, True),
        (pytest.approx(3.1), 21, 40001, False),
    ]


def test_it_runs_on_its_own() -> None:
    text = (Path(__file__).parents[3] / "scripts/twinlab/inside/wireview.py").read_text()
    assert "twinlab" not in text


def test_of_tftp_the_blocks_are_data_and_the_request_asks() -> None:
    def datagram(time: float, source: str, ports: tuple[int, int], payload: int) -> bytes:
        raw = packet(time, source, ports, payload=payload)
        udp = struct.pack("!HHHH", *ports, 8 + payload, 0) + bytes(payload)
        head = bytearray(raw[30:50])
        head[2:4], head[9] = struct.pack("!H", 28 + payload), 17
        frame = (raw[16:30] + bytes(head) + udp)[:96]
        return raw[:8] + struct.pack("<II", len(frame), 42 + payload) + frame

    found = seen(datagram(1.0, CLIENT, (2070, 69), 60), datagram(2.0, SERVER, (40000, 2070), 516),
                 datagram(2.1, CLIENT, (2070, 40000), 4), datagram(3.0, SERVER, (40000, 2070), 516))
    assert [one.payload for one in found] == [56, 512, 0, 512]
    assert [one.is_request for one in found] == [True, False, False, False]
    assert silence(found, 0.5, True) == pytest.approx(1.0)
