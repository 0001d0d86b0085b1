"""Records of machines: merging, moves, their form, and what installers may say."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.machines import facts, life, record, reports, view
from twinboot.machines.facts import Facts
from twinboot.machines.life import Observation
from twinboot.machines.record import MAX_WORDS, Order, Record, Step, merged
from twinboot.machines.reports import Event
from twinboot.machines.table import MachineTable

RECORDS = st.builds(
    Record, epoch=st.integers(0, 2), order=st.sampled_from(Order), attempt=st.integers(0, 2),
    step=st.sampled_from(Step), failed=st.booleans(), token=st.sampled_from(["", "a", "b"]),
    number=st.integers(0, 3), kib=st.integers(0, 3), words=st.sampled_from(["", "no space\nleft"]),
    macs=st.sampled_from([(), ("52:54:00:00:01:28",)]), turn=st.integers(0, 3),
    at=st.floats(0, 2e9, allow_nan=False), server=st.sampled_from(["", "server1"]),
    restored=st.booleans(),
    firmware=st.sampled_from(["", "bios", "uefi-http"]),
)
TOKEN = "0f0f-1234-5678-9abc"


@given(RECORDS, RECORDS, RECORDS)
def test_the_order_of_arrival_does_not_matter(one: Record, two: Record, three: Record) -> None:
    ends = set()
    for first, second, third in permutations((one, two, three)):
        ends.add(merged(merged(first, second), third))
        ends.add(merged(first, merged(second, third)))
    assert len(ends) == 1
    assert merged(one, one) == one


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(one: Record) -> None:
    assert record.decode(record.encode(one)) == one


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"epoch":"2"}', b'{"step":99}', b'{"macs":3}',
                                  b'{"failed":1}', b"\xff", b'{"order":true}'])  # fmt: skip
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="record of a machine"):
        record.decode(data)


def test_what_a_newer_release_says_beside_is_skipped() -> None:
    assert record.decode(b'{"epoch":2,"colour":"red"}') == Record(epoch=2)


@given(RECORDS, st.sampled_from(["a", "b"]), st.sampled_from(list(Step)), st.integers(0, 5), st.booleans())
def test_every_move_is_a_step_further(
    one: Record, token: str, step: Step, number: int, once: bool
) -> None:
    """Whatever the clock says: else another server's older record would win."""
    observation = Observation(at=0.0, server="", step=step, number=number, words="x")
    after = [
        life.begun(one, token, observation, once=once, retries=1).record, life.progressed(one, token,
            observation).record,
        life.failed(one, token, observation).record, life.done(one, token, observation).record,
        life.observed(one, step, observation), *(life.ordered(one, order, observation) for order in Order),
    ]  # fmt: skip
    for new in after:
        assert new == one or new.rank() > one.rank()


def test_an_install_begins_once() -> None:
    observation = Observation(0.0, "server1")
    first = life.begun(Record(), "a", observation, once=True)
    assert not first.refused
    assert life.begun(first.record, "a", observation, once=True).record == first.record, "the answer was lost"
    assert life.begun(first.record, "b", observation, once=True).refused, "the machine was started anew"
    assert life.offered(first.record, once=True) is Order.LOCAL
    ended = life.done(first.record, "a", observation)
    assert not ended.refused
    assert not life.done(ended.record, "a", observation).refused
    assert life.begun(ended.record, "a", observation, once=True).refused
    asked = life.ordered(ended.record, Order.INSTALL, observation)
    assert life.offered(asked, once=True) is Order.INSTALL
    assert life.progressed(asked, "a", observation).refused, "the token was good until the end of its install"


def test_a_profile_may_allow_another_attempt() -> None:
    observation = Observation(0.0, "server1")
    tried = life.begun(Record(), "a", observation, once=True, retries=1).record
    failed = life.failed(tried, "a", replace(observation, words="no disk")).record
    assert life.offered(failed, once=True, retries=1) is Order.INSTALL
    again = life.begun(failed, "b", observation, once=True, retries=1)
    assert (again.record.attempt, again.record.failed) == (1, False)
    assert life.done(again.record, "a", observation).refused, "of the attempt before"
    assert life.offered(again.record, once=True, retries=1) is Order.LOCAL


