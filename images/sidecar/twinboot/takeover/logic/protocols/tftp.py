"""Tracks the TFTP downloads of the addresses held here, for the peers to continue them (RFC 1350). Pure.

Seen are requests, OACKs, and of the client's acknowledgements those of blocks 0 and 1 and of each 128th
block. What a download's blocks are follows from request and OACK (tftp_options); a download of which that is
not certain is refused: counted, and not told to anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import islice

from ..file_facts import FileFacts
from .tftp_download import BLOCK_NUMBERS, LAST_NUMBER, Download
from .tftp_options import Refusal, Request, Terms, granted, parse_request
from .tftp_packets import ACK, OACK, PORT, RRQ, Datagram

SAMPLE_BLOCKS = 128
"""One acknowledgement in so many is captured; a power of two."""
MAX_DOWNLOADS = 1000
"""Downloads tracked at once, about one per booting machine; beyond that the oldest is dropped."""
MAX_PER_CLIENT = 16
"""A booting machine has one or two; a client that sends requests without end evicts only its own."""
MAX_OFFERS = 4
"""Ports that answered one request: a request that was repeated is answered from several."""
EXPIRE_AFTER_S = 900.0
"""For a download whose end was not noticed. With a 100 MB initrd over a slow link minutes pass between two
captured acknowledgements."""
BLIND_S = 3.0
"""Nothing looked at for so long: blocks may have gone by unseen, at BLOCKS_PER_S even a whole round."""
BLOCKS_PER_S = 16_000
"""No client is faster in lockstep: a round trip takes 60 us and more."""
FASTER_THAN_SEEN, MEASURE_S = 4, 0.5
"""So much faster than before, over MEASURE_S at least, a client may become: others on its link have ended."""

FileFactsOf = Callable[[bytes], FileFacts | None]
"""By path; None: no published file."""
Client = tuple[IPv4Address, int]
Key = tuple[Client, IPv4Address]
"""A client's address and port, and the server's address."""


@dataclass(slots=True)
class _Tracked:
    """A request, what the server's ports offered for it, and the download as it is now (None: not certain
    yet, or refused). told: what the peers know of `acknowledged`. fastest: blocks a second, 0: not known.
    mark: where the client was when that was measured last, and when."""

    request: Request | None
    facts: FileFacts
    seen_at: float
    offers: dict[int, Terms | Refusal] = field(default_factory=dict)
    download: Download | None = None
    refused: bool = False
    told: int = 0
    fastest: float = 0.0
    mark: tuple[int, float] | None = None

    def measure(self, block: int, now: float) -> None:
        """The client is at this block now."""
        if self.mark is None:
            self.mark = block, now
        elif now >= self.mark[1] + MEASURE_S:
            self.fastest = max(self.fastest, (block - self.mark[0]) / (now - self.mark[1]))
            self.mark = block, now

    @property
    def blocks_per_s(self) -> int:
        """How fast its client may be."""
        return min(BLOCKS_PER_S, round(FASTER_THAN_SEEN * self.fastest)) if self.fastest else BLOCKS_PER_S


class Downloads:
    """changes(): what is to be sent to the peers. refused: how many downloads are not followed, by reason."""

    def __init__(self, file_facts: FileFactsOf) -> None:
        self._file_facts = file_facts
        self._tracked: dict[Key, _Tracked] = {}
        self._by_client: dict[IPv4Address, dict[Key, None]] = {}
        self._announced: set[Key] = set()
        self._changed: dict[Key, None] = {}
        self._moved: dict[Key, None] = {}
        self._looked_at: float | None = None
        self.refused: Counter[str] = Counter()

    def observe(self, one: Datagram, addresses: set[IPv4Address], now: float) -> None:
        """Process a datagram to or from one of the held addresses."""
        self.look(now)
        if one.target in addresses and one.target_port == PORT and one.opcode == RRQ:
            self._begin(one, now)
        elif one.source in addresses and one.opcode == OACK:
            self._offered(((one.target, one.target_port), one.source), one, now)
        elif one.target in addresses and one.opcode == ACK:
            self._acknowledged(((one.source, one.source_port), one.target), one, now)

    def look(self, now: float) -> None:
        """Call each second: after a longer pause it is not known how often block numbers have begun anew."""
        if self._looked_at is not None and now > self._looked_at + BLIND_S:
            self._refuse_all("not-watched", rolling_over=True)
        self._looked_at = now

    @property
    def waiting(self) -> int:
        """How many changes are not reported yet, progress aside."""
        return len(self._changed)

    def changes(self, limit: int) -> Iterator[tuple[Client, IPv4Address, Download | None]]:
        """At most `limit` changes that were not reported yet, the oldest first; None: dropped."""
        yield from self._report(self._changed, limit)

    def progress(self, limit: int) -> Iterator[tuple[Client, IPv4Address, Download | None]]:
        """Likewise of downloads of which only the position has changed."""
        yield from self._report(self._moved, limit)

    def untold_blocks(self, address: IPv4Address) -> tuple[int, int] | None:
        """How many blocks the peers' knowledge of downloads of more than 65535 blocks is behind at most, and
        how many more it may be each second; None when there is no such download."""
        found = [(tracked.download.acknowledged - tracked.told, tracked.blocks_per_s)
                 for key, tracked in self._tracked.items()
                 if key[1] == address and tracked.download is not None and tracked.download.rolls_over]
        if not found:
            return None
        return max(behind for behind, _ in found) + SAMPLE_BLOCKS, max(speed for _, speed in found)

    def followed(self) -> Iterator[tuple[Client, IPv4Address, Download]]:
        for key, tracked in self._tracked.items():
            if tracked.download is not None:
                yield *key, tracked.download

    def seed(self, client: Client, address: IPv4Address, one: Download, now: float) -> None:
        """Track a download that was taken over here."""
        key = (client, address)
        self._forget(key)
        self._add(key, _Tracked(None, one.facts, now, download=one))
        self._changed[key] = None

    def expire(self, now: float) -> None:
        """Drop downloads of which nothing was captured for EXPIRE_AFTER_S."""
        for key in [key for key, one in self._tracked.items() if now >= one.seen_at + EXPIRE_AFTER_S]:
            self._forget(key)

    def ended(self, open_ports: set[int]) -> None:
        """Drop downloads whose port the server has closed. open_ports: UDP ports that are open now."""
        for key in [key for key, one in self._tracked.items() if one.download is not None
                    and one.download.confirmed and one.download.server_port not in open_ports]:
            self._forget(key)

    def release(self, address: IPv4Address) -> None:
        """Drop the downloads of an address that is not held here any more."""
        for key in [key for key in self._tracked if key[1] == address]:
            self._forget(key)

    def _begin(self, one: Datagram, now: float) -> None:
        key = ((one.source, one.source_port), one.target)
        self._forget(key)
        request = parse_request(one.payload)
        if request is None or request.mode != b"octet":
            return  # netascii changes the bytes, and with them what a block holds
        facts = self._file_facts(request.path)
        if facts is None:
            return
        others = self._by_client.get(one.source, {})
        while len(others) >= MAX_PER_CLIENT:
            self._forget(next(iter(others)))
        tracked = _Tracked(request, facts, now)
        self._add(key, tracked)
        if not request.options and not request.twice:
            tracked.download = self._download(tracked, Terms(), 0)
            self._changed[key] = None

    def _offered(self, key: Key, one: Datagram, now: float) -> None:
        """The server's OACK. Only what the client goes on with counts: it acknowledges one port's."""
        tracked = self._tracked.get(key)
        if tracked is None or tracked.request is None or one.source_port in tracked.offers:
            return
        if len(tracked.offers) >= MAX_OFFERS:
            return
        tracked.seen_at = now
        offer = tracked.offers[one.source_port] = granted(tracked.request, one.payload, tracked.facts.size)
        if tracked.refused or (tracked.download is not None and tracked.download.confirmed):
            return
        if isinstance(offer, Refusal):
            tracked.download = None
            self._tell_change(key)
        else:
            tracked.download = self._download(tracked, offer, one.source_port)
            self._changed[key] = None

    def _acknowledged(self, key: Key, one: Datagram, now: float) -> None:
        tracked = self._tracked.get(key)
        if tracked is None or tracked.refused:
            return
        tracked.seen_at = now
        known = tracked.download
        if known is None or not known.confirmed:
            known = self._confirm(key, tracked, one)
        elif known.server_port != one.target_port:
            self._refuse(key, "another-port")  # the request of this transfer was not captured
            return
        if known is not None:
            self._move(key, tracked, known, one.block_number, now)

    def _confirm(self, key: Key, tracked: _Tracked, one: Datagram) -> Download | None:
        """The client's first acknowledgement says which of the server's ports it goes on with."""
        offer = self._offer_of(tracked, one)
        if isinstance(offer, Refusal):
            self._refuse(key, offer.reason)
            return None
        tracked.download = replace(self._download(tracked, offer, one.target_port), confirmed=True)
        self._changed[key] = None
        return tracked.download

    @staticmethod
    def _offer_of(tracked: _Tracked, one: Datagram) -> Terms | Refusal:
        if tracked.request is None:
            return Refusal("not-watched")  # told before this takeover process began
        if one.target_port in tracked.offers:
            return tracked.offers[one.target_port]
        if tracked.request.options or not one.block_number:
            return Refusal("no-agreement")  # an OACK was not captured, or none of what was asked is granted
        return Terms()

    def _move(self, key: Key, tracked: _Tracked, known: Download, number: int, now: float) -> None:
        block = known.following(number, known.acknowledged)
        if block is None or block >= known.acknowledged + BLOCK_NUMBERS // 2 or block == known.acknowledged:
            return  # an older one, seen late, or repeated
        if known.acknowledged <= LAST_NUMBER < block and number and known.terms.rollover is None:
            self._refuse(key, "rollover")  # block 65536 has another number than 0 here, or was not captured
            return
        tracked.download = known.at(block)
        tracked.measure(block, now)
        self._moved[key] = None

    def _download(self, tracked: _Tracked, terms: Terms, port: int) -> Download:
        assert tracked.request is not None
        size, version, content = tracked.facts
        return Download(tracked.request.path, size, version, terms, server_port=port,
                        counts_on=b"timeout" in tracked.request.options, content=content)

    def _add(self, key: Key, tracked: _Tracked) -> None:
        self._tracked[key] = tracked
        self._by_client.setdefault(key[0][0], {})[key] = None
        while len(self._tracked) > MAX_DOWNLOADS:
            self._forget(next(iter(self._tracked)))

    def _refuse(self, key: Key, reason: str) -> None:
        tracked = self._tracked[key]
        tracked.download, tracked.refused = None, True
        self.refused[reason] += 1
        self._tell_change(key)

    def _refuse_all(self, reason: str, *, rolling_over: bool) -> None:
        for key, tracked in self._tracked.items():
            if tracked.download is not None and tracked.download.rolls_over >= rolling_over:
                self._refuse(key, reason)

    def _forget(self, key: Key) -> None:
        if self._tracked.pop(key, None) is None:
            return
        of = self._by_client[key[0][0]]
        del of[key]
        if not of:
            del self._by_client[key[0][0]]
        self._tell_change(key)

    def _tell_change(self, key: Key) -> None:
        """The download is none any more."""
        self._moved.pop(key, None)
        if key in self._announced:
            self._changed[key] = None
        else:
            self._changed.pop(key, None)  # never reported, so there is nothing to withdraw

    def _report(
        self, queue: dict[Key, None], limit: int
    ) -> Iterator[tuple[Client, IPv4Address, Download | None]]:
        for key in list(islice(queue, limit)):
            del queue[key]
            self._moved.pop(key, None)
            tracked = self._tracked.get(key)
            one = tracked.download if tracked is not None else None
            if tracked is None or one is None:
                self._announced.discard(key)
            else:
                self._announced.add(key)
                tracked.told = one.acknowledged
            yield *key, one
