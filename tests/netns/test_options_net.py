"""A rebuilt connection keeps what both sides agreed upon, and what its client holds beyond a hole counts.

Each case: a download over the kernel's own TCP, whose server dies after it has sent segments of which the
client misses some; takeover; the file, and one more request on the same connection. Needs root.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from options_rig import Case, Outcome, Sysctls, run

NO_SACK: Sysctls = {"tcp_sack": 0}
NO_SCALING: Sysctls = {"tcp_window_scaling": 0}
NO_STAMPS: Sysctls = {"tcp_timestamps": 0}
NOTHING: Sysctls = {**NO_SACK, **NO_SCALING, **NO_STAMPS}
EVERYTHING: Sysctls = dict.fromkeys(NOTHING, 1)
ECN: Sysctls = {"tcp_ecn": 1}
HEADERS = 40
FULL = 1500 - HEADERS
STAMP_BYTES = 12
MORE_THAN_AT_ONCE = 12 * FULL
"""A client that holds less is not stuck in any case: a kernel sends ten segments at once."""


def scales(size: str) -> Case:
    memory = {"tcp_rmem": f"4096 65535 {size}"}
    return Case(client=memory, server=memory)


def whole(case: Case, biggest: int = FULL) -> Outcome:
    """The file is there, and the options on the wire are those agreed upon. biggest: bytes in a segment."""
    found = run(case)
    print(case, found)
    assert found.right, found
    assert found.same_again
    asked = {**EVERYTHING, **case.server}
    stamps = {**asked, **case.client}["tcp_timestamps"] and asked["tcp_timestamps"] and not case.strip_stamps
    assert (found.stamped > 0, found.bare > 0) == (bool(stamps), not stamps)
    assert found.biggest == biggest - STAMP_BYTES * bool(stamps)
    assert found.window >= 32 << 10
    if stamps:
        assert found.ticks_per_s < 10_000, "its unit is a millisecond"
    if not case.to_the_end and not case.ftp:
        assert found.counted == 0, "else stall recovery repeats acknowledgements that are none"
        assert 0 <= found.next_s < 2, "a request of 1,600 bytes at 64 bytes a window takes 5 s"
    return found


@pytest.mark.parametrize("server", [
    pytest.param({}, id="all"), pytest.param(NOTHING, id="nothing", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "client", [{}, NO_SACK, NO_SCALING, NO_STAMPS, NOTHING],
    ids=["all", "no-sack", "no-scaling", "no-stamps", "nothing"],
)
def test_options_are_those_agreed_upon(client: Sysctls, server: Sysctls) -> None:
    """Whatever the taker's own kernel would offer."""
    taker = EVERYTHING if server else NOTHING
    found = whole(Case(client=client, server=server, taker=taker))
    assert found.held_bytes > MORE_THAN_AT_ONCE, "else this test shows nothing"
    assert found.sack == (not server and "tcp_sack" not in client)
    assert [scale >= 0 for scale in found.scales] == ["tcp_window_scaling" not in client,
                                                      not server and "tcp_window_scaling" not in client]


@pytest.mark.parametrize(
    ("sent", "dropped"),
    [
        pytest.param(31, (0,), id="one", marks=pytest.mark.long),
        pytest.param(60, (0, 1, 2, 30, 31, 59), id="some"),
        pytest.param(150, tuple(range(0, 150, 7)), id="many"),
        pytest.param(60, tuple(range(60)), id="all", marks=pytest.mark.long),
    ],
)  # fmt: skip
@pytest.mark.parametrize("client", [NO_SACK, NOTHING, {}], ids=["no-sack", "nothing", "all"])
def test_holes(client: Sysctls, sent: int, dropped: tuple[int, ...]) -> None:
    if client is NOTHING:
        sent = min(sent, 40)  # more has no room in a window that is not scaled
    found = whole(Case(client=client, sent=sent, dropped=dropped))
    assert found.took_s < 3, "0.2 to 0.8 s here; the kernel's own first timer without a round-trip time: 3 s"


@pytest.mark.parametrize("client", [{}, NO_SACK], ids=["all", "no-sack"])
def test_a_narrow_line_is_used_whatever_the_servers_congestion_control(client: Sysctls) -> None:
    """BBR goes on for long at the rate of a few segments a time-out, where these are all that it hears of."""
    allowed = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()
    usual = next((one for one in ("bbr", "cubic") if one in allowed), "reno")
    case = Case(client=client, taker={"tcp_congestion_control": usual}, sent=300, rate="20mbit")
    assert whole(case).congestion_control == ("reno" if client else usual)


@pytest.mark.parametrize("ftp", [False, True], ids=["http", "ftp"])
@pytest.mark.parametrize("client", [{}, NO_SACK], ids=["all", "no-sack"])
def test_the_end_is_beyond_the_hole(client: Sysctls, *, ftp: bool) -> None:
    """The client acknowledges the dead server's FIN with the last byte; an FTP session waits for that."""
    found = whole(Case(client=client, ftp=ftp, to_the_end=True))
    assert found.end == "closed"
    assert found.served


@pytest.mark.parametrize("client", [{}, NO_SACK], ids=["all", "no-sack"])
def test_an_answer_that_was_begun_untold_has_a_hole(client: Sysctls) -> None:
    whole(Case(client=client, untold=True))


@pytest.mark.parametrize(("size", "scale"), [("65535", 0), (str((1 << 31) - 1), 14)])
def test_window_scales(size: str, scale: int) -> None:
    """net.core.rmem_max counts, too, so 0 may not be had."""
    found = whole(scales(size))
    assert found.scales[0] == found.scales[1] >= scale


@pytest.mark.parametrize("stamp", [0x6000_0000, 0xFFFF_FE00], ids=["ahead", "before-the-wrap"])
def test_time_stamps_go_on_from_the_dead_servers(stamp: int) -> None:
    whole(Case(stamp=stamp))


def test_time_stamps_that_stop_on_the_way() -> None:
    whole(Case(strip_stamps=True, stamp=0x6000_0000))


@pytest.mark.parametrize("client", [{}, NO_SACK], ids=["all", "no-sack"])
def test_a_path_that_became_narrower(client: Sysctls) -> None:
    """ICMP "fragmentation needed" reaches the rebuilt connection (RFC 1191)."""
    whole(Case(client=client, mtu=1000), 1000 - HEADERS)


def test_a_client_of_small_segments() -> None:
    whole(Case(client_route="advmss 600", sent=60), 600)


def test_congestion_marks_end_with_the_dead_server() -> None:
    """Its client says ECE on and on (RFC 3168 section 6.1.3), and nobody answers: that harms nothing."""
    found = whole(Case(client=ECN, server=ECN, taker=ECN, congested=True))
    assert found.ecn_capable[0] > 100, "else this test shows nothing"
    assert found.ecn_capable[1] == 0


@pytest.mark.parametrize("size", [
    "65535", pytest.param("6291456", marks=pytest.mark.long), "33554432",
    pytest.param("2147483647", marks=pytest.mark.long)])
def test_what_the_kernel_offers_is_known_from_its_sysctls(size: str) -> None:
    """Until a SYN of it was seen, in the place of which this stands."""
    found = run(Case(client={"tcp_rmem": f"4096 65535 {size}"}, server={"tcp_rmem": f"4096 65535 {size}"}))
    assert found.offered == found.scales[1]
