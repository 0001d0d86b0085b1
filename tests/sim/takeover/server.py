"""A server: its kernel, its services, its takeover process (the real one), and what its agent replicates."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from twinboot.agent.replication.replicator import Replicator
from twinboot.replication.node import ReplicationNode, RowChange, TableReset
from twinboot.takeover.host.capabilities import Capabilities
from twinboot.takeover.host.claim.moves import TakeoverMode
from twinboot.takeover.host.process import TakeoverProcess
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.wire.ipc import takeover as protocol
from twinboot.wire.ipc.takeover import Move, MoveRequest

from .clock import Clock, Loop
from .files import Trees, files, tree
from .kernel import Kernel
from .rules import ModelRules
from .seams import ModelCapture, ModelNetfilterLog
from .services import install
from .tcp import Stack

if TYPE_CHECKING:
    from .network import Network

TABLE = "connections"
CLAIM_S = 0.1
PORTS_EACH = 1000
LINE_S = 0.0003
"""From the agent to the takeover process and back, in the worst case ten times as much."""
LINUX = Stack(scale=10, delack_s=0.0)
MODES = dict.fromkeys(ConnectionKind, TakeoverMode.ON)


class AgentLine:
    """The agent's end of the socket to the takeover process: lines in their order, each a little late."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free_at = 0.0
        self.transport = SimpleNamespace(get_write_buffer_size=lambda: 0, abort=lambda: None)

    def write(self, line: bytes) -> None:
        self.later(self._server.on_line, protocol.parse_takeover_line(line))

    def close(self) -> None:
        """Nothing is left open."""

    def later(self, call: Callable[..., None], *args: Any) -> None:
        draw, clock = self._server.kernel.draw, self._server.clock
        self._free_at = max(self._free_at, clock.now + LINE_S * (1 + 9 * draw.random() ** 3))
        clock.at(self._free_at, call, *args, loop=self._server.loop)


class Server:
    """name: as its peers know it. boot: this life of it. address: the virtual one; network: its way out."""

    def __init__(
        self,
        clock: Clock,
        draw: Random,
        name: str,
        boot: int,
        address: IPv4Address,
        network: Network,
        *,
        lingers: bool,
        trees: Trees = Trees.SAME,
    ) -> None:
        self.clock, self.name, self.boot, self.address = clock, name, boot, address
        self.kernel = Kernel(
            clock, draw, LINUX, set(), lambda one: network.from_server(self, one), rules=ModelRules(clock)
        )
        self.kernel.held_ports_from += PORTS_EACH * boot  # two kernels seldom choose the same
        self.loop = Loop(clock, self.kernel)
        self.alive = True
        self.claimed_at, self.started_at = 0.0, clock.now
        self.records_sent = 0
        self.on_record: Callable[[], None] = lambda: None
        self._node = ReplicationNode(name, boot, {TABLE: 5000}, frozenset((TABLE,)))
        codec = SimpleNamespace(encode=lambda packet: packet, decode=lambda packet: packet)
        link = SimpleNamespace(send_to=lambda peer, packet: network.replicate(self, peer, packet))
        self.replicator = Replicator(self._node, codec, {"crossover": link}, lambda: clock.now)  # type: ignore[arg-type, dict-item]
        self.replicator.subscribe(TABLE, self._on_peer_change)
        self._line = AgentLine(self)
        self.process: TakeoverProcess
        self._tree = tree(trees)
        self._begin(self._start)
        install(self.kernel, files(trees), self._tree, address, lingers=lingers)

    def _begin(self, call: Callable[..., None], *args: Any) -> None:
        self.clock.at(self.clock.now, call, *args, loop=self.loop)

    def _start(self) -> None:
        """As TakeoverProcess.serve does, without its socket."""
        rules = self.kernel.rules
        assert rules is not None
        capabilities = Capabilities(
            ModelCapture(self.loop),
            rules,
            MODES,  # type: ignore[arg-type]
            netfilter_log=ModelNetfilterLog(self.loop),
        )  # type: ignore[arg-type]
        self.process = TakeoverProcess("lan", self._tree, None, capabilities)  # type: ignore[arg-type]
        self.process._agent = self._line  # type: ignore[assignment]
        self.process._recorder.start()
        self.loop.create_task(self.process._stall_recovery.run())

    def power_off(self) -> None:
        self.alive = self.kernel.alive = False
        self.loop.stop()

    # The agent ----------------------------------------------------------------------------------

    def peers_are(self, peers: dict[str, tuple[int, bool]]) -> None:
        """name -> boot, and whether it is alive."""
        state = SimpleNamespace(
            peers={
                name: SimpleNamespace(name=name, boot_id=boot, alive=alive, unknown_server=False)
                for name, (boot, alive) in peers.items()
            }
        )
        self._begin(self.replicator.update_peers, state)

    def packet(self, data: Any) -> None:
        self._begin(self.replicator.receive, data)

    def on_line(self, message: Any) -> None:
        """What the takeover process says."""
        match message:
            case protocol.RecordChange(key, None):
                self.replicator.remove(TABLE, key)
            case protocol.RecordChange(key, value):
                self.records_sent += 1
                self.replicator.put(TABLE, key, value)
                self.on_record()
            case protocol.ReplicationQuery(number):
                self.replicator.call_when_delivered(TABLE, lambda: self._tell(protocol.Replicated(number)))

    def _tell(self, message: Any) -> None:
        self._line.later(lambda: self.process._on_agent_message(message))

    def _on_peer_change(self, change: TableReset | RowChange) -> None:
        if isinstance(change, TableReset):
            self._tell(protocol.PeerReset(change.peer))
        else:
            self._tell(protocol.PeerRecord(change.peer, change.key, change.value))

    # Moves --------------------------------------------------------------------------------------

    def claim(self, holder: str, *, planned: bool, announce: Callable[[], None], ours: bool = False) -> None:
        """Take the address: the takeover process is asked first, and told when it is up and announced."""
        self.claimed_at = self.clock.now
        self._tell(MoveRequest(Move.CLAIMING, self.address, holder, planned, ours=ours))

        def up() -> None:
            self.kernel.addresses.add(self.address)
            announce()
            self._tell(MoveRequest(Move.CLAIMED, self.address, holder, planned, ours=ours))

        self._line.later(up)

    def release(self, released: Callable[[], None]) -> None:
        """Hand the address over: when the peers have all records, or after half a second, it is dropped."""
        self._tell(MoveRequest(Move.RELEASING, self.address))
        self._line.later(lambda: self._line.later(lambda: self.loop.create_task(self._drop(released))))

    def lose(self) -> None:
        """The address vanishes: somebody took it away, or it was not renewed."""
        self.kernel.addresses.discard(self.address)

    async def _drop(self, released: Callable[[], None]) -> None:
        await self.replicator.delivered(TABLE, 0.5)
        self.kernel.addresses.discard(self.address)
        self._tell(MoveRequest(Move.RELEASED, self.address))
        released()

    def claims_still(self, now: float) -> bool:
        """Whether a claim waits for clients, or has not told of the last that it took over."""
        claim = self.process._moves._latest_claims.get(self.address)
        if now < self.claimed_at + CLAIM_S or claim is None:
            return now < self.claimed_at + CLAIM_S
        return not claim.outcome.over or now < claim._started_at + (claim.outcome.last_s or 0.0) + CLAIM_S

    @property
    def input_overdue(self) -> int:
        """Packets that the input hold let through without the peers' word."""
        return self.process._input_hold._held_input.overdue_packets
