"""The agent among stand-ins: it does what the core says, in order, and waits for nothing."""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from agentfakes import KEY, VIPS, Server, join, until
from alarmkinds import only_registered_here
from auditfake import audit_in_memory
from twinboot.adapters import keys
from twinboot.agent.configuration import AgentFiles, ConfigError, heartbeat_codec, read_keys, read_settings
from twinboot.agent.control.lines import answer_line
from twinboot.agent.control.socket import ControlSocket
from twinboot.agent.start import main
from twinboot.alarms import AlarmKind, register
from twinboot.alarms.registry import warning
from twinboot.core.model import ServiceState
from twinboot.errors import ResourceError
from twinboot.site import loads
from twinboot.wire.cluster.heartbeat import Refusal

ADDRESSES = {name: str(vip.address) for name, vip in VIPS.items()}
EXAMPLE = Path(__file__).parents[3] / "config" / "examples" / "parity.yaml"


def pair(scenario: Callable[[Server, Server], Awaitable[None]]) -> None:
    """Run a scenario of two servers that have settled: each holds its own group, dhcpd runs on the first."""

    async def run() -> None:
        one, two = Server("server1"), Server("server2")
        one.start()
        two.start()
        join(one, two)
        await until(lambda: settled(one, two), "each holds its own")
        try:
            await scenario(one, two)
        finally:
            for server in (one, two):
                if server.containers.hangs is not None:
                    server.containers.hangs.set()
                await server.end()

    asyncio.run(run())


def settled(one: Server, two: Server) -> bool:
    mine = one.kernel.holds("first") and not two.kernel.holds("first")
    theirs = two.kernel.holds("second") and not one.kernel.holds("second")
    # the engine's word comes a moment later, and the peer's
    known = one.agent.view().groups["first"].services["dhcpd"] is ServiceState.RUNNING
    told = one.agent.view().groups["second"].holder == two.agent.config.me
    return mine and theirs and known and told


def alarms(server: Server) -> dict[tuple[str, str], str]:
    """Texts by code and subject."""
    return {alarm.key: alarm.text for alarm in server.agent.alarms.look()}


def test_start_drops_what_an_earlier_life_left_before_anything_else() -> None:
    async def scenario(one: Server, two: Server) -> None:
        assert one.kernel.done[:2] == [("drop", VIPS["first"].address), ("drop", VIPS["second"].address)]

    pair(scenario)


def test_a_claim_is_announced_after_it_is_made() -> None:
    async def scenario(one: Server, two: Server) -> None:
        address = VIPS["first"].address
        await until(lambda: ("announce", address) in one.kernel.done, "announced")
        done = [what for what, whose in one.kernel.done if whose == address]
        assert done[:3] == ["drop", "claim", "announce"]

    pair(scenario)


def test_leaving_hands_over_and_ends_with_0() -> None:
    async def scenario(one: Server, two: Server) -> None:
        assert await one.end() == 0
        assert not one.kernel.here
        assert one.containers.states_now["dhcpd"] is ServiceState.STOPPED
        await until(lambda: two.kernel.holds("first"), "server2 holds both")
        await until(lambda: two.containers.states_now["dhcpd"] is ServiceState.RUNNING, "dhcpd moved")

    pair(scenario)


def test_a_hanging_engine_delays_no_heartbeat() -> None:
    async def scenario(one: Server, two: Server) -> None:
        one.containers.hangs = threading.Event()
        one.services.observe()
        before = one.cable.sent
        await until(lambda: one.cable.sent > before + 20, "heartbeats go on")
        assert one.kernel.holds("first")

    pair(scenario)


def test_an_engine_that_fails_is_an_alarm_until_it_works_again() -> None:
    async def scenario(one: Server, two: Server) -> None:
        one.containers.fault = "gone"
        one.services.observe()
        await until(lambda: ("engine-silent", "server1") in alarms(one), "alarm")
        assert "gone" in alarms(one)["engine-silent", "server1"]
        one.containers.fault = ""
        one.services.observe()
        await until(lambda: ("engine-silent", "server1") not in alarms(one), "no alarm")

    pair(scenario)


def test_a_lost_address_is_put_back() -> None:
    async def scenario(one: Server, two: Server) -> None:
        one.kernel.here.clear()
        one.vips.observe()
        await until(lambda: one.kernel.holds("first"), "put back")

    pair(scenario)


def test_an_address_that_cannot_be_claimed_goes_to_the_peer() -> None:
    async def scenario(one: Server, two: Server) -> None:
        one.kernel.refuses_claims = True
        one.kernel.here.clear()
        one.vips.observe()
        await until(lambda: two.kernel.holds("first"), "the peer has it")

    pair(scenario)


