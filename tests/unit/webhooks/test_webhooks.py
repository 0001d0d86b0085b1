"""Events, signatures, the outbox, episodes of alarms, and when what is sent again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.site.model.api import WebhookEvent
from twinboot.webhooks import outbox, sending, signing
from twinboot.webhooks.answer import Answer, DeliveryOutcome, judged, not_reached
from twinboot.webhooks.delivery_queue import DeliveryQueue
from twinboot.webhooks.episodes import AFTER_START_S, MAX_NUMBERS, OVER_AFTER_S, EpisodeChange, Episodes
from twinboot.webhooks.event import Event, EventKind, body, cut, identify
from twinboot.webhooks.hook import Hook, hooks_of
from twinboot.webhooks.outbox import ENDED, Entry, Outbox
from twinboot.webhooks.sending import Sending, sender, wait_s

DAY = 86_400.0


def event(name: str = "e1", *, at: float = 100.0, subject: str = "cli128", kind: str = "machine-done",
          profile: str = "rh9") -> Event:  # fmt: skip
    return Event(id=name, kind=kind, at=at, subject=subject, text="done", data={"profile": profile})


# Events and signatures ------------------------------------------------------------------------------


def test_the_site_files_words_are_those_of_events() -> None:
    assert [str(one) for one in WebhookEvent] == [str(one) for one in EventKind]


def test_an_id_follows_from_what_happened() -> None:
    one = identify("rack1", "machine-done", "cli128", 1, 0)
    assert one == identify("rack1", "machine-done", "cli128", "1", 0)
    others = [
        identify("rack2", "machine-done", "cli128", 1, 0), identify("rack1", "machine-done", "cli12", 81, 0),
        identify("rack1", "machine-failed", "cli128", 1, 0),
    ]  # fmt: skip
    assert len({one, *others}) == 4
    assert "." not in one, "the signature's parts are parted by it"


def test_the_body_has_what_a_receiver_needs() -> None:
    said = json.loads(body(event(at=1_796_000_000.25), "rack1"))
    assert said == {
        "version": 1, "id": "e1", "type": "machine-done", "timestamp": "2026-11-30T00:53:20.250Z",
        "cluster": "rack1", "subject": "cli128", "text": "done", "data": {"profile": "rh9"},
    }  # fmt: skip
    assert cut("ä" * 400, 601) == "ä" * 300, "no half characters"


def test_a_signature_is_the_one_that_the_fields_libraries_make() -> None:
    """The values that Standard Webhooks' own libraries are tested with."""
    secrets = signing.secrets_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    made = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at=1_614_265_330.9,
                           secrets=secrets)  # fmt: skip
    assert made == {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
                    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}  # fmt: skip
    two = signing.headers("e", b"", at=1, secrets=(*secrets, b"x" * 24))["webhook-signature"].split(" ")
    assert len(two) == 2, "while one secret replaces another both sign"
    assert "webhook-signature" not in signing.headers("e", b"", at=1, secrets=())


@pytest.mark.parametrize(("text", "why"), [
    ("", "0 lines"), ("whsec_AAAA", "3 octets"), ("secret", "line 1 does not begin"),
    ("whsec_!!", "no base64"), ("whsec_" + "A" * 100, "75 octets"),
    ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n" * 5, "5 lines"),
])  # fmt: skip
def test_a_secret_that_is_none_is_told_without_it(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as found:
        signing.secrets_of(text)
    assert "AAAA" not in str(found.value)


def test_what_a_webhook_wants() -> None:
    site = {"webhooks": [{"name": "a", "url": "u", "events": ["machine-done", "alarm"], "profiles": ["rh9"],
                          "secret": None, "ca": None}]}  # fmt: skip
    hook = hooks_of(site)["a"]
    assert hook.wants(event())
    assert not hook.wants(event(profile="other"))
    assert not hook.wants(event(kind="machine-failed"))
    assert hook.wants(event(kind="alarm", profile="")), "alarms have no profile"
    assert hooks_of(None) == hooks_of({}) == {}


# The outbox -----------------------------------------------------------------------------------------

ENTRIES = st.one_of(st.just(ENDED), st.builds(
    lambda to, got: Entry(event(), frozenset(to), frozenset(got)), st.sets(st.sampled_from("ab"), min_size=1),
    st.sets(st.sampled_from("abc"))))  # fmt: skip


@settings(max_examples=50)
@given(ENTRIES, ENTRIES, ENTRIES)
def test_merging_comes_to_the_same_in_any_order(one: Entry, two: Entry, three: Entry) -> None:
    merged = outbox.merged
    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, one) == one
    assert outbox.decode("e1", outbox.encode(one)) == one