def test_what_boots_without_reporting_boots_so_until_it_is_told_otherwise() -> None:
    seen = life.observed(Record(), Step.KERNEL, Observation(0.0, ""))
    assert seen.step is Step.KERNEL
    assert life.offered(seen, once=False) is Order.INSTALL
    assert life.offered(life.ordered(seen, Order.LOCAL, Observation(0.0, "")), once=False) is Order.LOCAL


# Reports ----------------------------------------------------------------------------------------------


def test_a_report_is_read() -> None:
    found = reports.parse(f"/report/Cli128/progress?token={TOKEN}&n=5&of=25&kib=71000&words=a+b%0Ac")
    assert (found.host, found.event) == ("cli128", Event.PROGRESS)
    assert (found.number, found.of, found.kib) == (5, 25, 71000)
    assert found.words == "a b\nc"
    assert found.token != TOKEN


@pytest.mark.parametrize("target", [
    "/", "/report/", "/report/x", "/report/x/none?token=" + TOKEN, "/report/x/start",
    "/report/x/start?token=short", "/report/%2e%2e/start?token=" + TOKEN, "/ks/x/start?token=" + TOKEN,
    "/report/x/step?name=never&token=" + TOKEN, "/report/x/start?token=" + "a" * 65,
    "/report/x/start?" + "&".join(f"a{n}=1" for n in range(100)), "/report/x/start?token=" + "a" * 9000,
])  # fmt: skip
def test_what_is_no_report_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"report|token|event|step|long|fields"):
        reports.parse(target)


@given(st.text(max_size=3000))
def test_last_words_cannot_move_a_cursor(text: str) -> None:
    shown = reports.plain(text)
    assert len(shown) <= MAX_WORDS
    assert all(one == "\n" or one.isprintable() for one in shown)


def test_escapes_go_with_all_that_belongs_to_them() -> None:
    assert reports.plain("a\x1b[31mred\x1b[0m\x1b]0;title\x07b\r\nc\x9bd") == "aredb\nc?d"


def test_what_may_erase_without_asking_is_started_once() -> None:
    """Its kernel is the beginning; an image that reports by itself is let begin after it."""
    table = ready_table({"one": replace(HOSTS["one"], reports=False)})
    table.observe("one", Step.LOADER, 0.0)
    assert table.offered("one") is Order.INSTALL
    table.observe("one", Step.KERNEL, 0.0)
    assert table.offered("one") is Order.LOCAL
    assert not report(table, "one", "start")
    assert not report(table, "one", "done")
    table.order(["one"], Order.INSTALL, 0.0)
    assert table.offered("one") is Order.INSTALL
    table.observe("one", Step.ANSWERS, 0.0)
    assert table.offered("one") is Order.LOCAL


# The table --------------------------------------------------------------------------------------------

HOSTS = {
    "one": Facts("rh9", addresses=("192.168.0.10",), macs=("52:54:00:00:00:01",)),
    "two": Facts("rh9", addresses=("192.168.0.11",), macs=("52:54:00:00:00:02",)),
}


def ready_table(hosts: dict[str, Facts] | None = None) -> MachineTable:
    made = MachineTable("server1", lambda: 0.0)
    made.set_facts(HOSTS if hosts is None else hosts)
    made.ready = True
    return made


def report(
    table: MachineTable, host: str, event: str, token: str = TOKEN, address: str = "192.168.0.10"
) -> str:
    return table.report(reports.parse(f"/report/{host}/{event}?token={token}"), address, 0.0).refused


def installed(name: str = "one") -> MachineTable:
    table = ready_table()
    assert not report(table, name, "start")
    assert not report(table, name, "done")
    return table


def test_a_neighbour_reports_nothing() -> None:
    table = ready_table()
    assert report(table, "one", "start", address="192.168.0.11")
    assert not report(table, "one", "start")
    assert report(table, "one", "done", token="another-token-of-one", address="192.168.0.10")
    assert report(table, "one", "done", address="192.168.0.11")
    assert not table.of("one").done


def test_a_server_that_has_just_started_offers_nothing() -> None:
    table = ready_table()
    assert table.offered("one") is Order.INSTALL
    table.ready = False
    assert table.offered("one") is Order.LOCAL