def test_what_is_not_a_heartbeat_of_ours_is_counted_by_kind() -> None:
    async def scenario(one: Server, two: Server) -> None:
        good: list[bytes] = []
        two.cable.other = lambda _link, data: good.append(data)
        await until(lambda: bool(good), "one message")
        join(one, two)
        refused, before = one.agent.counters.refused, one.agent.counters.received
        one.agent.deliver("lan", b"junk")
        one.agent.deliver("lan", good[0][:-1] + bytes([good[0][-1] ^ 1]))
        body = good[0][:-32].replace(b"\x05rack1", b"\x05rack2")
        one.agent.deliver("lan", body + hmac.digest(KEY, body, "sha256"))
        counted = {kind: refused[kind] for kind in (Refusal.MALFORMED, Refusal.FORGED, Refusal.FOREIGN)}
        assert set(counted.values()) == {1}
        assert one.agent.counters.received == before + 3

    pair(scenario)


def test_a_fault_of_the_core_lets_go_of_everything_and_ends_with_1() -> None:
    async def scenario() -> None:
        one = Server("server1")
        one.start()
        await until(lambda: one.kernel.holds("first"), "alone it holds all")
        one.agent.handle("no event at all")  # type: ignore[arg-type]
        assert await one.agent.wait_closed() == 1
        assert not one.kernel.here

    asyncio.run(scenario())


def test_standby_moves_and_resume_brings_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinboot.core.health.penalty.FIRST_PROBE_WAIT_S", 0.1)  # nobody probes here

    async def scenario(one: Server, two: Server) -> None:
        control = ControlSocket(one.agent, ADDRESSES, audit_in_memory())
        reply = await control.answer({"cmd": "standby"})
        assert reply == {"ok": True, "message": "on standby; moved: first to server2"}
        assert two.kernel.holds("first")
        status = await ControlSocket(two.agent, ADDRESSES, audit_in_memory()).answer({"cmd": "status"})
        assert status["peers"]["server1"]["standby"]
        other = ControlSocket(two.agent, ADDRESSES, audit_in_memory())
        assert (await other.answer({"cmd": "standby"}))["ok"] is False
        assert (await control.answer({"cmd": "resume"}))["ok"]
        assert one.kernel.holds("first")
        await until(lambda: settled(one, two), "dhcpd follows its address")

    pair(scenario)


def test_status_has_what_the_contract_names() -> None:
    async def scenario(one: Server, two: Server) -> None:
        status = await ControlSocket(one.agent, ADDRESSES, audit_in_memory()).answer({"cmd": "status"})
        assert {"server", "cluster", "version", "boot", "uptime_s", "state", "groups", "peers", "counters",
                "alarms"} < status.keys()
        assert status["groups"]["first"]["holder"] == "server1"
        assert status["groups"]["first"]["services"] == {"dhcpd": "running"}
        assert status["groups"]["second"]["holder"] == "server2"
        assert status["lan"] == status["peers"]["server2"]["lan"] == "unknown"
        assert status["daemons"]["vsftpd"] == {"health": "unknown", "fault": ""}
        assert status["peers"]["server2"]["daemons"]["vsftpd"] == {"health": "unknown"}
        assert status["hold_down_s"] == 0.0
        assert status["peers"]["server2"]["links"]["lan"]["state"] == "up"
        assert status["counters"].keys() == {"received", "malformed", "forged", "foreign", "replayed",
                                              "dropped"}

    pair(scenario)


def test_status_has_alarms_as_values_and_the_log_their_begin_and_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr("twinboot.agent.loop.POLL_EVERY_S", 0.02)

    def logged(event: str) -> list[tuple[str, str]]:
        lines = [record.fields for record in caplog.records if record.getMessage() == event]  # type: ignore[attr-defined]
        return [(one["code"], one["subject"]) for one in lines if one["code"] in ("link-not-open", "toy")]

    async def scenario(one: Server, two: Server) -> None:
        one.cable.fault = "no such device"
        toy = register(AlarmKind("toy", "SERVER", "a part of an agent has something to tell", "nothing",
                                 warning()))
        there = [True]
        one.agent.alarms.add_source(lambda server: [toy.on(server, "here")] if there else [])
        await until(lambda: len(logged("alarm")) == 2, "the poll sees both, nobody asks")
        status = await ControlSocket(one.agent, ADDRESSES, audit_in_memory()).answer({"cmd": "status"})
        shown = {(alarm["code"], alarm["subject"]): alarm for alarm in status["alarms"]}
        alarm = shown["link-not-open", "lan"]
        assert alarm.keys() == {"code", "subject", "text", "since", "remedy", "severity", "subject_type"}
        assert (alarm["severity"], alarm["subject_type"]) == ("warning", "LINK")
        assert "no such device" in alarm["text"]
        age = datetime.now(UTC) - datetime.fromisoformat(alarm["since"])
        assert timedelta(0) <= age < timedelta(seconds=60)
        assert alarm["since"].endswith("Z")
        assert shown["toy", "server1"]["text"] == "here"
        one.cable.fault = ""
        there.clear()
        await until(lambda: len(logged("alarm-over")) == 2, "their end")
        assert sorted(logged("alarm")) == sorted(logged("alarm-over")) == [
            ("link-not-open", "lan"), ("toy", "server1")]

    with only_registered_here():
        pair(scenario)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b"7", b"\xff", b'{"cmd": "dance"}'])
