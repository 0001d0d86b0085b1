"""A crowd opens connections as fast as it can, and the power of its server goes in the middle of it.

Below the limit of connections none is reset and none waits in vain; what is beyond is counted and told.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from alarmhelp import alarm_texts
from loghelp import ALL_ON_2, HOME, view
from twinlab import Lab
from twinlab.host.wait import until

PATH = "/trees/rh9/images/pxeboot/initrd.img"
BYTES = 300_000
CLIENTS = 4000
PER_MACHINE = 3500
"""Of two: more than takeover.logic.tracker.CONNECTION_LIMIT together."""

pytestmark = pytest.mark.long


def crowd(clients: int, *options: str) -> tuple[str, ...]:
    return ("--clients", str(clients), "--bytes", str(BYTES), *options)


def follow(process: subprocess.Popen[str], until_established: int) -> dict[str, Any]:
    """What the crowd tells when so many of its connections are established."""
    assert process.stdout is not None
    for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if told.get("established", 0) >= until_established or "over" in told:
            return told
    raise AssertionError("the crowd ended without a word")


def last(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=240)
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert told["over"]
    return told


@pytest.mark.parametrize("established", [100, 1500])
def test_a_crowd_outlives_its_server(lab: Lab, established: int) -> None:
    with lab.machine() as client, lab.events() as events:
        run = client.start("/lab/crowd.py", lab.address("first"), PATH, *crowd(CLIENTS))
        print(f"before the power goes: {follow(run, established)}")
        with lab.fault("power-off", 1):
            lab.wait_owned(ALL_ON_2)
            moved = events.wait(
                lambda one: one.name == "connections-taken-over" and one.server == "server2" and
                one.fields["address"] == lab.address("first"), "the take-over", timeout_s=60)
            until(lambda: view(lab.server(2))["connections"]["followed"]["http"] >= CLIENTS / 2,
                  "the rest to come", timeout_s=60)
            client.sh("touch /go")
            told = last(run)
            print(f"{moved.text}\n{told}")
            assert told.get("established") == CLIENTS, told
            assert told.get("whole") == CLIENTS, told
            assert told["digests"] == 1
            assert int(moved.fields["known"]) > 0
            assert (moved.fields["reset"], moved.fields["silent"]) == ("0", "0")
    lab.wait_owned(HOME, timeout_s=90)


def test_what_is_beyond_the_limit_is_counted_and_told(lab: Lab) -> None:
    """Nothing breaks here: there are only more connections than are followed."""
    server, address = lab.server(1), lab.address("first")
    before = view(server)["connections"]["left_out"]
    with lab.machine() as one, lab.machine() as two:
        runs = [client.start("/lab/crowd.py", address, PATH, *crowd(PER_MACHINE)) for client in (one, two)]

        def told() -> str | None:
            return alarm_texts(view(server)).get(("takeover-overrun", "server1"))

        text = until(told, "the alarm", timeout_s=60)
        assert "more connections than are followed" in text
        assert view(server)["connections"]["left_out"] > before
        for client in (one, two):
            client.sh("touch /go")
        ends = [last(run) for run in runs]
    print(ends, view(server)["connections"])
    assert all(end.get("whole") == PER_MACHINE for end in ends), "they are served all the same"
    until(lambda: told() is None, "the alarm to end", timeout_s=120)