@pytest.mark.parametrize("row", [b"", b"5", b"{", b'{"kind": 1}', b"\xff", b"[" * 4000,
                                 outbox.encode(Entry(event())).replace(b"100.0", b"1e300")])  # fmt: skip
def test_what_is_no_event_is_refused(row: bytes) -> None:
    with pytest.raises(ValueError, match="no event"):
        outbox.decode("e1", row)


def test_an_event_ends_when_all_have_got_it_and_does_not_begin_again() -> None:
    box = Outbox()
    box.note(event(), ["a", "b"], 100.0)
    box.note(event("e0", at=50.0), ["a"], 100.0)
    assert [one.id for one in box.waiting("a")] == ["e0", "e1"], "the oldest first"
    box.delivered("e1", "a")
    box.merge("e1", Entry(event(), frozenset("ab"), frozenset("b")), 100.0)
    assert box.waits("b") == 0
    assert dict(box.take_changed())["e1"] == ENDED
    box.note(event(), ["a", "b"], 100.0)
    box.merge("e1", Entry(event(), frozenset("c")), 100.0)
    assert len(box) == 1
    assert box.has("e1")


def test_too_many_and_too_old_are_dropped_and_counted() -> None:
    box = Outbox()
    box.known = frozenset({"a"})
    box.note(event("done", at=1.0), ["a", "gone"], 1.0)
    many = outbox.MAX_WAITING[EventKind.MACHINE_DISCOVERED] + 5
    for number in range(many):
        box.note(event(f"d{number:04d}", kind="machine-discovered", at=10.0 + number), ["a"], 10.0 + number)
    assert box.dropped["a"] == 5
    box.note(event("d0258", kind="machine-discovered", at=99.0), ["a"], 99.0)
    assert box.dropped["a"] == 5, "one that asks again is counted once"
    waiting = [one.id for one in box.waiting("a")]
    assert waiting[:2] == ["done", "d0000"], "unknown machines push out no others"
    box.merge("peer's", Entry(event("peer's", kind="machine-discovered", at=500.0), frozenset("a")), 500.0)
    assert next(box.waiting("a")).id == "done"
    assert not [one for one in box.waiting("a") if one.id == "d0000"], "the oldest goes"
    for number in range(outbox.MAX_OTHERS):
        box.note(event(f"m{number:04d}", at=600.0 + number), ["a"], 600.0)
    assert "done" not in {one.id for one in box.waiting("a")}
    box.age(outbox.MAX_AGE_S + 500.0)
    assert box.dropped == {"a": 7 + many - 6}, "of a webhook that the site has no more nothing is missed"


def test_ended_ones_are_forgotten_at_some_time() -> None:
    box = Outbox()
    for number in range(outbox.MAX_ENDED + 1):
        box.merge(f"e{number}", ENDED, 0.0)
    assert dict(box.take_changed())["e0"] is None
    assert not box.has("e0")


# Alarms ---------------------------------------------------------------------------------------------

KEY = ("server-silent", "server2")


def test_servers_that_notice_an_alarm_make_one_episode() -> None:
    one, two = Episodes(), Episodes()
    assert one.look([KEY], [], 0.0) == two.look([KEY], [], 0.0) == [EpisodeChange(KEY, 1, begins=True)]
    late = Episodes()
    assert late.look([KEY], [{KEY: 1}], 5.0) == [], "it has begun elsewhere"
    assert one.look([KEY], [{KEY: 1}], 5.0) == []
    assert one.look([], [{KEY: 1}], 100.0) == [], "another server has it still"
    assert one.look([], [], 100.0 + OVER_AFTER_S - 0.1) == []
    assert one.look([], [], 100.0 + OVER_AFTER_S) == [EpisodeChange(KEY, 1, begins=False)]
    assert one.look([KEY], [], 200.0) == [EpisodeChange(KEY, 2, begins=True)]


def test_an_alarm_that_flickers_or_outlives_a_restart_is_one() -> None:
    one = Episodes()
    one.look([KEY], [], 0.0)
    assert one.look([], [], 5.0) == one.look([KEY], [], 10.0) == []
    numbers, opened, base = one.kept()
    again = Episodes()
    again.load(dict(numbers), opened, base, 1000.0)
    assert again.look([], [], 1000.0 + AFTER_START_S - 1) == []
    assert again.look([KEY], [], 1000.0 + AFTER_START_S - 1) == []
    assert again.number_of(KEY) == 1