def test_a_renamed_host_is_the_same_machine() -> None:
    table = installed()
    table.set_facts({"web": HOSTS["one"], "two": HOSTS["two"]})
    assert table.offered("web") is Order.LOCAL
    assert table.offered("two") is Order.INSTALL


def test_two_hosts_that_swap_names_are_the_same_machines() -> None:
    table = installed()
    table.set_facts({"one": HOSTS["two"], "two": HOSTS["one"]})
    assert table.offered("two") is Order.LOCAL, "this one is installed"
    assert table.offered("one") is Order.LOCAL, "nobody has asked for this one under its new name"
    assert report(table, "one", "start", token="another-token-of-one", address="192.168.0.11")
    assert table.order(["one"], Order.INSTALL, 0.0) == ["one"]
    assert table.offered("one") is Order.INSTALL


def test_an_order_that_stands_is_not_given_again() -> None:
    table = installed()
    assert table.order(["one", "two"], Order.INSTALL, 0.0) == ["one"], "two waits for its first install"
    assert table.order(["one"], Order.LOCAL, 0.0) == ["one"]
    assert table.order(["one"], Order.LOCAL, 0.0) == []


def test_the_rendered_facts_are_read_as_they_were_written() -> None:
    assert facts.decode(facts.encode(HOSTS)) == HOSTS
    for text in ("", "{}", '{"hosts": 3}', '{"hosts": {"a": {"profile": "p", "addresses": ["x"]}}}'):
        with pytest.raises(ValueError, match=r"facts|Expecting|octets"):
            facts.decode(text)


def test_an_installer_that_hangs_is_not_heard() -> None:
    """It tells where it is as long as it is switched on."""
    now = [0.0]
    table = MachineTable("server1", lambda: now[0])
    table.set_facts(HOSTS)
    table.ready = True
    assert not report(table, "one", "start")
    for at, kib, heard in ((10.0, 5, 10.0), (20.0, 5, 10.0), (30.0, 6, 30.0), (40.0, 4, 30.0)):
        now[0] = at
        said = reports.parse(f"/report/one/progress?token={TOKEN}&kib={kib}")
        assert not table.report(said, "192.168.0.10", 0.0).refused
        assert table.heard["one"] == heard


def test_silence_is_told() -> None:
    running = life.begun(Record(), "a", Observation(0.0, ""), once=True).record
    one = HOSTS["one"]
    assert view.state_of(running, 30.0, one) == "packages"
    assert view.state_of(running, 601.0, one) == "stalled"
    assert view.state_of(running, 601.0, replace(one, limits={"packages": 3600.0})) == "packages"
    assert view.state_of(running, 31.0, replace(one, limits={"packages": 30.0})) == "stalled"
    assert view.state_of(life.failed(running, "a", Observation(0.0, "")).record, 601.0, one) == "failed"
    assert view.state_of(life.done(running, "a", Observation(0.0, "")).record, 1e9, one) == "done"
    assert view.state_of(Record(), 1e9, one) == "waiting"


def test_what_cannot_report_is_not_stalled() -> None:
    silent = replace(HOSTS["one"], reports=False)
    at_loader = life.observed(Record(), Step.LOADER, Observation(0.0, ""))
    assert view.state_of(at_loader, 1e9, silent) == "stalled", "its kernel was never asked for"
    at_kernel = life.observed(Record(), Step.KERNEL, Observation(0.0, ""))
    assert view.state_of(at_kernel, 1e9, silent) == "kernel"
    assert view.state_of(at_kernel, 1e9, HOSTS["one"]) == "stalled"
    begun = life.begun(at_kernel, "a", Observation(0.0, ""), once=True).record
    assert view.state_of(begun, 1e9, silent) == "stalled", "an image that reports all the same"


# Machines without an entry ----------------------------------------------------------------------------


