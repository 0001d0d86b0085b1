"""What monitoring reads: the values of two live agents among stand-ins, and the port that serves them."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from agentfakes import VIPS, Server, join, until
from prometheus_client.parser import text_string_to_metric_families
from twinboot.adapters.exporter import Exporter
from twinboot.agent.loop_counters import LoopCounters
from twinboot.agent.machines.figures import FigureKeeper
from twinboot.agent.metrics import connections
from twinboot.agent.metrics import metrics as metrics_
from twinboot.agent.metrics.metrics import Metrics, exposition, snapshot
from twinboot.agent.settings import settings_for
from twinboot.machines.table import MachineTable
from twinboot.site import SiteError, loads
from twinboot.wire.cluster.heartbeat import Refusal
from twinboot.wire.ipc.takeover import CounterKind, counters

EXAMPLE = (Path(__file__).parents[3] / "config/examples/parity.yaml").read_text()
METRICS = (Path(__file__).parents[3] / "images/sidecar/METRICS.md").read_text()


CONNECTIONS: dict[str, Any] = {
    "takeover": True,
    "followed": {"ftp": 2, "http": 3},
    "totals": {"taken-over": {"http": 7}},
    "reported": True,
    **{one.name: number for number, one in enumerate(counters.COUNTERS, start=1)},
    "unknown_messages_here": 5,
    "taken_ms": {"median": 1.0, "worst": 20.0},
    "lag_ms": {"server2": 250.0},
    "known_of": {"server2": 4},
}


def values(text: bytes) -> dict[str, float]:
    """Every sample as `name{label=value,...}`, labels in order of their names."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def look(server: Server) -> dict[str, float]:
    now = time.monotonic()
    return values(exposition(snapshot(server.agent, log_lines_lost=3, now=now - 0.5), now)[1])


def test_values_of_a_pair_and_after_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWINBOOT_VERSION", raising=False)
    async def run() -> None:
        one, two = Server("server1"), Server("server2")
        one.start()
        two.start()
        join(one, two)
        await until(lambda: one.kernel.holds("first") and two.kernel.holds("second"), "each holds its own")
        await until(lambda: one.agent.view().groups["second"].holder == "server2", "one has heard of it")
        await until(lambda: one.agent.view().groups["first"].holder == "server1", "one knows its own")
        await until(lambda: sum(one.agent.loop_counters.lag_counts) > 0, "a tick")
        one.agent.counters.refused[Refusal.FORGED] += 7
        seen = look(one)
        assert seen["twinboot_group_held{group=first}"] == 1
        assert seen["twinboot_group_held{group=second}"] == 0
        assert seen["twinboot_group_state{group=first,state=held}"] == 1
        assert seen["twinboot_group_state{group=first,state=idle}"] == 0
        assert seen["twinboot_group_holder{group=second,holder=server2}"] == 1
        assert seen["twinboot_group_holder{group=second,holder=server1}"] == 0
        assert seen["twinboot_group_split{group=first}"] == 0
        assert seen["twinboot_peer_alive{peer=server2}"] == 1
        assert seen["twinboot_link_up{link=lan,peer=server2}"] == 1
        assert 0 <= seen["twinboot_link_age_seconds{link=lan,peer=server2}"] < 5
        assert seen["twinboot_heartbeats_received_total{}"] > 0
        assert seen["twinboot_heartbeats_refused_total{reason=forged}"] == 7
        assert seen["twinboot_loop_lag_seconds_count{}"] > 0
        assert seen["twinboot_snapshot_age_seconds{}"] == pytest.approx(0.5)
        assert seen["twinboot_log_lines_lost_total{}"] == 3
        assert seen["twinboot_build_info{cluster=rack1,server=server1,version=unknown}"] == 1
        await two.end()
        await until(lambda: one.kernel.holds("second"), "the other takes over")
        await until(lambda: one.agent.view().groups["second"].holder == "server1", "and says so")
        after = look(one)
        assert after["twinboot_peer_alive{peer=server2}"] == 0
        assert after["twinboot_group_holder_changes_total{group=second}"] == 1
        assert after["twinboot_group_holder_changes_total{group=first}"] == 0
        shown = [name for name, value in after.items() if name.startswith("twinboot_alarm{") and value == 1]
        assert "twinboot_alarm{code=server-left,subject=server2}" in shown
        assert after["twinboot_alarms{}"] == len(shown)
        await until(lambda: one.agent.renewals()["first"] > 0, "a renewal")
        assert look(one)["twinboot_address_renewals_total{group=first}"] > 0
        await one.end()

    asyncio.run(run())


