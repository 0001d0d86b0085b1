"""A table of machines: as spreadsheets write it, with every fault and its line, and what it changes."""

from __future__ import annotations

import copy
import json
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from twinboot.enrolment import merging, rows
from twinboot.enrolment.merging import Merged
from twinboot.site import Site, loads, parse
from twinboot.site.editing import edited

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "config/examples/parity.yaml").read_text()
SITE = loads(TEXT)
HEAD = "name,mac,address,profile\n"
ENTRY = {"mac": "52:54:00:00:02:01", "address": "192.168.0.50", "profile": "rh9"}
GOOD = "web1,52:54:00:00:02:01,192.168.0.50,rh9\n"


def merge(text: str | bytes, site: Site = SITE, **options: Any) -> Merged:
    found = rows.read(text if isinstance(text, bytes) else text.encode())
    made = merging.merge(site, found.rows, subnet=site.subnets[0], **options)
    made.faults[:0] = found.faults
    return made


def applied(made: Merged, text: str = TEXT) -> Site:
    assert made.faults == []
    return loads(edited(text, made.change.put, made.change.drop))


@pytest.mark.parametrize("data", [
    (HEAD + GOOD).encode(), (HEAD + GOOD).replace(",", ";").encode(),
    (HEAD + GOOD).replace(",", "\t").encode(),
    b"\xef\xbb\xbf" + (HEAD + GOOD).encode(), (HEAD + GOOD).encode("utf-16"),
    (HEAD + GOOD).replace("\n", "\r\n").encode(), b"sep=;\r\n" + (HEAD + GOOD).replace(",", ";").encode(),
    b'Name , MACs,IP,Profile\n\n web1 ,"52:54:00:00:02:01",192.168.0.50,rh9,\n,,,,\n',
    json.dumps([{"name": "web1", **ENTRY}]).encode(),
    b'{"web1": {"mac": "525400000201", "address": "192.168.0.50", "profile": "rh9"}}',
    b'{"hosts": {"web1": {"mac": ["52-54-00-00-02-01"], "address": "192.168.0.50", "profile": "rh9"}}}',
])  # fmt: skip
def test_it_is_read_as_programs_write_it(data: bytes) -> None:
    made = merge(data)
    site = applied(made)
    assert site.hosts["web1"].mac == ("52:54:00:00:02:01",)
    assert str(site.hosts["web1"].address) == "192.168.0.50"
    assert (made.new, made.changed, made.same, len(site.hosts)) == (1, 0, 0, 3)


@pytest.mark.parametrize(("data", "said"), [
    (b"", ["the file is empty"]),
    (b" \n\n", ["the file is empty"]),
    (HEAD.encode(), ["it names no machine"]),
    (b"[]", ["it names no machine"]),
    (GOOD.encode(), ["line 1: the first line names the columns"]),
    (b"name,mac,colour,mac\nx,y,z,q\n", ["line 1: no column 'colour'", "line 1: the column mac stands"]),
    (HEAD.encode() + b"caf\xe9,,,\n", ["line 2: byte 0xe9 is no UTF-8"]),
    (HEAD.encode() + b"web1,\0,,\n", ["line 2: a character with the code 0"]),
    (b"\xff\xfen", ["line 1: byte"]),
    ((HEAD + GOOD + "web2,52:54\n").encode(), ["line 3: 2 cells, and the first line names 4"]),
    ((HEAD + ",52:54:00:00:02:01,192.168.0.50,\n").encode(), ["line 2: it has no name"]),
    ((HEAD + 'web1,"52:54,1,\n' + GOOD * 3).encode(), ["line 2: a quotation mark that no other one ends"]),
    (b"[{]", ["line 1, column 3: no JSON"]),
    (b"[3]", ["entry 1: must be an object"]),
    (b'[{"name":"x","name":"y"}]', ["the key 'name' stands twice", "entry 1: mac"]),
    (b'{"hosts": 3}', ["write a list of objects"]),
    (b"[" * 100_000, ["no JSON"]),
    (b"name,static\ncli128,perhaps\n", ["line 2: static: 'perhaps': write true or false"]),
])  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(data: bytes, said: list[str]) -> None:
    faults = merge(data).faults
    for wanted, fault in zip(said, faults, strict=False):
        assert fault.startswith(wanted), faults
    assert len(faults) >= len(said)


def test_every_fault_is_told_at_once_and_nothing_changes() -> None:
    table = HEAD + "\n".join((
        "web1,52:54:00:00:02:01,192.168.0.50,rh9",
        "web2,52:54:00:00:02:01,192.168.0.50,rh9",  # 3: both are the first one's
        "web1,52:54:00:00:02:02,192.168.0.51,rh9",  # 4: the name is
        "cli9,52:54:00:00:01:28,192.168.0.129,rh9",  # 5: a host's MAC and another's address
        "WEB1,52:54:00:00:02:03,192.168.0.52,rh9",  # 6
        "web!,nonsense,192.168.0.999,rh9",  # 7
        "web3,52:54:00:00:02:04,192.168.0.253,rh8",  # 8: a virtual address, no such profile
        "web4,52:54:00:00:02:05,192.168.0.170,rh9",  # 9: in the range
        "web5,52:54:00:00:02:06,10.9.9.9,rh9",  # 10: in no subnet
        "web6,,,rh9",  # 11
        "web7,01:00:00:00:00:01,192.168.0.53,rh9",  # 12
    )) + "\n"  # fmt: skip
    made = merge(table)
    assert not made.change.put
    told = [fault.partition(": ")[0] for fault in made.faults]
    wanted = {4: 1, 7: 1, 11: 2, 12: 1, 3: 2, 5: 2, 6: 1, 8: 2, 9: 1, 10: 1}
    assert {line: told.count(f"line {line}") for line in wanted} == wanted, made.faults
    assert "line 2" not in told
    assert any("is that of line 2" in fault for fault in made.faults)
    assert any("host cli128" in fault for fault in made.faults)
    assert any("groups.first" in fault for fault in made.faults)
    assert any("did you mean" in fault or "known: rh9" in fault for fault in made.faults)


