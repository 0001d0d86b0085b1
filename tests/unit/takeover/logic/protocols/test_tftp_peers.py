"""What peers have told of downloads, and how far a client may be beyond it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.protocols.tftp import MAX_DOWNLOADS
from twinboot.takeover.logic.protocols.tftp_download import Download, encode
from twinboot.takeover.logic.protocols.tftp_peers import (
    WATCH_VALID_S,
    PeerDownloads,
    Watch,
    decode_watch,
    encode_watch,
    watch_key,
)
from twinboot.takeover.logic.record import ConnectionKey

ADDRESS, OTHER = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.254")
CLIENT = IPv4Address("192.168.0.129")


def key(port: int, address: IPv4Address = ADDRESS) -> ConnectionKey:
    return ConnectionKey(CLIENT, port, address, 69)


def watch(peers: PeerDownloads, name: str, untold: int, at_s: float, now: float) -> None:
    peers.store(name, watch_key(ADDRESS), encode_watch(Watch(untold, at_s, 1000)), now)


def test_the_holders_are_used_the_last_heard_of_first() -> None:
    peers = PeerDownloads()
    for port in (1, 2, 3):
        peers.store("server1", key(port), encode(Download(b"f", 9, port)), 0)
    peers.store("server1", key(1), encode(Download(b"f", 9, 4)), 0)
    peers.store("server1", key(9, OTHER), encode(Download(b"f", 9, 9)), 0)
    peers.store("server2", key(7), encode(Download(b"f", 9, 7)), 0)
    assert [one.download.version for one in peers.of(ADDRESS, "server1", 1)] == [4, 3, 2]
    assert {one.download.version for one in peers.of(ADDRESS, "", 1)} == {2, 3, 4, 7}
    peers.store("server1", key(2), None, 0)
    assert [one.client[1] for one in peers.of(ADDRESS, "server1", 1)] == [1, 3]
    assert peers.of(ADDRESS, "", 1, own=True) == []
    peers.forget("server1")
    assert [one.client[1] for one in peers.of(ADDRESS, "server1", 1)] == [7]


def test_memory_is_bounded() -> None:
    peers = PeerDownloads()
    for port in range(MAX_DOWNLOADS + 5):
        peers.store("server1", key(port), encode(Download(b"f", 9, 1)), 0)
    assert len(peers.of(ADDRESS, "server1", 1)) == MAX_DOWNLOADS


def test_how_far_a_client_may_be_follows_from_the_last_watch() -> None:
    peers = PeerDownloads()
    peers.store("server1", key(1), encode(Download(b"f", 9, 1)), 0)

    def reach(now: float) -> int | None:
        return peers.of(ADDRESS, "server1", now)[0].reach

    assert reach(1) is None
    watch(peers, "server1", 200, 77.0, now=1)
    assert reach(1) is None, "it may be an old one, told to a new process"
    watch(peers, "server1", 200, 77.0, now=2)
    assert reach(2) is None
    watch(peers, "server1", 300, 78.0, now=3)
    assert [reach(3), reach(4.5), reach(3.1 + WATCH_VALID_S)] == [300, 1800, None]
    peers.store("server1", watch_key(ADDRESS), None, 5)
    assert reach(5) is None


def test_our_own_process_before_this_one_has_the_same_clock() -> None:
    peers = PeerDownloads()
    peers.store("", key(1), encode(Download(b"f", 9, 1)), 50)
    watch(peers, "", 128, 48.0, now=50)
    assert peers.of(ADDRESS, "", 50, own=True)[0].reach == 2128


def test_a_watch_is_none_of_the_downloads_and_the_other_way_round() -> None:
    """The release before takes it for a download, and does not read it."""
    raw = encode_watch(Watch(5, 7.25, 9000))
    assert decode_watch(raw) == Watch(5, 7.25, 9000)
    assert raw[0] not in (2, 3)
    for bad in (b"", raw[:-1], encode(Download(b"f", 9, 1)), raw[:1]):
        with pytest.raises(ValueError, match=r"watch|section"):
            decode_watch(bad)