def test_a_split_is_shown() -> None:
    async def run() -> None:
        one = Server("server1")
        one.lan.answers.update(vip.address for vip in VIPS.values())
        one.start()
        await until(lambda: one.agent.state.groups["first"].answered_by != "", "the split is seen")
        assert look(one)["twinboot_group_split{group=first}"] == 1
        await one.end()

    asyncio.run(run())


def test_connections() -> None:
    async def run() -> dict[str, float]:
        one = Server("server1")
        one.start()
        await until(lambda: one.agent.state.last_sent is not None, "it runs")
        assert not any("connection" in name for name in look(one)), "where none are followed"
        one.agent.connections = lambda: CONNECTIONS
        seen = look(one)
        await one.end()
        return seen

    seen = asyncio.run(run())
    assert seen["twinboot_connections{service=http}"] == 3
    assert seen["twinboot_connections_moved_total{outcome=taken-over,service=http}"] == 7
    assert seen["twinboot_connections_moved_total{outcome=reset,service=ftp-data}"] == 0
    assert seen["twinboot_replication_lag_seconds{peer=server2}"] == 0.25
    assert seen["twinboot_replication_seconds{which=worst}"] == 0.02
    for one in counters.COUNTERS:
        if one.metric:
            total = "_total" if one.kind is CounterKind.COUNTER else ""
            assert seen[f"twinboot_{one.metric}{total}{{}}"] == CONNECTIONS[one.name]
    skipped = "twinboot_takeover_unknown_messages_total{reader=%s}"
    assert seen[skipped % "agent"] == 5
    assert seen[skipped % "takeover"] == CONNECTIONS["unknown_messages"]


def test_nothing_is_counted_before_the_first_report() -> None:
    """A new agent beside an old takeover process: increase() would take the old count for news."""
    def samples(reported: bool) -> set[str]:
        families = connections.families({**CONNECTIONS, "reported": reported})
        return {sample.name for family in families for sample in family.samples}

    counted = {name for name in samples(True) if name.endswith("_total")}
    assert len(counted) > 5
    assert samples(True) - samples(False) == counted - {"twinboot_takeover_unknown_messages_total"}


def test_every_counter_is_there_before_anything_happened() -> None:
    """Prometheus' increase() does not see the step to the first value of a series."""
    async def run() -> dict[str, float]:
        one = Server("server1")
        one.start()
        await until(lambda: one.agent.state.last_sent is not None, "it runs")
        one.agent.connections = lambda: {**CONNECTIONS, "totals": {}}
        figures = FigureKeeper("server1").figures(MachineTable("server1", lambda: 0.0), 0)
        one.agent.machines = lambda: figures
        one.agent.stale_arp_frames = lambda: dict.fromkeys(("accepted", "forwarded"), 0)
        one.agent.webhooks = lambda: {"chat": dict.fromkeys(("delivered", "failed", "dropped", "waiting"), 0)}
        seen = look(one)
        await one.end()
        return seen

    seen = asyncio.run(run())
    told = re.findall(r"^\| `([a-z_]+_total)(?:\{([a-z_,]+)\})?` \|", METRICS, re.MULTILINE)
    assert len(told) > 15
    for name, labels in told:
        found = [one for one in seen if one.startswith(f"twinboot_{name}{{")]
        assert found, f"{name} is not there"
        assert all(f"{label}=" in one for one in found for label in labels.split(",") if label), name


