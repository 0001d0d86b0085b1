"""Every connection of the install services on this server's virtual addresses: segments in, records out.

Owns what is learned; the table and its bounds are entries.py's. One segment costs the same however many
connections there are. What it is shown is little: handshakes, ends, what clients send, and the beginnings
of responses (the filter of the packet socket keeps bulk data away).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from .connection_table import LIMIT, Entry, Table, record_of, resume
from .file_snapshot import Looking
from .protocols.ftp import Channel, Form, FtpTracker, Session, Transfer
from .protocols.http import HttpTracker
from .record import FileFacts, Key, Kind, Offer, Record
from .tcp import seq as sequence
from .tcp.reassembly import Stream
from .tcp.segment import ACK, FIN, RST, SYN, Segment

FTP_PORT = 21
HTTP_PORT = 80
PROGRESS_STEP = 512 << 20
WAITING_LIMIT = 16 << 20
"""Bytes of all requests that wait for their answers. Of more, those of whoever asks most are given up."""
USUAL_MSS, USUAL_SCALE = 1460, 7
"""Of Linux on Ethernet, until a SYN of this server's was seen."""


class Tracker:
    """Follows the connections to `addresses`, which its owner sets to those held here."""

    def __init__(self, look: Callable[[bytes], FileFacts | None], limit: int = LIMIT, *,
                 look_at_listing: Callable[[bytes, Form], FileFacts | None] = lambda _path, _form: None
                 ) -> None:
        """look, look_at_listing: see looking.py."""
        self._looking = Looking(look, look_at_listing)
        self.addresses: set[IPv4Address] = set()
        self._limit = limit
        self._entries = Table(limit)
        self._expected: OrderedDict[tuple[IPv4Address, IPv4Address, int, bool], Key] = OrderedDict()
        self._usual = Offer(USUAL_MSS, USUAL_SCALE, sack=True, timestamps=True)
        """What this server offers to a client that offers all."""
        self._changed: dict[Key, None] = {}
        self._silent: dict[Key, None] = {}
        """Changed too, but nothing has been said on them yet: they can wait (a flood of SYNs is such)."""
        self.woken: Callable[[], None] = lambda: None
        """Called when there is a change that no segment has brought."""

    @property
    def forgotten(self) -> int:
        """Connections left out because there were too many."""
        return self._entries.forgotten

    # In -----------------------------------------------------------------------------------------

    def segment(self, one: Segment) -> None:
        """Take in a captured segment, of either direction."""
        if one.target in self.addresses:
            self._from_client(Key.of_client(one), one)
        elif one.source in self.addresses:
            self._from_server(Key(one.target, one.target_port, one.source, one.source_port), one)

    def seed(self, record: Record, begins: tuple[int, int] | None = None) -> None:
        """Go on following a connection that was taken over from another server; begins: see begins()."""
        entry = Entry(
            record.key, record.kind, record.client_start, record.server_start, record.client_offer,
            record.server_offer, Stream(record.client_next), control=record.control,
            server_closed=record.server_closed, known=record.known, progress=record.progress, rebuilt=begins,
        )
        resume(entry, record)
        entry.spoken = True
        self._put(entry)
        self._expect(entry)
        self.woken()

    def learned(self, control: Key, port: int) -> None:
        """The passive port of a session that was seeded without it."""
        entry = self._entries.get(control)
        if entry is not None and entry.ftp is not None:
            entry.ftp.session = replace(entry.ftp.session, channel=Channel.PASSIVE, data_port=port)
            self._expect(entry)
            self._note(control)
            self.woken()

    def drop(self, key: Key) -> None:
        """The connection is over."""
        if self._entries.pop(key) is not None:
            self._note(key, urgent=False)

    def release(self, address: IPv4Address) -> list[Key]:
        """The address is gone: follow its connections no more. They are not reported as changes."""
        gone = [key for key in self._entries if key.server == address]
        for key in gone:
            self._entries.pop(key)
            self._changed.pop(key, None)
            self._silent.pop(key, None)
        return gone

    def retain(self, alive: Mapping[Key, int]) -> None:
        """Compare with the kernel's own list: forget what is gone, note what was never seen to begin.

        The latter can only be reset, but a peer must know of it for that. What is missing once may just
        be shaking hands; what is missing twice is gone. alive: how many bytes the client has
        acknowledged, by connection; -1: all, and it has yet to close.
        """
        for key in [key for key in self._entries if key not in alive]:
            entry = self._entries.get(key)
            if entry is not None and entry.missed:
                self.drop(key)
            elif entry is not None:
                entry.missed = True
        for key in [key for key, acked in alive.items() if acked >= 0]:
            # What this server says to itself on its own address (adopter to HTTP service) is no client's.
            if key not in self._entries and key.server in self.addresses and key.client not in self.addresses:
                kind = _kind(key.server_port) or Kind.FTP_DATA
                self._put(Entry(key, kind, server_start=0, known=False, spoken=True))
        for key, progress in alive.items():
            entry = self._entries.get(key)
            if entry is None or entry.over:
                continue
            entry.missed = False
            if progress >= entry.progress + PROGRESS_STEP:
                entry.progress = progress
                self._note(key)
        self._save_memory()

    def _save_memory(self) -> None:
        found = [(entry.http.waiting_bytes, key, entry.http) for key in self._entries
                 if (entry := self._entries.get(key)) is not None and entry.http is not None]
        left = sum(size for size, _key, _http in found) - WAITING_LIMIT
        for size, key, http in sorted(found, key=lambda one: -one[0]) if left > 0 else ():
            http.give_up()
            self._note(key)
            left -= size
            if left <= 0:
                break

    def said(self, key: Key, seq: int, data: bytes) -> None:
        """What the dead server said by HTTP from there on, as this one says it too."""
        entry = self._entries.get(key)
        if entry is not None and entry.http is not None and data:
            entry.http.from_server(seq, data, entry.wanted)
            self._looking.at(entry)
            self._note(key)
            self.woken()

    # Out ----------------------------------------------------------------------------------------

    def changes(self, most: int | None = None) -> list[tuple[Key, Record | None]]:
        """What changed since the last call, the urgent ones first; None: the connection is over."""
        found: list[tuple[Key, Record | None]] = []
        for waiting in (self._changed, self._silent):
            while waiting and (most is None or len(found) < most):
                key = next(iter(waiting))
                del waiting[key]
                found.append((key, self.record(key)))
        return found

    @property
    def urgent(self) -> int:
        """How many changes wait whose loss would cost a client its connection."""
        return len(self._changed)

    @property
    def waiting(self) -> int:
        """How many changes wait in all."""
        return len(self._changed) + len(self._silent)

    def counts(self) -> dict[Kind, int]:
        """How many connections of each kind are followed."""
        found = dict.fromkeys(Kind, 0)
        for key in self._entries:
            entry = self._entries.get(key)
            if entry is not None and entry.server_start is not None and not entry.over:
                found[entry.kind] += 1
        return found

    def begins(self, key: Key) -> tuple[int, int] | None:
        """Sequence numbers of client and server from which this kernel counts the connection's bytes."""
        entry = self._entries.get(key)
        if entry is None or entry.server_start is None:
            return None
        return entry.rebuilt or (entry.client_start, entry.server_start)

    def record(self, key: Key) -> Record | None:
        entry = self._entries.get(key)
        return record_of(entry) if entry is not None and not entry.over else None

    def records(self) -> Iterable[Record]:
        for key in self._entries:
            record = self.record(key)
            if record is not None:
                yield record

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    # Inside -------------------------------------------------------------------------------------

    def _from_client(self, key: Key, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._client_syn(key, one)
            return
        entry = self._entries.get(key)
        if entry is None or entry.over:
            return
        if entry.client is not None and one.payload_bytes:
            if entry.http is not None:
                entry.http.acknowledged(one.ack)
                entry.http.from_client(one.seq, one.payload, one.payload_bytes)
            elif entry.ftp is not None:
                entry.ftp.from_client(one.seq, one.payload, one.payload_bytes)
            self._looking.at(entry)
            self._spoke(entry)
        if one.flags & FIN:
            # The kernel has it for a moment more: it must not be taken for one never seen.
            entry.over = True
            self._note(key, urgent=False)
            self._taken(entry)

    def _taken(self, data: Entry) -> None:
        """A data connection was closed by its client: its session's final reply may be all that is due."""
        self._amend(data, lambda _session, transfer: replace(transfer, taken=True))

    def _sent(self, entry: Entry, one: Segment) -> None:
        """The server has said all: so it is known how much that was."""
        if entry.server_start is None:
            return
        size = sequence.unwrap(entry.server_start, one.next_seq, entry.progress) - 1
        entry.progress = max(entry.progress, size)
        if entry.kind is Kind.FTP_DATA and not entry.over:
            self._amend(entry, lambda session, transfer: self._looking.ended(session, transfer, size))

    def _amend(self, data: Entry, change: Callable[[Session, Transfer], Transfer]) -> None:
        """What is told of the transfer that a data connection is for."""
        entry = self._entries.get(data.control) if data.control is not None else None
        session = entry.ftp.session if entry is not None and entry.ftp is not None else None
        if entry is None or entry.ftp is None or session is None or session.transfer is None:
            return
        entry.ftp.session = replace(session, transfer=change(session, session.transfer))
        self._note(entry.key)

    def _client_syn(self, key: Key, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        if one.flags & ACK:  # its answer to a data connection that the server opens
            entry = self._entries.get(key)
            if entry is not None:
                entry.client_start, entry.client_offer = start, Offer.of(one.options)
                entry.client = Stream(start)
                self._note(key)
            return
        kind = _kind(key.server_port)
        control: Key | None = None
        if kind is None:
            control = self._expected.get((key.client, key.server, key.server_port, False))
            if control is None:
                return
            kind = Kind.FTP_DATA
        old = self._entries.get(key)
        if old is not None and old.client_start == start and old.known:
            return  # the same SYN again
        self._put(Entry(key, kind, start, client_offer=Offer.of(one.options), server_offer=self._usual,
                        client=Stream(start), control=control, spoken=kind is Kind.FTP_DATA))

    def _from_server(self, key: Key, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._server_syn(key, one)
            return
        entry = self._entries.get(key)
        if entry is None:
            return
        if one.payload_bytes:
            if entry.http is not None:
                entry.http.from_server(one.seq, one.payload, entry.wanted)
            elif entry.ftp is not None:
                entry.ftp.from_server(one.seq, one.payload, one.payload_bytes)
                self._expect(entry)
            self._looking.at(entry)
            self._spoke(entry)
        if one.flags & FIN and not entry.server_closed:
            entry.server_closed = True
            self._sent(entry, one)
            self._note(key)

    def _server_syn(self, key: Key, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        entry = self._entries.get(key)
        if not one.flags & ACK:
            control = self._expected.get((key.client, key.server, key.client_port, True))
            if control is None or (entry is not None and entry.server_start == start):
                return
            entry = Entry(key, Kind.FTP_DATA, control=control, spoken=True)
            self._put(entry)
        if entry is None or (entry.server_start is not None and entry.server_start == start):
            return
        entry.server_start, entry.server_offer = start, Offer.of(one.options)
        self._usual = replace(self._usual, window_scale=max(entry.server_offer.window_scale,
                                                            self._usual.window_scale))
        if entry.kind is Kind.HTTP:
            entry.http = HttpTracker(Stream(entry.client_start), start)
        elif entry.kind is Kind.FTP_CONTROL:
            entry.ftp = FtpTracker(Stream(entry.client_start), Stream(start))
        self._note(key, urgent=entry.spoken)

    def _expect(self, entry: Entry) -> None:
        """A data connection that this session has agreed upon may come now."""
        session = entry.ftp.session if entry.ftp is not None else None
        if session is None or session.channel is Channel.NONE:
            return
        active = session.channel is Channel.ACTIVE
        place = (entry.key.client, entry.key.server, session.data_port, active)
        self._expected.pop(place, None)
        self._expected[place] = entry.key
        while len(self._expected) > self._limit:
            self._expected.popitem(last=False)

    def _spoke(self, entry: Entry) -> None:
        """Somebody has said something: there is a client, not only its address."""
        if not entry.spoken:
            entry.spoken = True
            self._put(entry)
        self._note(entry.key)

    def _note(self, key: Key, *, urgent: bool = True) -> None:
        if urgent:
            self._silent.pop(key, None)
            self._changed[key] = None
        elif key not in self._changed:
            self._silent[key] = None

    def _put(self, entry: Entry) -> None:
        for key in self._entries.put(entry):
            self._note(key, urgent=False)
        self._note(entry.key, urgent=entry.spoken)


def _kind(port: int) -> Kind | None:
    return {FTP_PORT: Kind.FTP_CONTROL, HTTP_PORT: Kind.HTTP}.get(port)
