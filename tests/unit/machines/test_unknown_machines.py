"""Machines without an entry: every server comes to the same list, it is bounded, and no terminal obeys it."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.machines import inventory, unknown_machines
from twinboot.machines.unknown_machines import (
    MAX_UNKNOWN_MACHINES,
    UnknownMachine,
    UnknownMachines,
    cleaned,
    heard,
    merged,
)

TEXTS = st.sampled_from(["", "a", "b"])
MAC = "02:00:00:00:00:09"
SOME = st.builds(
    UnknownMachine, mac=st.just(MAC), firmware=TEXTS, vendor=TEXTS, uuid=TEXTS, serial=TEXTS, relay=TEXTS,
    first=st.integers(0, 3).map(float), last=st.integers(3, 6).map(float), times=st.integers(1, 3),
    servers=st.sampled_from([(), ("one",), ("one", "two")]),
)  # fmt: skip
ESCAPES = "\x1b[31mred\x1b]0;title\x07 \x9b2J\u202ename\r\n\0 end" + "x" * 500


def mac(number: int) -> str:
    return "52:54:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big"))


def ask(table: UnknownMachines, address: str, now: float, **said: str) -> None:
    table.hear(heard(address, firmware=said.get("firmware", "BIOS"), vendor=said.get("vendor", ""),
                     identifier=b"", relay=said.get("relay", ""), now=now))  # fmt: skip


@given(SOME, SOME)
def test_two_servers_that_tell_each_other_come_to_the_same(one: UnknownMachine,
                                                           other: UnknownMachine) -> None:
    assert merged(one, other) == merged(other, one)
    both = merged(one, other)
    assert merged(both, one) == merged(both, other) == both, "they fall silent then"


@given(st.lists(SOME, min_size=3, max_size=3))
def test_what_is_known_of_three_grows_whatever_comes_first(some: list[UnknownMachine]) -> None:
    for one, two, three in permutations(some):
        found = merged(merged(one, two), three)
        assert (found.first, found.last) == (min(x.first for x in some), max(x.last for x in some))
        assert {name for x in some for name in x.servers} == set(found.servers)
        assert bool(found.serial) == any(x.serial for x in some), "what was known once is not lost"


@given(SOME)
def test_it_is_read_as_it_was_written(one: UnknownMachine) -> None:
    assert unknown_machines.decode(unknown_machines.encode(one)) == one
    assert unknown_machines.decode_all(unknown_machines.encode_all([one, one])) == [one, one]


@pytest.mark.parametrize("data", [
    b"", b"[]", b"{}", b'{"mac":"nonsense"}', b'{"mac":"02:00:00:00:00:09","last":"x"}', b"\xff", b"[" * 9999,
    b'{"mac":"02:00:00:00:00:09","first":2,"last":1}', b'{"mac":"02:00:00:00:00:09","servers":3}',
    b'{"mac":"02:00:00:00:00:09","last":1e99}', b'{"mac":"02:00:00:00:00:09","times":true}',
])  # fmt: skip
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no machine|JSON|Expecting|decode|Extra"):
        unknown_machines.decode(data)


def test_a_newer_release_may_say_more_and_an_older_one_less() -> None:
    said = unknown_machines.decode(b'{"mac":"02:00:00:00:00:09","colour":"red","first":1,"last":2,"times":3}')
    assert (said.mac, said.times, said.serial) == (MAC, 3, "")


def test_nothing_that_a_machine_says_moves_a_terminal() -> None:
    table = UnknownMachines("one")
    ask(table, MAC, 1.0, firmware=ESCAPES, vendor=ESCAPES)
    assert table.tell(MAC, serial=ESCAPES, maker=ESCAPES, product=ESCAPES)
    (found,) = table.listed((), 1.0)
    (told,) = [unknown_machines.decode(unknown_machines.encode(one)) for one in table.take_changed(9)]
    wild = unknown_machines.decode(b'{"mac":"02:00:00:00:00:09","serial":"\\u001b[2J\\u202e\\n!"}')
    for one in (found, told, wild):
        for text in (one.firmware, one.vendor, one.serial, one.maker, one.product):
            assert text.isprintable()
            assert len(text) <= 64
    assert cleaned(" two\n lines ") == "two lines"


def test_a_flood_pushes_out_those_that_have_not_asked_for_longest() -> None:
    table = UnknownMachines("one")
    for number in range(10_000):
        ask(table, mac(number), float(number))
        if number % 1000 == 0:
            ask(table, MAC, number + 0.5)
    found = table.listed((), 10_000.0)
    assert len(found) == MAX_UNKNOWN_MACHINES
    assert found[0].mac == mac(9999)
    again = next(one for one in found if one.mac == MAC)
    assert (again.times, again.first) == (10, 0.5)
    table.merge(UnknownMachine(mac=mac(20_000), first=1.0, last=1.0))
    assert len(table) == MAX_UNKNOWN_MACHINES
    assert all(one.mac != mac(20_000) for one in table.listed((), 10_000.0)), "older than all of them"
    assert table.listed((), 1e6) == [], "nobody asks for ever"
    assert len(table.take_changed(10**6)) == MAX_UNKNOWN_MACHINES
    assert len(table.take_gone()) == 10_001 - MAX_UNKNOWN_MACHINES
    assert table.take_gone() == []


def test_a_machine_that_gets_an_entry_goes_and_only_one_that_has_asked_is_told_of() -> None:
    table = UnknownMachines("one")
    ask(table, MAC, 1.0, relay="10.0.0.1")
    assert not table.tell(mac(1), serial="x"), "nobody fills the table by HTTP"
    assert table.listed({MAC: "host"}, 1.0) == []
    table.drop([MAC, mac(1)])
    assert (len(table), table.take_changed(9), table.take_gone()) == (0, [], [MAC])


@pytest.mark.parametrize("identifier", [b"", bytes(17), b"\0" + b"\xff" * 16, b"\1" + b"a" * 16, b"\0" * 5])
def test_what_is_no_uuid_is_left_out(identifier: bytes) -> None:
    assert unknown_machines.uuid_of(identifier) == ""


def test_a_loader_says_what_the_request_had_no_room_for() -> None:
    said = inventory.parse("/report/inventory?mac=02-00-00-00-00-09&serial=AB%2012&maker=Dell%20Inc.&"
                           "product=&x=%ff")
    assert said == inventory.Inventory(MAC, "AB 12", "Dell Inc.", "")
    hexed = "&".join(f"{name}-hex={text.hex()}" for name, text in
                     (("serial", b"A&B 1\0"), ("maker", b"\xff"), ("product", b"")))  # fmt: skip
    assert inventory.parse(f"/report/inventory?mac={MAC}&{hexed}") == inventory.Inventory(MAC, "A&B 1",
        "\ufffd", "")
    assert inventory.parse(f"/report/inventory?mac={MAC}&serial-hex=xyz").serial == ""
    assert inventory.is_inventory("/report/inventory?mac=x")
    assert not inventory.is_inventory("/report/inventory/start?token=x"), "a host may be called so"
    for bad in ("", "?mac=", "?mac=zz-54-00-00-00-09", "?mac=" + "5" * 9000):
        with pytest.raises(ValueError, match=r"mac|too long"):
            inventory.parse(f"/report/inventory{bad}")
