"""The report of the takeover process as it is: what it counts is what the table of counters has."""

from __future__ import annotations

from pathlib import Path

from twinboot.wire.ipc import takeover as protocol
from twinboot.wire.ipc.takeover import counters

from .scenario import parse
from .seams import model_kernel
from .world import NAMES, World


def test_it_has_every_counter_and_no_other() -> None:
    world = World(parse((Path(__file__).parent / "golden/power-off.scn").read_text()))
    with model_kernel():
        world.boot(NAMES[0])
        world.clock.run(world.clock.now + 1.0)
        server, reports = world.servers[NAMES[0]], list[protocol.TakeoverReport]()
        server._begin(server.process._on_agent_message, protocol.Unknown())
        server._begin(lambda: reports.append(server.process._report()))
        world.clock.run(world.clock.now + 0.1)
        server.loop.dispose()
    [report] = reports
    assert set(report.counts) == set(counters.COUNTERS)
    assert report.counts[counters.UNKNOWN_MESSAGES] == 1
    heard = protocol.parse_takeover_line(protocol.takeover_line(protocol.Reply(1, report)))
    assert isinstance(heard, protocol.Reply)
    assert heard.report is not None
    assert heard.report.counts == report.counts, "nothing is lost on the way"
