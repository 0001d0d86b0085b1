"""`twinboot enroll` and `unenroll`: what they change, and each reason why they do not."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from twinboot import paths
from twinboot.commands import client, site_file
from twinboot.commands.changing import in_use
from twinboot.commands.hosts import command, lan, proposal
from twinboot.commands.hosts.proposal import PLACE, TO_APPLY, TO_WRITE, WOULD_CHANGE
from twinboot.enrolment.change import SiteFileChange
from twinboot.enrolment.enrolling import Enrolment, Refused, enrol, unenrol
from twinboot.rollout.model import Committed, Version
from twinboot.rollout.record import Record
from twinboot.site import Site, identity, loads
from twinboot.site.editing import edited

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "config/examples/parity.yaml").read_text()
SITE = loads(TEXT)
RELAYED = TEXT.replace(
    "\n# The name service.",
    "\n  - {network: 10.8.0.0/24, relays: [10.8.0.1], profile: rh9}\n\n# The name service.", 1
)  # fmt: skip
MAC, OTHER = "52:54:00:00:02:01", "52:54:00:00:02:02"
UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
HEARD = {MAC: {"mac": MAC, "relay": "", "uuid": UUID}, OTHER: {"mac": OTHER, "relay": "10.8.0.1", "uuid": ""}}


def wish(*targets: str, **more: Any) -> Enrolment:
    return Enrolment(targets=targets, **more)


def change(one: Enrolment, text: str = TEXT, answering: Any = None,
           leased: Sequence[str] = ()) -> SiteFileChange:
    return enrol(loads(text), one, "server1", heard=HEARD, leased={IPv4Address(a) for a in leased},
                 answering=answering or (lambda _some: {}))  # fmt: skip


def hosts(made: SiteFileChange, text: str = TEXT) -> dict[str, dict[str, Any]]:
    loads(edited(text, made.put, made.drop))  # a sound site
    return {path[1]: dict(entry) for path, entry in made.put.items()}  # type: ignore[call-overload]


def test_a_machine_gets_the_next_address_and_its_profile() -> None:
    assert hosts(change(wish(MAC, name="web1", profile="rh9"))) == {
        "web1": {"mac": MAC, "address": "192.168.0.131", "profile": "rh9"}
    }
    shown = "\n".join(change(wish(MAC, name="web1")).lines)
    assert "ERASES" in shown
    assert "rh9" in shown, "the subnet's own"
    assert "has not asked" in "\n".join(change(wish("525400000299", name="web1")).lines)


def test_several_at_once_by_numbers_and_by_names() -> None:
    made = hosts(change(wish(MAC, "52:54:00:00:02:03", "52:54:00:00:02:04=db", name="web09")))
    assert {name: entry["address"] for name, entry in made.items()} == {
        "web09": "192.168.0.131", "web10": "192.168.0.130", "db": "192.168.0.133",
    }  # fmt: skip
    made = hosts(change(wish(f"{MAC},52:54:00:00:02:03", name="two", with_uuid=True, group="second")))
    assert made["two"] == {"mac": [MAC, "52:54:00:00:02:03"], "uuid": UUID, "address": "192.168.0.130"}
    counted = hosts(change(wish("52:54:00:00:02:05", "52:54:00:00:02:06", name="cli127")))
    assert list(counted) == ["cli127", "cli130"], "past those that are taken"


def test_a_machine_behind_a_relay_gets_an_address_there() -> None:
    made = change(wish(MAC, OTHER, name="web1"), RELAYED)
    assert [entry["address"] for entry in hosts(made, RELAYED).values()] == ["192.168.0.131", "10.8.0.2"]
    made = change(wish(MAC, name="web1", subnet="10.8.0.0/24"), RELAYED)
    assert hosts(made, RELAYED)["web1"]["address"] == "10.8.0.3", "the odd one, for the first group"


def test_an_address_that_answers_is_passed_over() -> None:
    used = {"192.168.0.131", "192.168.0.133"}

    def answering(some: Sequence[IPv4Address]) -> dict[IPv4Address, str]:
        return {one: "02:00:00:00:00:01" for one in some if str(one) in used}

    made = hosts(change(wish(MAC, name="web1"), answering=answering, leased=["192.168.0.130"]))
    assert made["web1"]["address"] not in used | {"192.168.0.130"}
    with pytest.raises(Refused, match="02:00:00:00:00:01 answers"):
        change(wish(MAC, name="web1", address="192.168.0.131"), answering=answering)
    there = wish(MAC, name="web1", address="192.168.0.131")
    itself = hosts(change(there, answering=lambda some: {some[0]: MAC}))
    assert itself["web1"]["address"] == "192.168.0.131"
    pinned = hosts(change(wish(MAC, name="web1", address="192.168.0.50", group="first")))
    assert pinned["web1"]["group"] == "first"


@pytest.mark.parametrize(("one", "said"), [
    (wish(), "name a MAC address"),
    (wish("52:54:00:00:02", name="a"), "'52:54:00:00:02'"),
    (wish("01:00:00:00:00:01", name="a"), "multicast"),
    (wish("52:54:00:00:01:28", name="a"), "is known already, as host cli128"),
    (wish(MAC, MAC, name="a1"), f"{MAC} is known already, as host a1"),
    (wish(f"{MAC},{MAC}", name="a"), "twice"),
    (wish(MAC), "--name"),
    (wish(MAC, OTHER, name="web"), f"{OTHER}: --name"),
    (wish(MAC, name="we_b"), "not a host name"),
    (wish(MAC, name="CLI128"), "taken by hosts.cli128"),
    (wish(MAC, name="server2"), "taken by servers.server2"),
    (wish(MAC, name="ftp"), "taken by the install name"),
    (wish(f"{MAC}=a", f"{OTHER}=a"), "the name a is taken"),
    (wish(MAC, name="a", profile="rh8"), "no profile 'rh8'; there are: rh9"),
    (wish(MAC, name="a", group="third"), "no group 'third'; there are: first, second"),
    (wish(MAC, name="a", subnet="10.0.0.0/8"), "no subnet '10.0.0.0/8'; there are: 192.168.0.0/24"),
    (wish(MAC, OTHER, name="a1", address="192.168.0.50"), "leave --address out"),
    (wish(MAC, name="a", address="192.168.0.300"), "is no IPv4 address"),
    (wish(MAC, name="a", address="10.1.1.1"), "in no subnet; there are: 192.168.0.0/24"),
    (wish(MAC, name="a", address="192.168.0.170"), "in the range of 192.168.0.0/24"),
    (wish(MAC, name="a", address="192.168.0.253"), "that of groups.first"),
    (wish(MAC, name="a", address="192.168.0.129"), "that of hosts.cli129"),
    (wish(OTHER, name="a"), "came by 10.8.0.1, which is in no subnet"),
])  # fmt: skip
def test_each_refusal_is_a_clear_line(one: Enrolment, said: str) -> None:
    with pytest.raises(Refused) as refused:
        change(one)
    (line,) = refused.value.lines
    assert said in line


def test_all_refusals_are_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        change(wish("nonsense", "52:54:00:00:01:28", name="cli128", profile="x"))
    assert len(refused.value.lines) == 4
    full = TEXT.replace("192.168.0.160, last: 192.168.0.199", "192.168.0.2, last: 192.168.0.250")
    full = full[:full.index("hosts:\n")] + "hosts: {}\n"
    full = full.replace("type: A, value: 192.168.0.20}", "type: A, value: 10.0.0.9}")
    with pytest.raises(Refused, match=r"no address of 192\.168\.0\.0/24 is free"):
        change(wish(MAC, name="a"), full, leased=["192.168.0.252"])
    without = TEXT.replace("    unknown: install\n    profile: rh9\n", "")
    with pytest.raises(Refused, match="--profile says what to install; there are: rh9"):
        change(wish(MAC, name="a"), without)


def test_another_card_of_a_known_machine_is_no_new_machine() -> None:
    text = TEXT.replace("cli129: {", f"cli129: {{uuid: {UUID}, ")
    with pytest.raises(Refused, match="UUID of host cli129"):
        change(wish(MAC, name="web1"), text)


def test_no_machine_is_erased_because_it_leaves() -> None:
    with pytest.raises(Refused, match="erased"):
        unenrol(SITE, ["cli128"])
    assert unenrol(SITE, ["cli128"], may_erase=True).drop == [("hosts", "cli128")]
    waits = loads(TEXT.replace("    unknown: install\n", ""))
    assert unenrol(waits, ["cli128", "cli128"]).drop == [("hosts", "cli128")]
    with pytest.raises(Refused, match="did you mean 'cli12"):
        unenrol(waits, ["cli12", "cli128"])
    with pytest.raises(Refused):
        unenrol(waits, [])


# With files ---------------------------------------------------------------------------------------


class Desk:
    """A server's folders, as the commands find them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.run = folder / "site.yaml", folder / "run"
        self.run.mkdir()
        self.patch = monkeypatch
        self.record_of(loads(TEXT), TEXT)
        self.file.write_text(TEXT)
        monkeypatch.setattr(paths, "CONTROL_SOCKET", self.run / "control.sock")
        monkeypatch.setattr(proposal.base, "__defaults__", (self.file,))
        monkeypatch.setattr(proposal.write, "__kwdefaults__", {"site_file": self.file})
        monkeypatch.setenv(PLACE, "test-1")
        monkeypatch.setenv("TWINBOOT_SERVER", "server1")
        monkeypatch.setattr(lan, "answering", lambda *_: {})
        said = {
            "unknown": {"ok": True, "unknown": list(HEARD.values())}, "leased": {"ok": True, "addresses": []},
        }  # fmt: skip
        monkeypatch.setattr(client, "ask", lambda command, *_, **__: said[command])

    def record_of(self, site: Site, text: str, **past: int) -> None:
        record = Record(Committed(Version(7, identity.digest(site)), text), past=past)
        self.patch.setattr(in_use, "read_record", lambda *_: record)

    def call(self, what: Any, *words: Any, **options: Any) -> int:
        with pytest.raises(SystemExit) as end:
            what(*words, **options)
        return int(end.value.code or 0)

    def write(self, said: str, *, back: bool = False) -> int:
        self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(said.encode())))
        try:
            command.write_site(back=back)
        except SystemExit as end:
            return int(end.code or 0)
        return 0


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_it_is_shown_written_and_taken_back(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.call(command.enroll, [MAC], name="web1", dry_run=True) == WOULD_CHANGE
    assert "+ web1" in capsys.readouterr().out
    assert list(desk.run.iterdir()) == []
    assert desk.call(command.enroll, [MAC], name="web1", no_apply=True) == TO_WRITE
    assert desk.call(command.enroll, [MAC], name="web1") == TO_APPLY
    assert desk.file.read_text() == TEXT, "this container cannot write it"
    capsys.readouterr()
    command.take_proposal()
    said = capsys.readouterr().out
    assert list(desk.run.iterdir()) == []
    assert desk.write(said) == 0
    assert "web1" in loads(desk.file.read_text()).hosts
    assert desk.write(said) == 2, "somebody else has written it"
    assert desk.write(said, back=True) == 0
    assert desk.file.read_text() == TEXT
    assert desk.write(said) == 0
    new = desk.file.read_text()
    desk.record_of(loads(new), new)
    assert desk.write(said, back=True) == 0
    assert desk.file.read_text() == new, "it is in use by now"
    desk.file.write_text(new + "# edited\n")
    desk.record_of(loads(TEXT), TEXT)
    assert desk.write(said, back=True) == 0
    assert desk.file.read_text().endswith("# edited\n")


def test_other_changes_of_the_file_do_not_go_along_unseen(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.file.write_text(TEXT.replace("ttl_s: 10", "ttl_s: 20"))
    assert desk.call(command.enroll, [MAC], name="web1") == 2
    said = capsys.readouterr()
    assert "dns.ttl_s" in said.err
    assert "--all" in said.err
    assert desk.call(command.enroll, [MAC], name="web1", everything=True, dry_run=True) == WOULD_CHANGE
    assert "dns.ttl_s: 10 -> 20" in capsys.readouterr().out
    desk.file.write_text(f"# layout alone\n{TEXT}")
    assert desk.call(command.enroll, [MAC], name="web1", dry_run=True) == WOULD_CHANGE
    desk.file.write_text(TEXT.replace("ttl_s: 10", "ttl_s: ten"))
    assert desk.call(command.enroll, [MAC], name="web1") == 2
    assert "FAULT   dns.ttl_s" in capsys.readouterr().err
    desk.file.write_bytes(b"\xff")
    assert desk.call(command.enroll, [MAC], name="web1") == 2


def test_a_file_of_an_earlier_site_gives_way_to_the_one_in_use(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = TEXT.replace("ttl_s: 10", "ttl_s: 20 # by another server")
    desk.record_of(loads(newer), newer, **{identity.digest(loads(TEXT)).hex(): 6})
    assert desk.call(command.enroll, [MAC], name="web1") == TO_APPLY
    assert "site 7" in capsys.readouterr().out
    command.take_proposal()
    said = json.loads(capsys.readouterr().out)
    assert said["old"] == TEXT
    assert "by another server" in said["new"]
    assert "web1" in said["new"]


def test_tables_come_and_go(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.patch.setattr(in_use, "committed_site", lambda: (SITE, 7))
    command.export_hosts()
    table = capsys.readouterr().out
    (tmp_path / "hosts.csv").write_text(table)
    assert desk.call(command.import_hosts, str(tmp_path / "hosts.csv")) == 0
    assert "nothing to change" in capsys.readouterr().out
    (tmp_path / "hosts.csv").write_text(f"{table}web1,{MAC},,,auto,,,,,\n")
    assert desk.call(command.import_hosts, str(tmp_path / "hosts.csv"), dry_run=True) == WOULD_CHANGE
    said = capsys.readouterr().out
    assert "+ web1" in said
    assert "1 new, 0 changed, 2 the same" in said
    (tmp_path / "hosts.csv").write_text(f"{table}web1,{MAC},,,192.168.0.50,,,,console=ttyS0 inst.ks=x,\n")
    assert desk.call(command.import_hosts, str(tmp_path / "hosts.csv")) == 2
    assert "line 4: hosts.web1.kernel_args" in capsys.readouterr().err, "what only the whole site shows"
    assert desk.call(command.import_hosts, str(tmp_path / "none.csv")) == 2


def test_outside_of_its_script_it_says_who_can_write(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.patch.delenv(PLACE)
    assert desk.call(command.enroll, [MAC], name="web1") == 2
    assert "scripts/twinboot" in capsys.readouterr().err
    site_file.write(desk.file, "a: 1\r\n")
    assert site_file.read(desk.file) == "a: 1\r\n"
