"""The site is changed from the page and by API: shown before it is done, as it was shown, by who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pagesite
import pytest
from fakesidecar import CHANGE, FakeSidecar
from fastapi.testclient import TestClient
from httpx import Response
from lxml import html
from twinboot_page.app import application
from twinboot_page.caller import COOKIE
from twinboot_page.ui.site_changes import forms

HTTPS = {"x-real-ip": "192.168.0.7", "x-forwarded-proto": "https", "cookie": f"{COOKIE}=abc"}
V1 = "/api/v1"
TOKEN = {"Authorization": "Bearer twinboot_x"}
PAGES = ("/ui/site/edit", "/ui/site/history", "/ui/site/history/3", "/ui/enroll?mac=52:54:00:ff:00:07",
         "/ui/unenroll?host=rack1-04", "/ui/import", "/ui/export", "/ui/machines/rack1-13/log")  # fmt: skip


@pytest.fixture
def rack() -> FakeSidecar:
    return pagesite.sidecar(role="admin")


@pytest.fixture
def browser(rack: FakeSidecar) -> Iterator[TestClient]:
    with TestClient(application(rack), headers=HTTPS, follow_redirects=False) as made:
        yield made


def forms_of(reply: Response) -> list[dict[str, Any]]:
    """Fields of each form that changes the site, as a browser sends them."""
    found: list[dict[str, Any]] = []
    for form in html.document_fromstring(reply.text).xpath("//form[@enctype]"):
        fields: dict[str, Any] = {"action": form.get("action")}
        for one in form.xpath(".//input[@name]|.//textarea[@name]|.//select[@name]"):
            if one.tag == "textarea":  # HTML, 13.2.6.4.7: a line break at its beginning is none of its text
                value = (one.text or "").removeprefix("\n").replace("\n", "\r\n")
            elif one.get("type") == "checkbox" and one.get("checked") is None:
                continue
            else:
                value = one.get("value") or ""
            name = one.get("name")
            fields[name] = [*fields[name], value] if name in fields else [value]
        one_each = {name: value[0] if isinstance(value, list) and len(value) == 1 else value
                    for name, value in fields.items()}
        found.append(one_each | {"act": form.xpath(".//button/@value")[0]})
    return found


def send(browser: TestClient, form: dict[str, Any], **more: str) -> Response:
    said = {**form, **more}
    files: Any = [(name, (None, one)) for name, value in said.items() if name not in ("action", "file")
                  for one in (value if isinstance(value, list) else [value])]
    return browser.post(said["action"], files=files)


def last(rack: FakeSidecar, command: str) -> dict[str, Any]:
    return [said for name, said in rack.asked if name == command][-1]


def test_a_text_is_compared_and_applied_as_it_was_compared(browser: TestClient, rack: FakeSidecar) -> None:
    (editor,) = forms_of(browser.get("/ui/site/edit"))
    assert editor["text"].replace("\r\n", "\n") == pagesite.TEXT, "every character of it"
    shown = send(browser, editor, text=editor["text"] + "# more\r\n")
    assert last(rack, "site-diff")["text"] == pagesite.TEXT + "# more\n", "line ends as they were"
    assert last(rack, "site-diff")["base"] == "ab" * 8
    text = " ".join(html.document_fromstring(shown.text).text_content().split())
    assert "hosts.cli1 a b" in text
    assert "+<b>" in text
    apply, again = forms_of(shown)
    assert (apply["act"], again["act"]) == ("apply", "compare")
    assert "server2 is not heard" in text, "it can be left out"
    done = send(browser, apply, without="server2")
    assert (done.status_code, done.headers["location"]) == (303, "/ui/site?number=13")
    said = last(rack, "apply")
    assert (said["text"], said["digest"], said["base"]) == (pagesite.TEXT + "# more\n", "cd" * 8, "ab" * 8)
    assert said["without"] == ["server2"]
    assert said["caller"]["csrf"] == "c" * 64


def test_a_file_that_is_chosen_counts_and_line_ends_of_the_site_stay(
    browser: TestClient, rack: FakeSidecar
) -> None:
    assert rack.answers is not None
    rack.answers["site"] = {**rack.answers["site"], "text": "version: 1\r\n"}
    (editor,) = forms_of(browser.get("/ui/site/edit"))
    assert editor["eol"] == "crlf"
    send(browser, editor)
    assert last(rack, "site-diff")["text"] == "version: 1\r\n"
    chosen = ("site.yaml", b"\xef\xbb\xbfversion: 2\n")
    files = {"file": chosen, "text": (None, "x"), "act": (None, "compare")}
    browser.post("/ui/site/edit", files=files)
    assert last(rack, "site-diff")["text"] == "version: 2\n"
    bad = browser.post("/ui/site/edit", files={"file": ("site.yaml", b"a: 1\nb: \xff\n")})
    assert (bad.status_code, "line 2" in bad.text) == (409, True)


def test_faults_are_all_shown_and_the_text_is_still_there(browser: TestClient, rack: FakeSidecar) -> None:
    assert rack.answers is not None
    rack.answers["site-diff"] = {
        "ok": False, "status": 422, "error": "the site file has faults",
        "errors": ["line 3: hosts.web1.address: 'x': write four numbers", "line 9: a: 1: <i>"]}
    (editor,) = forms_of(browser.get("/ui/site/edit"))
    shown = send(browser, editor, text="mine")
    assert shown.status_code == 422
    assert [one.text_content() for one in html.document_fromstring(shown.text).xpath("//ul/li")][-2:] == [
        "line 3: hosts.web1.address: 'x': write four numbers", "line 9: a: 1: <i>"]
    assert [one["text"] for one in forms_of(shown)] == ["mine"]


def test_who_comes_second_is_told_of_the_first_and_loses_nothing(
    browser: TestClient, rack: FakeSidecar
) -> None:
    assert rack.answers is not None
    (editor,) = forms_of(browser.get("/ui/site/edit"))
    rack.answers["apply"] = {"ok": False, "error": "server3 is applying site 13 (token bert on server3)"}
    busy = send(browser, {**editor, "act": "apply"}, digest="cd" * 8)
    assert (busy.status_code, "token bert on server3" in busy.text) == (409, True)
    rack.answers["apply"] = {"ok": False, "status": 409, "error": "site 13 was applied meanwhile",
                             "errors": ["hosts.web9: (absent) -> {...}"]}
    rack.answers["site"] = {**rack.answers["site"], "number": 13, "digest": "ef" * 8}
    late = send(browser, {**editor, "act": "apply"}, digest="cd" * 8, text="mine")
    assert "hosts.web9: (absent)" in late.text
    anew, mine = forms_of(late)
    assert (anew["text"], anew["base"], mine["text"], mine["base"]) == ("mine", "ef" * 8, "mine", "ab" * 8)


def test_an_unknown_machine_gets_an_entry_after_it_was_shown(browser: TestClient, rack: FakeSidecar) -> None:
    assert rack.answers is not None
    assert "52:54:00:ff:00:07" in browser.get("/ui/unknown").text
    (form,) = forms_of(browser.get("/ui/enroll?mac=52:54:00:ff:00:07"))
    assert (form["mac"], form["address"]) == ("52:54:00:ff:00:07", "auto")
    shown = send(browser, form, name=" new1 ", profile="rh9")
    said = last(rack, "enroll")
    assert (said["ask"], said["name"], said["machines"]) == (True, "new1", [
        {"mac": "52:54:00:ff:00:07", "name": ""}])
    assert "an install erases a disk" in " ".join(shown.text.split())
    rack.answers["enroll"] = {**CHANGE, "applied": True, "number": 13}
    done = send(browser, forms_of(shown)[0])
    assert done.headers["location"] == "/ui/site?number=13"
    said = last(rack, "enroll")
    assert (said["digest"], said["base"]) == ("cd" * 8, "ab" * 8)
    assert (said["name"], said["profile"]) == ("new1", "rh9")
    assert "ask" not in said
    rack.answers["enroll"] = {"ok": False, "status": 422, "error": "no", "errors": ["no profile"]}
    wrong = send(browser, form, name="new1")
    assert (wrong.status_code, "no profile" in wrong.text, forms_of(wrong)[0]["name"]) == (422, True, "new1")


def test_machines_leave_and_come_by_a_table(browser: TestClient, rack: FakeSidecar) -> None:
    assert rack.answers is not None
    shown = browser.get("/ui/unenroll?host=rack1-04&host=rack1-05")
    assert last(rack, "unenroll")["hosts"] == ["rack1-04", "rack1-05"]
    assert last(rack, "unenroll")["ask"]
    rack.answers["unenroll"] = {**CHANGE, "applied": True, "number": 13}
    assert send(browser, forms_of(shown)[0]).status_code == 303
    assert last(rack, "unenroll")["hosts"] == ["rack1-04", "rack1-05"]
    assert browser.get("/ui/unenroll").status_code == 409
    chosen = ("hosts.csv", "name,mac\n".encode("utf-16"))
    table = {"file": chosen, "act": (None, "ask"), "replace": (None, "1")}
    shown = browser.post("/ui/import", files=table)
    assert (last(rack, "hosts-import")["text"], last(rack, "hosts-import")["replace"]) == ("name,mac\n", True)
    send(browser, forms_of(shown)[0])
    assert (last(rack, "hosts-import")["text"], last(rack, "hosts-import")["replace"]) == ("name,mac\n", True)
    export = browser.get("/ui/export?format=csv")
    assert (export.text, export.headers["content-disposition"]) == (
        "name,mac\n", "attachment; filename=hosts.csv")


@pytest.mark.parametrize("role", ["nobody", "read", "operate"])
def test_who_may_not_is_told_the_role_and_the_command(role: str) -> None:
    rack = pagesite.sidecar(role=role)
    with TestClient(application(rack), headers=HTTPS, follow_redirects=False) as browser:
        for path in PAGES:
            operates = role == "operate" and path in ("/ui/site/history", "/ui/machines/rack1-13/log")
            reply = browser.get(path)
            assert reply.status_code == (200 if operates else 403), path
            assert ("scripts/twinboot" in reply.text) or operates, path
        for path in ("/ui/site/edit", "/ui/enroll", "/ui/unenroll", "/ui/import"):
            assert browser.post(path, data={"act": "apply", "text": "x"}).status_code == 403
    assert not {"site", "site-diff", "apply", "enroll", "unenroll", "hosts-import", "hosts", "choices",
                "site-change"} & set(rack.commands)


def test_nothing_that_was_written_elsewhere_is_markup(browser: TestClient) -> None:
    for path in (*PAGES, "/ui/site", "/ui/site?number=13"):
        reply = browser.get(path)
        assert reply.status_code == 200, (path, reply.text)
        assert "<script>document" not in reply.text, path
        assert "\x1b" not in reply.text, path


def test_how_far_a_change_is_is_told_by_server(browser: TestClient, rack: FakeSidecar) -> None:
    page = html.document_fromstring(browser.get("/ui/site?number=13").text)
    text = {one: " ".join(page.get_element_by_id(one).text_content().split())
            for one in ("vote-server1", "vote-server3", "s-server2", "s-server3", "rollout")}
    assert "accepts it" in text["vote-server1"]
    assert "refuses it" in text["vote-server3"]
    assert "hosts.web1.disks" in text["vote-server3"]
    assert "not heard" in text["s-server2"]
    assert "in use" in text["s-server3"]
    assert "asked for by token bert, by api on server1" in text["rollout"]
    live = browser.get("/ui/live?once=1&of=/ui/site?number=13").json()
    assert "vote-server3" in live["parts"]["rollout"]


def test_the_api_does_the_same(tls: TestClient, sidecar: FakeSidecar) -> None:
    assert sidecar.answers is not None
    machines = [{"mac": "52:54:00:ff:ff:01", "name": "new1"}]
    shown = tls.post(f"{V1}/hosts/enroll", json={"machines": machines, "dry_run": True}, headers=TOKEN)
    assert (shown.status_code, shown.json()["entries"]) == (200, CHANGE["entries"])
    assert last(sidecar, "enroll")["ask"]
    done = tls.post(f"{V1}/hosts/import", json={"text": "name,mac\n"}, headers=TOKEN)
    assert (done.status_code, done.json()["number"]) == (202, 4)
    assert "ask" not in last(sidecar, "hosts-import")
    assert tls.post(f"{V1}/hosts/unenroll", json={"hosts": ["cli1"]}, headers=TOKEN).status_code == 200
    assert tls.post(f"{V1}/hosts/unenroll", json={"hosts": []}, headers=TOKEN).status_code == 422
    assert tls.get(f"{V1}/hosts?format=json", headers=TOKEN).headers["content-type"] == "application/json"
    assert tls.get(f"{V1}/site/history", headers=TOKEN).json()[0]["who"] == "token anna"
    assert tls.get(f"{V1}/site/history/3", headers=TOKEN).json()["diff"][0].startswith("@@")
    log = tls.get(f"{V1}/machines/cli1/log", headers=TOKEN).json()
    assert (log["silent"], log["lines"][0]["server"]) == (["server2"], "server1")
    sidecar.answers["apply"] = {"ok": False, "status": 409, "error": "meanwhile", "errors": ["x: a -> b"]}
    body = {"text": "x", "digest": "cd" * 8, "base": "ab" * 8}
    late = tls.post(f"{V1}/site/apply", json=body, headers=TOKEN)
    assert (late.status_code, late.json()["errors"]) == (409, ["x: a -> b"])


def test_forms_have_a_bound_and_another_form_is_none(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_BYTES", 1000)
    assert browser.post("/ui/import", files={"text": (None, "x" * 2000)}).status_code == 409
    odd = browser.post("/ui/import", content=b"--", headers={"content-type": "multipart/form-data"})
    assert odd.status_code == 409
    assert "nothing was changed" in odd.text
