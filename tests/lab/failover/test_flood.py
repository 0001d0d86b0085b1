"""Hostile and stale traffic on a heartbeat link: counted, dropped, and nothing else happens.

A client on the LAN sends 10,000 datagrams a second under the address of the peer, made of real recorded
heartbeats. TWINBOOT_FLOOD_S makes each flood longer than the few seconds it has in the suite.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from floodhelp import counters, flood, kinds, lan, measured, record, recording
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until
from twinlab.measure.events import Events

SECONDS = float(os.environ.get("TWINBOOT_FLOOD_S", "5"))
TRIES = 3
"""At a moment a machine may give no server any time, which is not the flood's doing; what is, comes again."""
HOME = {"first": "server1", "second": "server2"}
BOTH_ON_1 = {"first": "server1", "second": "server1"}
CONFIG = "/opt/twinboot/config"


@pytest.fixture
def intruder(lab: Lab) -> Iterator[Client]:
    with lab.machine() as client:
        yield client


@pytest.fixture
def real(lab: Lab) -> list[bytes]:
    """What server2 says to server1 on the LAN."""
    payloads = record(lab, at=1, by=2)
    assert len(payloads) >= 10
    return payloads


LONG = pytest.mark.long


@pytest.mark.parametrize(
    "kind",
    ["forged", *(pytest.param(one, marks=LONG) for one in ("replayed", "malformed", "foreign"))],
)
def test_a_flood_under_the_peer_s_address_is_counted_and_disturbs_nothing(
    lab: Lab, intruder: Client, real: list[bytes], kind: str
) -> None:
    with lab.prober() as prober:
        for _ in range(TRIES):
            with measured(lab, 1) as cost:
                cost.sent = flood(lab, intruder, kinds(real)[kind], to=1, source=lan(lab, 2), seconds=SECONDS)
            if not any(" stalled " in text for text in cost.late):
                break
        seen = prober.seen().values()
    assert cost.sent > 1000 * SECONDS, "the flood itself was slow"
    # What is not counted by its kind was dropped for want of room: on a machine that is very busy.
    assert cost.counted[kind] + cost.counted["dropped"] >= cost.sent, cost
    assert cost.counted[kind] >= 0.7 * cost.sent, cost
    assert cost.processor < 0.6, cost
    assert [text for text in cost.late if " link-late " not in text] == []
    assert all(len(one.holders()) == 1 and not one.doubles() for one in seen)
    assert lab.owners() == {"first": ["server1"], "second": ["server2"]}


@LONG
def test_a_flood_from_anywhere_else_is_dropped_by_the_kernel(
    lab: Lab, intruder: Client, real: list[bytes]
) -> None:
    with measured(lab, 1) as cost:
        cost.sent = flood(lab, intruder, real, to=1, source=None, seconds=SECONDS)
    assert cost.counted["foreign"] >= 0.99 * cost.sent, cost
    assert cost.counted["received"] < 100 * (SECONDS + 10), "only the peer's own get in"
    assert cost.processor < 0.2, cost
    assert [text for text in cost.late if " link-late " not in text] == []


def test_replayed_heartbeats_of_a_dead_server_hold_no_takeover_off(
    lab: Lab, intruder: Client, real: list[bytes]
) -> None:
    """Before and while its power goes, and as long as it is off."""
    text = "\n".join(payload.hex() for payload in real)
    intruder.sh(f"echo '{text}' > /payloads")
    words = ("/payloads", "--to", lan(lab, 1), "--source", lan(lab, 2), "--rate", "50", "--seconds", "60")
    process = intruder.start("/lab/flood.py", *words)
    try:
        with lab.events() as events, lab.fault("power-off", 2):
            lab.wait_owned(BOTH_ON_1, timeout_s=15)
            view = lab.server(1).status()
            assert view is not None
            assert view["peers"]["server2"]["state"] == "dead"
            assert [e for e in events.all if e.name == "group-claimed"]
            replayed = counters(lab.server(1))["replayed"]
            until(lambda: counters(lab.server(1))["replayed"] > replayed + 100, "replays go on", timeout_s=20)
            assert lab.owners()["second"] == ["server1"]
        lab.wait_owned(HOME)  # and it is believed again when it is back, while they go on
    finally:
        process.kill()