def test_late_ticks_fall_into_their_buckets() -> None:
    counters = LoopCounters()
    for late_s in (0.0005, 0.003, 0.003, 5.0, -1.0):
        counters.record_tick(late_s)
    assert counters.lag_counts == [2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    assert counters.lag_sum_s == pytest.approx(5.0065)


def test_every_metric_is_in_metrics_md_and_nothing_else() -> None:
    async def run() -> set[str]:
        one = Server("server1")
        one.start()
        await until(lambda: one.agent.state.last_sent is not None, "it runs")
        one.agent.connections = lambda: CONNECTIONS
        one.agent.balancing = lambda: {"running": {"first": 3}, "queue": 2, "sent_kib_s": {"server1": 9}}
        one.agent.webhooks = lambda: {"a": {"delivered": 1, "failed": 0, "dropped": 0, "waiting": 2}}
        families = metrics_.families(snapshot(one.agent, log_lines_lost=0, now=0.0), 1.0)
        names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
        await one.end()
        return names

    section = METRICS.split("## Metrics")[1].split("\n## ")[0]
    told = {line.split("`")[1].split("{")[0] for line in section.splitlines() if line.startswith("| `")}
    assert {f"twinboot_{name}" for name in told} == asyncio.run(run())


def test_many_scrapes_cost_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        one = Server("server1")
        one.start()
        await until(lambda: one.agent.state.last_sent is not None, "it runs")
        made: list[float] = []
        monkeypatch.setattr(metrics_, "exposition", lambda last, now: (made.append(now), ("t", b"x"))[1])
        metrics = Metrics(one.agent, lambda: 0)
        assert metrics.text() == ("text/plain", b"")
        metrics.start()
        assert [metrics.text() for _ in range(50)] == [("t", b"x")] * 50
        assert len(made) < 5
        metrics.close()
        await one.end()

    asyncio.run(run())


@contextmanager
def served(make: Callable[[], tuple[str, bytes]]) -> Iterator[int]:
    exporter = Exporter("127.0.0.1", 0, make)
    exporter.start()
    try:
        end = time.monotonic() + 60
        while not exporter.port and time.monotonic() < end:
            threading.Event().wait(0.005)
        yield exporter.port
    finally:
        exporter.close()


def test_the_port_serves_one_path_to_readers_only() -> None:
    with served(lambda: ("text/plain; version=0.0.4", b"twinboot_alarms 0\n")) as port:
        base = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{base}/metrics", timeout=60) as answer:
            assert answer.read() == b"twinboot_alarms 0\n"
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
        for path, data, code in (("/", None, 404), ("/metrics", b"x", 405)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(base + path, data=data, timeout=60)
            assert refused.value.code == code


def test_a_silent_client_and_a_rude_one_are_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinboot.adapters.exporter._REQUEST_LIMIT_S", 0.05)
    body = b"y" * 100_000
    with served(lambda: ("text/plain", body)) as port, socket.create_connection(("127.0.0.1", port)):
        for rude in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 9000):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(rude)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            assert answer.read() == body


def test_a_taken_port_is_said_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("twinboot.adapters.exporter._RETRY_S", 0.01)
    taken = socket.create_server(("127.0.0.1", 0))
    exporter = Exporter("127.0.0.1", taken.getsockname()[1], lambda: ("text/plain", b""))
    with caplog.at_level("INFO"):
        exporter.start()
        end = time.monotonic() + 60
        while "metrics-closed" not in caplog.text and time.monotonic() < end:
            threading.Event().wait(0.005)
        taken.close()
        while not exporter.port and time.monotonic() < end:
            threading.Event().wait(0.005)
    exporter.close()
    assert caplog.text.count("metrics-closed") == 1
    assert caplog.text.count("metrics-open") == 1


@pytest.mark.parametrize(
    ("setting", "meant"),
    [
        ("", ("127.0.0.1", 9694)), ("metrics: off", None), ("metrics: {port: 0}", None),
        ("metrics: {address: 0.0.0.0, port: 9100}", ("0.0.0.0", 9100)),
    ],
)
def test_the_setting(setting: str, meant: tuple[str, int] | None) -> None:
    site = loads(f"{EXAMPLE}\n{setting}\n")
    assert settings_for(site, "server1").metrics == meant
    again = loads(site.to_json(), json_text=True)
    assert settings_for(again, "server1").metrics == meant


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("metrics: on", "metrics"), ("metrics: {port: 80}", "metrics.port"),
        ("metrics: {address: 192.168.0.251}", "metrics.address"), ("metrics: {prot: 1}", "metrics.prot"),
    ],
)
def test_faults_of_the_setting(setting: str, path: str) -> None:
    with pytest.raises(SiteError) as refused:
        loads(f"{EXAMPLE}\n{setting}\n")
    assert [fault.path for fault in refused.value.faults] == [path]