@given(RECORDS, st.sampled_from(["bios", "uefi", "uefi-http"]), st.booleans())
def test_what_is_heard_and_noted_is_further_and_changes_nothing_else(
    one: Record, firmware: str, sure: bool
) -> None:
    heard = life.heard_as(one, firmware, sure=sure)
    assert merged(one, heard) == heard
    assert replace(heard, firmware=one.firmware, turn=one.turn) == one
    assert (heard.firmware == firmware) or (one.firmware and not sure)
    assert life.heard_as(heard, "", sure=True) == heard, "one that does not say leaves it"
    noted = life.noted(one, "server1 was asked to restart it")
    assert merged(one, noted) == noted
    assert replace(noted, words=one.words, turn=one.turn) == one
    if one.order is Order.LOCAL or one.begun or one.done:
        assert noted == one, "an installer's own words stay"
    assert life.ordered(heard, Order.INSTALL, Observation(0.0, "server1")).firmware == heard.firmware


def test_a_machine_on_its_way_is_known_from_one_that_waits_or_hangs() -> None:
    for step, silent_s, wanted in (
        (Step.WAITING, 0.0, False), (Step.KERNEL, 1.0, True), (Step.PACKAGES, 1.0, True),
        (Step.PACKAGES, 601.0, False), (Step.DONE, 0.0, False),
    ):  # fmt: skip
        assert view.on_its_way(Record(step=step), silent_s, HOSTS["one"]) is wanted, step
    assert not view.on_its_way(Record(step=Step.PACKAGES, failed=True), 0.0, HOSTS["one"])
    assert not view.on_its_way(Record(step=Step.KERNEL, order=Order.LOCAL), 0.0, HOSTS["one"])
    assert not view.on_its_way(Record(step=Step.KERNEL, restored=True), 0.0, HOSTS["one"])
    silent = replace(HOSTS["one"], reports=False)
    assert view.on_its_way(Record(step=Step.KERNEL), 3599.0, silent)
    assert not view.on_its_way(Record(step=Step.KERNEL), 3601.0, silent), "it is done, as far as one can know"


def test_one_that_cannot_report_is_installed_again_when_it_is_asked_for() -> None:
    table = MachineTable("server1", lambda: 0.0)
    table.set_facts({"one": replace(HOSTS["one"], reports=False)})
    table.ready = True
    assert table.order(["one"], Order.INSTALL, 1.0) == [], "so it was already"
    table.observe("one", Step.KERNEL, 2.0)
    assert table.offered("one") is Order.LOCAL, "it is installed once"
    assert table.order(["one"], Order.INSTALL, 3.0) == ["one"]
    assert table.offered("one") is Order.INSTALL


@given(st.lists(st.tuples(st.sampled_from("abc"), RECORDS), max_size=8))
def test_the_table_knows_whom_to_look_at_and_what_is_new(observation: list[tuple[str, Record]]) -> None:
    table = MachineTable("server1", lambda: 0.0)
    seen = len(observation) // 2
    for name, one in observation[:seen]:
        table.merge(name, one)
    number, before = table.number, dict(table.records)
    for name, one in observation[seen:]:
        table.merge(name, one)
    records = table.records
    assert set(table.changed_since(number)) == {
        name for name, one in records.items() if before.get(name) is not one}
    assert table.changed_since(table.number) == []
    assert list(table.quiet()) == []
    assert set(table.under_way) == {name for name, one in records.items() if view.may_stall(one)}
    assert set(table.restored) == {name for name, one in records.items() if one.restored}
    assert set(table.failed) == {
        name for name, one in records.items() if one.failed and one.order is Order.INSTALL}


def test_what_hosts_have_alike_is_kept_once() -> None:
    hosts = {name: Facts("rh9", kernels=("a", "b"), limits={"kernel": 5.0}) for name in "ab"}
    one, two = facts.decode(facts.encode(hosts)).values()
    assert one == two == hosts["a"]
    assert one.kernels is two.kernels
    assert one.limits is two.limits


def test_those_that_may_be_silent_for_too_long_are_found_the_longest_first() -> None:
    now = [0.0]
    table = MachineTable("server1", lambda: now[0])
    table.set_facts({name: Facts("rh9", limits={"kernel": 5.0}) for name in "abcd"})
    table.ready = True
    for name in ("b", "a", "c"):
        now[0] += 1.0
        table.observe(name, Step.KERNEL, 0.0)
    table.order(["d"], Order.LOCAL, 0.0)
    assert list(table.quiet()) == []
    now[0] = 7.5
    assert list(table.quiet()) == ["b", "a"]
    table.observe("b", Step.ANSWERS, 0.0)
    assert list(table.quiet()) == ["a"]
