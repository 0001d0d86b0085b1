"""What a record and a plan become for the kernel: options of both SYNs, window, and the clock."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from twinboot.kernel.tcp_repair import options_of, windows_of
from twinboot.takeover.host.rebuild import as_repaired
from twinboot.takeover.logic.plan import ClientPosition, Rebuild
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions

KEY = ConnectionKey(IPv4Address("192.0.2.9"), 40000, IPv4Address("192.0.2.253"), 80)
ALL = SynOptions(mss=1460, window_scale=7, sack=True, timestamps=True)
MSS, WINDOW, SACK, TIMESTAMP = 2, 3, 4, 8
"""Numbers of the options in a SYN (RFC 9293, RFC 7323, RFC 2018)."""


def rebuilt(
    client: SynOptions, server: SynOptions, position: ClientPosition
) -> tuple[dict[int, int], tuple[int, ...], int | None]:
    """Options by number, the window as it goes to the kernel, and the clock."""
    record = ConnectionRecord(KEY, ConnectionKind.HTTP, 1, 1, 1, client, server)
    one = as_repaired(record, Rebuild(0, position.ack, 0, (), position, close_after=True), b"")
    assert (one.local, one.remote) == (("192.0.2.253", 80), ("192.0.2.9", 40000))
    assert (one.send_next, one.receive_next) == (position.ack, 0)
    return dict(struct.iter_unpack("@II", options_of(one))), struct.unpack("@5I", windows_of(one)), one.clock


def test_what_both_offered_holds() -> None:
    position = ClientPosition(0, 50, 502, (11, 0xFFFFFFFF), ())
    options, window, clock = rebuilt(ALL, SynOptions(9000, 9, True, True), position)
    assert options == {MSS: 1460, WINDOW: 7 | 9 << 16, SACK: 0, TIMESTAMP: 0}
    assert window == (0xFFFFFFFF, 502 << 7, 502 << 7, 65535, 0)
    assert clock == 0, "what the client has last heard, and one more"


@pytest.mark.parametrize(
    "sides", [(ALL, SynOptions()), (SynOptions(mss=1460), ALL)], ids=["client", "server"]
)
def test_what_one_side_alone_offered_does_not(sides: tuple[SynOptions, SynOptions]) -> None:
    options, window, clock = rebuilt(*sides, ClientPosition(0, 50, 0, None, ()))
    assert options == {MSS: 1460}
    assert window == (0xFFFFFFFF, 0, 1, 65535, 0)
    assert clock is None
