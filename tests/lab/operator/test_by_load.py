"""Balancing by load, on real daemons: machines of unequal size wait for their turn, a server dies and comes
back.

The machines are those of the storms: they boot as PXELINUX does, look again while they have to wait, and
report as installers do.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from twinlab import Lab
from twinlab.faults import faults
from twinlab.host import testlab
from twinlab.host.server import Server
from twinlab.host.wait import until
from twinlab.measure.matrix import HOME, ON_2
from twinlab.programs import sharestorm
from twinlab.programs.installstorm import Storm, narrow, one_install, trees

MACHINES, AT_ONCE, MBIT, SIZES = 16, 2, 12, "1,3"

pytestmark = pytest.mark.long


def asked(server: Server, *words: str) -> Any:
    return json.loads(server.sidecar("twinboot", *words, "--json").out)


def test_machines_wait_for_their_turn_and_are_shared_anew_when_a_server_is_back() -> None:
    lab = Lab(testlab.name("byload"), lambda text: print(f"lab: {text}", flush=True))
    lab.down()
    with lab:
        lab.up(trees=trees(), patch=sharestorm.patch(MACHINES, "load", AT_ONCE))
        for server in lab.servers.values():
            narrow(server, MBIT)
        one, two = lab.server(1), lab.server(2)
        more = sharestorm.words(lab, 7, SIZES)
        with Storm.of(lab, MACHINES, more=more, limit_s=sharestorm.END_S) as storm:
            storm.wait_bytes(one_install())
            queued: list[dict[str, Any]] = []

            def most_wait() -> bool:
                queued[:] = [row for row in asked(two, "machines") if row["state"] == "queued"]
                return len(queued) >= MACHINES - 2 * AT_ONCE - 2

            until(most_wait, "most of them wait", timeout_s=15)
            assert {row["turns"] for row in queued} == {len(queued)}
            assert asked(one, "status")["load"]["at_once"] == AT_ONCE
            last = queued[-1]["name"]
            until(lambda: "turn: place" in boot_file(lab, last), "it is told its place", timeout_s=15)
            storm.wait_bytes(3 * one_install())
            down = faults.inject(lab, "power-off", one)
            lab.wait_owned(ON_2)
            moved = time.time()
            storm.wait_bytes(10 * one_install())
            running = asked(two, "status")["load"]["running"]
            assert sum(running.values()) <= 2 * AT_ONCE, "those that the dead one had, too"
            lab.heal()
            narrow(one, MBIT)
            lab.wait_owned(HOME)
            back = time.time()
            found = sharestorm.measured(storm, MACHINES, MBIT)
            addresses = set(lab.addresses.values())
            states = {row["name"]: row["state"] for row in asked(two, "machines")}
    assert (found["failed"], found["unfinished"]) == ([], 0)
    assert {states[f"storm{number + 1}"] for number in range(MACHINES)} == {"done"}
    before = [{**end, "ended": min(end["ended"], down)} for end in storm.ends if end["given"] < down]
    assert all(most <= AT_ONCE + 1 for most in sharestorm.most_at_once(before).values()), "as many as may be"
    later = [end for end in storm.ends if end["given"] > back]
    assert {end["base"] for end in later} == addresses, f"{down} {moved} {back}: {later}"


def boot_file(lab: Lab, name: str) -> str:
    """What PXELINUX would read, at both addresses."""
    with lab.machine() as client:
        script = f"pxelinux.cfg/host.{name} cfg && cat cfg; rm -f cfg"
        return "".join(
            client.sh(f"tftp {address} -m binary -c get {script}", check=False).out
            for address in lab.addresses.values()
        )  # fmt: skip