@pytest.mark.long
def test_a_replayed_goodbye_moves_nothing(lab: Lab, intruder: Client) -> None:
    with lab.events() as events, recording(lab, at=1, by=2) as recorded:
        until(recorded, "the recorder to run", timeout_s=30)
        with lab.fault("stop-sidecar", 2):
            lab.wait_owned(BOTH_ON_1)
            assert events.named("peer-left", peer="server2")
            said = recorded()
    lab.wait_owned(HOME)
    with measured(lab, 1) as cost:
        cost.sent = flood(lab, intruder, said, to=1, source=lan(lab, 2), seconds=2, rate=200)
    assert cost.counted["replayed"] >= cost.sent > 0, cost
    assert [text for text in cost.late if " link-late " not in text] == []
    assert lab.owners() == {"first": ["server1"], "second": ["server2"]}


@pytest.mark.long
def test_a_server_with_a_wrong_key_is_refused_and_says_so(lab: Lab) -> None:
    """It is as if all links were cut: both serve the LAN, so the recorder keeps each address where it is."""
    server2 = lab.server(2)
    key = f"{CONFIG}/secrets/heartbeat.key"
    with lab.prober() as prober:
        server2.exec("sh", "-c", f"cp -p {key} /root/right.key && head -c 32 /dev/urandom | od -An -v -tx1 "
                     f"| tr -d ' \\n' > {key}")
        try:
            server2.docker("restart", "-t", "20", "twinboot-sidecar-1")
            before = counters(lab.server(1))["forged"]
            until(lambda: counters(lab.server(1))["forged"] > before + 10, "they are counted", timeout_s=20)
            view = lab.server(1).status()
            assert view is not None
            assert view["peers"]["server2"]["state"] != "alive"
        finally:
            server2.exec("sh", "-c", f"cp -p /root/right.key {key}")
            server2.docker("restart", "-t", "20", "twinboot-sidecar-1")
        lab.wait_owned(HOME)
        assert all(not seen.doubles() for seen in prober.seen().values())


@LONG
def test_a_key_is_rolled_over_as_the_readme_says(lab: Lab) -> None:
    """Round by round, server by server: no heartbeat refused, nothing moved, no sidecar started anew."""
    old, new = "secrets/heartbeat.key", "secrets/new.key"
    key = secrets.token_hex(32)
    for server in lab.servers.values():
        server.exec("sh", "-c", f"umask 077; echo {key} > {CONFIG}/{new}")
    before = {name: (view["boot"], view["counters"]["forged"]) for name, view in views(lab).items()}
    with lab.prober() as prober, lab.events() as events:
        for keys in ([old, new], [new, old], [new]):
            roll(lab, events, keys)
        lasting = counters(lab.server(1))["received"]
        until(lambda: counters(lab.server(1))["received"] > lasting + 20, "life with the new key alone",
              timeout_s=30)
        wrong = ("peer-dead", "link-down", "group-dropped", "leave-asked", "peer-restarted")
        assert [event.text for event in events.all if event.name in wrong] == []
        after = {name: (view["boot"], view["counters"]["forged"]) for name, view in views(lab).items()}
        assert after == before
        assert all(len(seen.holders()) == 1 for seen in prober.seen().values())
        for keys in ([new, old], [old, new], [old]):  # and back, for the tests that follow
            roll(lab, events, keys)


def views(lab: Lab) -> dict[str, dict[str, Any]]:
    return {name: view for name, view in lab.status().items() if view is not None}


def roll(lab: Lab, events: Events, keys: list[str]) -> None:
    """One round of compose/README.md: the site is applied, on all servers at once."""
    server, seen = lab.server(1), len(events.all)
    site = yaml.safe_load(server.exec("cat", f"{CONFIG}/site.yaml").out)
    site.setdefault("heartbeat", {})["keys"] = keys
    text = yaml.safe_dump(site, sort_keys=False)
    server.exec("sh", "-c", f"cat > {CONFIG}/site.yaml <<'EOF'\n{text}EOF")
    server.sidecar("twinboot", "apply", "--yes")
    for server in lab.servers.values():

        def taken(name: str = server.name) -> bool:
            return any(e.server == name and e.name == "keys-changed" and e.fields["first"] == keys[0]
                       for e in events.all[seen:])

        until(taken, f"{server.name} to use {keys}", timeout_s=30)
