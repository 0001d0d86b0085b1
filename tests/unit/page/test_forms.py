"""Orders by form: first a question that names what is erased, then once, and only what was asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pagesite
import pytest
from fakesidecar import FakeSidecar
from fastapi.testclient import TestClient
from httpx import Response
from lxml import html
from twinboot_page.app import application
from twinboot_page.caller import COOKIE

HTTPS = {"x-real-ip": "192.168.0.7", "x-forwarded-proto": "https", "cookie": f"{COOKIE}=abc"}


@pytest.fixture
def rack() -> FakeSidecar:
    return pagesite.sidecar(role="operate")


@pytest.fixture
def browser(rack: FakeSidecar) -> Iterator[TestClient]:
    with TestClient(application(rack), headers=HTTPS, follow_redirects=False) as made:
        yield made


def form_of(reply: Response) -> dict[str, list[str]]:
    """The fields of the form that orders."""
    page = html.document_fromstring(reply.text)
    found: dict[str, list[str]] = {}
    for field in page.xpath("//form[@class='confirm']//input"):
        found.setdefault(field.get("name"), []).append(field.get("value") or "")
    return found


def actions(rack: FakeSidecar) -> list[tuple[str, dict[str, Any]]]:
    done = ("order", "standby", "resume")
    return [(command, said) for command, said in rack.asked if command in done and not said.get("ask")]


def test_an_install_names_what_it_erases_and_is_done_after_a_yes(
    browser: TestClient, rack: FakeSidecar
) -> None:
    question = browser.get("/ui/confirm?order=install&host=rack1-04&host=rack1-13")
    text = " ".join(html.document_fromstring(question.text).text_content().split())
    assert "erases the disks of rack1-04, rack1-13" in text
    assert not actions(rack), "a question orders nothing"
    done = browser.post("/ui/confirm", data=form_of(question))
    assert done.status_code == 303
    ((command, said),) = actions(rack)
    assert (command, said["order"], said["hosts"]) == ("order", "install", ["rack1-04", "rack1-13"])
    assert said["caller"] == {"address": "192.168.0.7", "via": "page", "session": "abc", "csrf": "c" * 64}
    assert "ordered" in browser.get(done.headers["location"]).text


def test_a_form_that_is_sent_again_after_the_order_erases_nothing_twice(
    browser: TestClient, rack: FakeSidecar
) -> None:
    assert rack.answers is not None
    form = form_of(browser.get("/ui/confirm?order=install&host=rack1-04"))
    rack.answers["machines"]["machines"][3]["orders"] += 1
    browser.app.state.facts._cache.forget()  # type: ignore[attr-defined]
    again = browser.post("/ui/confirm", data=form)
    assert again.status_code == 409
    assert "not ordered again" in " ".join(again.text.split())
    assert not actions(rack)


def test_many_are_erased_only_after_their_number_was_typed(browser: TestClient, rack: FakeSidecar) -> None:
    form = form_of(browser.get("/ui/confirm?order=install&profile=rhel9-web"))
    for typed in ([""], ["7"], []):
        assert browser.post("/ui/confirm", data={**form, "typed": typed}).status_code == 409
    assert not actions(rack)
    assert browser.post("/ui/confirm", data={**form, "typed": [" 14 "]}).status_code == 303
    assert len(actions(rack)[0][1]["hosts"]) == 14


@pytest.mark.parametrize(("headers", "role", "said"), [
    ({**HTTPS, "x-forwarded-proto": "http", "cookie": ""}, "nobody", "By plain HTTP"),
    ({**HTTPS, "cookie": ""}, "nobody", "This takes a login"),
    (HTTPS, "read", "this takes the role operate"),
])  # fmt: skip
def test_who_may_not_is_shown_the_command_to_type(headers: dict[str, str], role: str, said: str) -> None:
    rack = pagesite.sidecar(role=role)
    with TestClient(application(rack), headers=headers, follow_redirects=False) as browser:
        question = browser.get("/ui/confirm?order=install&host=rack1-04")
        assert said in question.text
        assert "scripts/twinboot install rack1-04" in question.text
        assert not form_of(question)
        answered = browser.post("/ui/confirm", data={"order": "install", "host": "rack1-04", "seen": "x"})
        assert answered.status_code == 200
        assert not actions(rack)


def test_a_refusal_of_the_sidecar_is_shown_in_its_words(browser: TestClient, rack: FakeSidecar) -> None:
    assert rack.answers is not None
    form = form_of(browser.get("/ui/confirm?order=local&host=rack1-04"))
    rack.answers["order"] = {"ok": False, "status": 403, "error": "the form is of another session"}
    reply = browser.post("/ui/confirm", data=form)
    assert reply.status_code == 409
    assert "the form is of another session" in reply.text


@pytest.mark.parametrize(("query", "said"), [
    ("order=format&host=rack1-04", "no order"), ("order=install", "No machine is chosen"),
    ("order=install&host=nobody", "no host nobody"),
    ("order=install&profile=none", "No host has the profile"),
])  # fmt: skip
def test_what_there_is_not_is_not_asked_about(browser: TestClient, query: str, said: str) -> None:
    reply = browser.get(f"/ui/confirm?{query}")
    assert reply.status_code == 409
    assert said in reply.text


def test_a_server_hands_over_after_a_yes_and_the_answer_does_not_wait_for_it(
    browser: TestClient, rack: FakeSidecar
) -> None:
    form = form_of(browser.get("/ui/confirm?order=standby"))
    done = browser.post("/ui/confirm", data=form)
    assert done.status_code == 303
    shown = browser.get(done.headers["location"]).text
    assert "on standby" in shown or "under way" in shown
    assert [command for command, _ in actions(rack)] == ["standby"]


def test_a_hand_over_that_would_be_refused_is_refused_at_once(browser: TestClient, rack: FakeSidecar) -> None:
    assert rack.answers is not None
    form = form_of(browser.get("/ui/confirm?order=standby"))
    rack.answers["standby"] = {"ok": False, "error": "no other server could take second over"}
    reply = browser.post("/ui/confirm", data=form)
    assert reply.status_code == 409
    assert "no other server could take second over" in reply.text
    assert not actions(rack)


def test_another_server_that_answers_after_the_move_says_where_to_look(browser: TestClient) -> None:
    assert "did not carry this out itself" in browser.get("/ui/told?of=0123&order=standby").text


def test_a_form_has_a_bound(browser: TestClient) -> None:
    reply = browser.post("/ui/confirm", content="host=" + "x" * (2 << 20))
    assert reply.status_code == 409
    assert "nothing was done" in reply.text
