"""Which machines a page of the table shows, in which order, and how far each is."""

from __future__ import annotations

import pytest
from fakesidecar import machine as plain
from pagesite import machines as rack
from twinboot_page.models import Machine, Unknown
from twinboot_page.ui import machines as table
from twinboot_page.ui.machines import PAGE, Query

RACK = [Machine.model_validate(one) for one in rack()]
MANY = [Machine.model_validate(plain(number % 200, name=f"m{number}")) for number in range(10_000)]


def names(query: Query) -> list[str]:
    return [one.name for one in table.choose(RACK, query).machines]


def test_filters_narrow_together() -> None:
    assert len(names(Query())) == len(RACK)
    assert names(Query(state="failed")) == ["rack1-13"]
    assert names(Query(text="00:01:0e")) == names(Query(text="192.168.0.114")) == ["rack1-14"]
    assert names(Query(text="UNREACHABLE")) == ["rack1-13"], "also what it said last"
    assert names(Query(profile="debian13-store", state="done")) == ["rack1-06"]
    assert names(Query(server="server9")) == []


def test_trouble_comes_first_when_asked_for() -> None:
    assert names(Query())[0] == "rack1-01"
    assert names(Query(sort="need"))[:2] == ["rack1-13", "rack1-14"]


def test_ten_thousand_come_page_by_page() -> None:
    first = table.choose(MANY, Query())
    assert (first.total, first.first, first.last, first.before) == (10_000, 1, PAGE, "")
    assert first.after == "/ui/machines?offset=100"
    last = table.choose(MANY, Query(offset=9_999))
    assert (last.first, last.last, last.after) == (9_901, 10_000, "")
    assert table.choose(MANY, Query(offset=7_000_000)).first == 9_901, "past the end is the end"
    assert table.choose([], Query(offset=50)).total == 0


@pytest.mark.parametrize("offset", ["-1", "x", "1e9", "²", "99999999", ""])
def test_an_offset_that_is_none_is_the_beginning(offset: str) -> None:
    assert Query.of({"offset": offset}).offset == 0


def test_links_keep_what_was_asked_for() -> None:
    query = Query.of({"text": " a&b ", "state": "done", "sort": "need", "evil": "x"})
    assert query.link(offset=100) == "/ui/machines?text=a%26b&state=done&sort=need&offset=100"


def test_bars_grow_with_each_step() -> None:
    steps = ["waiting", "loader", "kernel", "answers", "packages", "finishing", "done"]
    bars = [table.percent(Machine(name="m", state=step, step=step, boots="disk")) for step in steps]
    assert bars == sorted(bars)
    assert (bars[0], bars[-1]) == (0, 100)
    half = Machine(name="m", state="packages", step="packages", boots="disk", packages=256, of=512)
    assert bars[4] < table.percent(half) < bars[5]
    assert table.percent(half.model_copy(update={"packages": 9999})) == bars[5], "never beyond its step"


def test_shares_are_whole_and_begin_with_what_needs_somebody() -> None:
    shares = table.shares(RACK)
    assert [one.state for one in shares[:2]] == ["failed", "stalled"]
    assert sum(one.count for one in shares) == len(RACK)
    assert shares[-1].begin + shares[-1].width == pytest.approx(100, abs=0.01)
    odd = table.shares([Machine(name="m", state="dreaming", step="waiting", boots="disk")])
    assert (odd[0].state, odd[0].tone) == ("dreaming", "idle"), "a state of a newer release is shown, too"


def test_installs_are_counted_where_they_run() -> None:
    assert table.installs(RACK) == {"server1": 4, "server2": 4}


def test_an_unknown_machine_tells_also_what_a_newer_release_knows() -> None:
    one = Unknown.model_validate({"mac": "x", "vendor": "PXE", "serial_number": "7", "relay": ""})
    assert table.says(one) == [("vendor class", "PXE"), ("serial number", "7")]