def test_what_it_does_not_say_stays() -> None:
    text = TEXT.replace(
        "address: 192.168.0.129, profile: rh9}", "address: 192.168.0.129, profile: rh9, kernel_args: [quiet]}"
    )
    site = loads(text)
    table = "name,address,group\ncli129,192.168.0.131,first\ncli128,,\nweb1,,\n"
    made = merge(table, site)
    assert [fault[:20] for fault in made.faults] == ["line 4: mac: a new m", "line 4: address: a n"]
    made = merge(table.replace("web1,,\n", ""), site)
    found = applied(made, text)
    assert found.hosts["cli129"].kernel_args == ("quiet",)
    assert (str(found.hosts["cli129"].address), found.hosts["cli129"].group) == ("192.168.0.131", "first")
    assert (made.new, made.changed, made.same) == (0, 1, 1)
    again = merge("name,group\ncli129,\n", found)
    assert applied(again, edited(text, made.change.put, made.change.drop)).hosts["cli129"].group is None
    same = merge("name,mac\ncli129,52:54:00:00:01:29\ncli128,52-54-00-00-01-28\n")
    assert (same.same, same.change.put) == (2, {})


def test_none_leaves_unless_it_is_said_and_none_is_erased_by_it() -> None:
    table = HEAD + GOOD
    assert applied(merge(table)).hosts.keys() == {"cli128", "cli129", "web1"}
    refused = merge(table, replace=True)
    assert len(refused.faults) == 2
    assert all("erased" in fault for fault in refused.faults), "unknown machines are installed there"
    assert applied(merge(table, replace=True, may_erase=True)).hosts.keys() == {"web1"}
    waits = TEXT.replace("    unknown: install\n", "")
    assert applied(merge(table, loads(waits), replace=True), waits).hosts.keys() == {"web1"}


def test_addresses_are_chosen_past_those_that_answer() -> None:
    table = HEAD + "".join(f"web{n},52:54:00:00:02:{n:02x},auto,rh9\n" for n in range(4)) + \
        "web9,52:54:00:00:02:99,192.168.0.132,rh9\n"  # fmt: skip
    asked: list[IPv4Address] = []

    def answering(some: Any) -> dict[IPv4Address, str]:
        asked.extend(some)
        return {one: "02:00:00:00:00:01" for one in some if str(one) == "192.168.0.130"}

    made = merge(table, leased=lambda: [IPv4Address("192.168.0.131")], answering=answering)
    site = applied(made)
    given = {str(site.hosts[f"web{n}"].address) for n in range(4)}
    assert not given & {"192.168.0.130", "192.168.0.131", "192.168.0.132"}
    assert len(given) == 4
    assert len(asked) == 5


def test_what_is_exported_is_imported_as_the_same() -> None:
    raw = copy.deepcopy(yaml.safe_load(TEXT))
    raw["subnets"].append({"network": "10.8.0.0/24", "relays": ["10.8.0.1"], "profile": "rh9"})
    raw["hosts"]["rich"] = {
        "mac": ["52:54:00:00:02:01", "52:54:00:00:02:02"], "uuid": "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10",
        "client_id": ["ff:00:01"], "address": "192.168.0.50", "addresses": ["10.8.0.5"], "group": "first",
        "kernel_args": ["quiet", "a=b"], "static": True, "disks": ["sda"], "vars": {},
    }  # fmt: skip
    site = parse(raw)
    hosts = [(name, merging.entry_of(host)) for name, host in site.hosts.items()]
    for text in (rows.as_csv(hosts), rows.as_json(hosts)):
        made = merge(text, site, replace=True)
        assert made.faults == []
        assert made.same == 3
        assert not made.change.put
        assert not made.change.drop
    assert rows.as_csv(hosts).splitlines()[1] == "cli128,52:54:00:00:01:28,,,192.168.0.128,,rh9,,,"


def test_ten_thousand_lines_take_seconds() -> None:
    raw = copy.deepcopy(yaml.safe_load(TEXT))
    raw["subnets"].append({"network": "10.8.0.0/16", "relays": ["10.8.0.1"], "profile": "rh9"})
    site = parse(raw)
    table = "name,mac,address\n" + "".join(
        f"n{n},02:00:00:00:{n >> 8:02x}:{n & 255:02x},10.8.{n >> 8}.{n & 255}\n" for n in range(256, 10_256)
    )
    began = time.process_time()
    made = merge(table, site)
    assert time.process_time() - began < 60
    assert made.faults == []
    assert made.new == 10_000
    doubled = merge(table + table.splitlines()[9999] + "\n", site)
    assert len(doubled.faults) == 1