def test_numbers_of_forgotten_alarms_are_not_given_again() -> None:
    one = Episodes()
    for now in (0.0, 100.0, 200.0):
        one.look([KEY], [], now)
        one.look([], [], now + 50)
    for number in range(MAX_NUMBERS + 1):
        one.look([("lease-refused", str(number))], [], 1000.0 + 20 * number)
    assert one.look([KEY], [], 1e6)[-1].number > 3


# Sending --------------------------------------------------------------------------------------------

REFUSED, DOWN, DELIVERED = judged(400), not_reached("down"), judged(204)


def test_what_an_answer_means() -> None:
    codes = (200, 204, 301, 400, 401, 404, 410, 422, 429, 500, 503)
    outcomes = {code: judged(code).outcome for code in codes}
    delivered, refused = {200, 204}, {400, 422}
    assert {code for code, one in outcomes.items() if one is DeliveryOutcome.DELIVERED} == delivered
    assert {code for code, one in outcomes.items() if one is DeliveryOutcome.REFUSED} == refused
    assert "write that URL" in judged(308, "Permanent Redirect", "https://x/").said


def test_a_refused_event_holds_up_its_subject_alone() -> None:
    one = Sending()
    waiting = [event("a1", subject="a"), event("a2", subject="a"), event("b1", subject="b")]
    assert one.next(waiting, 0.0) == waiting[0]
    assert one.next(waiting, 0.0) is None, "one is under way"
    one.ended(REFUSED, 0.0, 1.0)
    assert one.next(waiting, 0.1) == waiting[2], "and a2 waits for a1"
    one.ended(DELIVERED, 0.2, 1.0)
    assert one.next(waiting[:2], 0.3) is None
    assert one.next(waiting[:2], 1.1) == waiting[0]
    one.ended(DELIVERED, 1.1, 1.0)
    assert one.next(waiting[1:2], 1.2) == waiting[1]
    assert (one.delivered, one.failed) == (2, 1)


def test_a_receiver_that_is_not_there_is_tried_less_and_less_often() -> None:
    one, now, tries = Sending(), 0.0, []
    while now < 3600.0:
        if one.next([event()], now) is not None:
            tries.append(now)
            one.ended(DOWN, now, 0.5)
        now += 0.1
    assert len(tries) < 25
    assert tries[1] < 1.0, "the first time soon"
    assert one.troubled(now)
    assert one.failing(now)
    assert [wait_s(n, 0.0) for n in (1, 2, 3, 40)] == [0.5, 1.0, 2.0, 150.0]
    assert one.next([event()], now + 300.0) is not None
    one.ended(DELIVERED, now + 300.0, 0.5)
    assert not one.troubled(now + 1e6)
    assert not one.failing(now + 300.0)


def test_refusals_of_everything_are_an_alarm_too_and_bounded() -> None:
    one = Sending()
    for number in range(sending.MAX_REFUSED + 1):
        assert one.next([event(subject=f"s{number}")], 100.0) is not None
        one.ended(REFUSED, 100.0, 0.5)
    assert one.next([event(subject="another")], 100.0) is None, "it counts as not there"
    assert one.troubled(131.0)
    one.forget(())
    assert not one.troubled(131.0), "nothing waits any more"


def test_whose_turn_it_is() -> None:
    order = ("server1", "server2", "server3")
    assert sender(order, {"server2", "server3"}, ()) == "server2"
    assert sender(order, set(order), {"server1"}) == "server2"
    assert sender(order, {"server2", "server3"}, {"server2", "server3"}) == "server2"
    assert sender(order, set(), ()) == ""


def test_a_webhook_that_stays_in_a_changed_site_goes_on_from_where_it_was() -> None:
    one, hook = DeliveryQueue("server1"), Hook(name="a", url="http://a/")
    one.set_site({"a": hook, "b": replace(hook, name="b")}, ("server1",))
    one.note(event(), 100.0)
    assert [found.name for found, _ in one.due(0.0, ())] == ["a", "b"]
    one.set_site({"a": replace(hook, url="http://new/")}, ("server1",))
    one.ended("b", "e1", Answer(DeliveryOutcome.DELIVERED, ""), now=0.1, draw=0.5)
    one.ended("a", "e1", DOWN, now=0.1, draw=0.5)
    assert one.outbox.waits("a") == 1
    assert one.outbox.waits("b") == 0, "what was under way was delivered"
    assert [found.url for found, _ in one.due(5.0, ())] == ["http://new/"]
