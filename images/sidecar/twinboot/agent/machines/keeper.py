"""The table of machines, its disk, its peers and its links, joined. What is decided is machines.table's.

Every change of a record is told to the peers at once, written to the disk by a thread, and shown to boot
loaders by the links. A server that has just started steers every host to its disk until it has read its own
disk and heard all that its live peers know.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from twinboot.adapters.steer_links import LOCAL, QUEUE, Way
from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines import facts as machine_facts
from twinboot.machines.by_load.least_work import Rules
from twinboot.machines.durability import DurabilityMark, is_durable
from twinboot.machines.facts import Facts
from twinboot.machines.observing import asked_by, is_boot_file, step_of
from twinboot.machines.record import Order, Record, Step, decode, encode
from twinboot.machines.table import MAX_RECORDS, MachineTable
from twinboot.replication.node import RowChange, TableReset

from .disk import Disk, Links, Store
from .fetches import Fetches
from .figures import Figures
from .sharing import LoadSharing, Replicator
from .standing import Standing, StateChange
from .steering import LOOK_S, Steering

log = logging.getLogger(__name__)

TABLE = "machines"
MAX_ROWS = MAX_RECORDS
READY_EVERY_S = 0.1
ALONE_S = 8.0
"""A server that hears nobody for so long after its start knows all that can be known."""
UNHEARD_S = 10.0
"""A live peer that has not acknowledged anything of the table for so long does not know it: it is of an older
release, and is waited for no more."""
KEPT_S = 5.0
SPREAD_S = 0.05


class MachineKeeper:
    """live_peers: names of the peers that are alive. holders: server by group, of those that are held. sent:
    octets that this server has sent to its LAN. Build it in the running loop."""

    def __init__(
        self, server: str, replicator: Replicator, store: Store, links: Links, *,
        now: Callable[[], float], live_peers: Callable[[], list[str]],
        holders: Callable[[], Mapping[str, str]] = dict, sent: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.table = MachineTable(server, now)
        self.standing = Standing(server, self.table, lambda *news: self.came_to(*news))
        self.sharing = LoadSharing(
            server, self.table, replicator, now=now, holders=holders, sent=sent, told=self._is_told)
        self._steering = Steering(
            way=self._way, owes=self._owes, head=lambda: replicator.head(TABLE), told=self._is_told, now=now)
        self.fetches = Fetches(server, replicator)
        self.disk = Disk(store, links, self._steering, self._took)
        self._replicator, self._now, self._live_peers = replicator, now, live_peers
        self._loop = asyncio.get_running_loop()
        self._started = now()
        self._unheard_since: dict[str, float] = {}
        self.came_to: Callable[[str, str, Record], None] = lambda _name, _state, _record: None
        """Called with each new state of a machine, those that the disk tells of at the start among them."""
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        replicator.subscribe(TABLE, self._peer_changed)

    def start(self, path: Path) -> None:
        """path: of the rendered facts."""
        self.set_facts(*facts_at(path))
        self.disk.start()
        self._timer = self._loop.call_later(READY_EVERY_S, self._look)

    def close(self) -> None:
        self.spread()
        for timer in (self._timer, self._soon):
            if timer is not None:
                timer.cancel()
        self.disk.close()

    def set_facts(self, hosts: Mapping[str, Facts] | None, rules: Rules | None = None) -> None:
        """The hosts of the site that is rendered now, and how they are shared, as facts_at() has read them.
        On the loop."""
        if hosts is None:
            return
        self.table.set_facts(hosts)
        self.sharing.set_rules(rules)
        self.spread()
        self._steer(hosts)
        self.disk.keep_only(hosts)

    # What others ask for ------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        return self.table.ready

    def hear_boot(
        self, mac: str, uuid: str = "", firmware: str = "", *, sure: bool = False
    ) -> bool:
        """A machine's firmware has asked for a boot file. firmware, sure: as firmware.booted_as() has them.
        False: it is no host of the site."""
        name = self.table.host_of_mac(mac) or self.table.host_of_uuid(uuid)
        if name is None:
            return False
        self.table.hear_as(name, firmware, sure=sure)
        self._hear(name, Step.LOADER)
        return True

    def waits_at(self, address: str) -> bool:
        """Does it matter what is fetched at this address? It does of a host that waits for its install to
        begin; and of one that has to ask for a group, at whatever address."""
        name = self.table.host_at(address)
        if name is None:
            return self.sharing.rules is not None
        return self.table.waits(name) or self.sharing.needs_to_ask(name)

    def hear_fetch(self, address: str, path: str) -> None:
        """A machine at this address fetches a file."""
        name = self.table.host_at(address) or asked_by(path)
        if name not in self.table.facts:
            return
        self.fetches.note(name, path)
        step = step_of(path, self.table.facts[name].kernels)
        if step is not None and (is_boot_file(path) or not self.table.of(name).begun):
            self._hear(name, step)

    def spread_soon(self) -> None:
        """spread(), of what many machines say many times a second, and nobody waits for."""
        if self._later is None:
            self._later = self._loop.call_later(SPREAD_S, self.spread)

    def spread(self) -> None:
        """Tell peers, disk and boot loaders what has changed in the table."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        while changed := self.table.take_changed():
            self.sharing.note(changed)
            for name in changed:
                data = encode(self.table.records[name])
                self._replicator.put(TABLE, name.encode(), data)
                self.disk.put(name, data)
                self.standing.note(name)
                if name in self.table.facts:
                    self._steer([name])
            self.sharing.look(self._replicator.head(TABLE))
        self._look_soon()
        self.disk.write()

    async def kept(self) -> bool:
        """Wait until all that the table holds now is on our disk and at every live peer; False: not yet."""
        owed = DurabilityMark(self.disk.puts, self._replicator.head(TABLE))
        end = self._now() + KEPT_S
        self._replicator.hurry(TABLE)
        with self.disk.promised():
            while not self._is_kept(owed):
                if self._now() >= end:
                    return False
                await asyncio.sleep(LOOK_S)
        return True

    def state_history(self, name: str) -> list[StateChange]:
        """What has become of a machine since this server's sidecar began, as far as is remembered."""
        return self.standing.state_history(name)

    def silent_s(self, name: str) -> float:
        """For how long no server has heard anything new of a machine, as far as this one knows."""
        return self.table.silent_s(name)

    def figures(self, unknown: int) -> Figures:
        """For the metrics, every second. unknown: machines without an entry."""
        return self.standing.figures(unknown)

    def alarm_conditions(self, server: str) -> list[Condition]:
        """The alarm conditions of this server's disk, and of machines that need somebody."""
        why = f"no install can begin or end here: {self.disk.fault}"
        disk = [kinds.MACHINES_NOT_KEPT.on(server, why)] if self.disk.fault else []
        return [*disk, *self.standing.alarm_conditions(server)]

    # On the loop --------------------------------------------------------------------------------

    def _hear(self, name: str, step: Step) -> None:
        """A machine of the site is that far, or is there again."""
        self.table.observe(name, step, time.time())
        if step is Step.LOADER:
            self.sharing.ask(name)
        self.spread()

    def _peer_changed(self, news: TableReset | RowChange) -> None:
        """Merges a peer's change; removed rows change nothing here."""
        if isinstance(news, TableReset) or news.value is None:
            return
        try:
            name, told = news.key.decode(), decode(news.value)
        except ValueError as exc:
            log_event(log, LogLevel.WARNING, "machine-record-refused", peer=news.peer, reason=str(exc))
            return
        known = self.table.records.get(name)
        if not self.table.merge(name, told):
            return
        if known is not None and known.same_but_how_far(self.table.records[name]):
            self.spread_soon()
        else:
            self.spread()

    def _look(self) -> None:
        """Is all known that can be known? Does a peer not know the table? Is something left to be written?"""
        now = self._now()
        unheard = self._replicator.unheard(TABLE)
        self._unheard_since = {peer: self._unheard_since.get(peer, now) for peer in unheard}
        if not self.table.ready and self.disk.loaded and self._knows_all(now):
            self.table.ready = True
            log_event(log, LogLevel.INFO, "machines-known", machines=len(self.table.records))
            self._steer(self.table.facts)
        steered = self.sharing.tick()
        self.spread()
        self._steer(steered)
        self._timer = self._loop.call_later(READY_EVERY_S, self._look)

    def _knows_all(self, now: float) -> bool:
        peers = [peer for peer in self._live_peers() if peer not in self._unheard(now)]
        if not peers:
            return now >= self._started + ALONE_S
        return all(self._replicator.complete(peer, TABLE) for peer in peers)

    def _unheard(self, now: float) -> set[str]:
        return {peer for peer, since in self._unheard_since.items() if now >= since + UNHEARD_S}

    def _is_kept(self, owed: DurabilityMark) -> bool:
        return is_durable(owed, written=self.disk.written, delivered_upto=self._is_told(owed.head))

    def _is_told(self, head: int) -> bool:
        return self._replicator.has(TABLE, head, without=self._unheard(self._now()))

    def _way(self, name: str) -> Way:
        return Way(LOCAL) if self.table.offered(name) is Order.LOCAL else self.sharing.way(name)

    def _owes(self, way: Way) -> bool:
        """A group that was given; what starts the disk, or waits, does no harm."""
        return self.sharing.rules is not None and way.folder not in (LOCAL, QUEUE)

    def _steer(self, names: Iterable[str]) -> None:
        self._steering.steer(names)
        self._look_soon()
        self.disk.write()

    def _took(self, records: Mapping[str, Record]) -> None:
        """Takes what the disk held at the start."""
        self.table.load(records)
        self.spread()
        self.standing.loaded = True

    def _look_soon(self) -> None:
        if (self._steering.waits or self.sharing.waits) and self._soon is None:
            self._replicator.hurry(TABLE)
            self._soon = self._loop.call_later(LOOK_S, self._look_again)

    def _look_again(self) -> None:
        self._soon = None
        self._steering.look()
        self.sharing.look(self._replicator.head(TABLE))
        self.spread()


def facts_at(path: Path) -> tuple[Mapping[str, Facts] | None, Rules | None]:
    """The rendered facts, and how machines are shared; None, and a line in the log, when they cannot be read.
    In any thread."""
    try:
        return machine_facts.decode_all(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        log_event(log, LogLevel.ERROR, "machines-unknown", path=str(path), reason=str(exc))
        return None, None