def test_requests_that_are_none_are_refused(line: bytes) -> None:
    async def scenario(one: Server, two: Server) -> None:
        reply = await answer_line(line, ControlSocket(one.agent, ADDRESSES, audit_in_memory()).answer)
        assert reply["ok"] is False
        assert reply["error"]

    pair(scenario)


# Start ---------------------------------------------------------------------------------------------


def test_settings_of_the_example() -> None:
    from twinboot.agent.settings import settings_for

    site = loads(EXAMPLE.read_text())
    settings = settings_for(site, "server1")
    assert settings.cluster.peers == ("server2",)
    assert settings.services == ("dhcpd",)
    assert {spec.name: dict(spec.peers) for spec in settings.links} == {
        "crossover": {"server2": "10.0.0.2"}, "lan": {"server2": "192.168.0.252"},
    }
    other_host = EXAMPLE.read_text().replace("52:54:00:00:01:28", "52:54:00:00:01:99")
    assert settings_for(loads(other_host), "server1") == settings, "a host is none of the agent's business"


def test_every_configuration_fault_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    where = AgentFiles(config=tmp_path, current=tmp_path, control=tmp_path / "sock")
    assert main({}, where) == 2
    assert main({"TWINBOOT_SERVER": "server1"}, where) == 2
    (tmp_path / "sidecar").mkdir()
    (tmp_path / "sidecar" / "site.json").write_text(loads(EXAMPLE.read_text()).to_json())
    assert main({"TWINBOOT_SERVER": "server9"}, where) == 2
    assert main({"TWINBOOT_SERVER": "server1"}, where) == 2
    said = capfd.readouterr().out
    for text in ("TWINBOOT_SERVER is not set", "cannot be read", "known: server1, server2", "--make-key"):
        assert text in said


def test_keys_are_all_read_and_all_faults_named(tmp_path: Path) -> None:
    site = loads(EXAMPLE.read_text()).to_json()
    one_key = '"secrets/heartbeat.key"'
    assert one_key in site
    (tmp_path / "site.json").write_text(site.replace(one_key, f'{one_key}, "secrets/old.key"'))
    settings = read_settings(tmp_path / "site.json", "server1")
    with pytest.raises(ConfigError) as caught:
        read_keys(settings, tmp_path)
    assert len(caught.value.faults) == len(settings.keys) == 2
    for name in settings.keys:
        keys.generate(tmp_path / name)
    heartbeat_codec(settings, read_keys(settings, tmp_path))


def test_a_resource_error_names_its_resource() -> None:
    assert str(ResourceError("interface eth0", "is not there")) == "interface eth0: is not there"


# ARP probes before a claim --------------------------------------------------------------------------------


def test_an_address_that_answers_on_the_lan_is_an_alarm_and_not_taken() -> None:
    async def scenario(one: Server, two: Server) -> None:
        address = VIPS["first"].address
        two.lan.answers.add(address)
        one.cable.other = two.cable.other = None
        await until(lambda: ("split", "first") in alarms(two), "split")
        await until(lambda: two.lan.probed.count(address) > 3, "it goes on asking")
        assert not two.kernel.holds("first")
        two.lan.answers.clear()
        await until(lambda: two.kernel.holds("first"), "taken when silent")
        assert ("split", "first") not in alarms(two)

    pair(scenario)


def test_a_lan_that_cannot_be_asked_is_no_place_to_claim() -> None:
    async def scenario(one: Server, two: Server) -> None:
        two.lan.fault = "no carrier"
        one.cable.other = two.cable.other = None
        await until(lambda: ("claim-not-probed", "first") in alarms(two), "alarm")
        assert "no carrier" in alarms(two)["claim-not-probed", "first"]
        assert not two.kernel.holds("first")
        two.lan.fault = ""
        await until(lambda: two.kernel.holds("first"), "taken when the cable is back")

    pair(scenario)
