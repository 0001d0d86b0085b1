"""Each page as HTML: well-formed, with headings and labels, without a script or style of its own text, and
with everything that a machine wrote escaped."""

from __future__ import annotations

from collections.abc import Iterator

import pagesite
import pytest
from fakesidecar import FakeSidecar
from fastapi.testclient import TestClient
from lxml import html
from twinboot.alarms.registry import Severity
from twinboot_page.app import application
from twinboot_page.caller import COOKIE
from twinboot_page.models import Alarm
from twinboot_page.ui import views

BY_HTTPS = {"x-real-ip": "192.168.0.7", "x-forwarded-proto": "https", "accept": "text/html",
            "cookie": f"{COOKIE}=s"}  # fmt: skip
PAGES = (
    "/", "/ui/machines", "/ui/machines?state=failed&sort=need", "/ui/machines/rack1-13", "/ui/unknown",
    "/ui/trees", "/ui/history", "/ui/about", "/ui/login", "/ui/confirm?order=install&host=rack1-13",
    "/ui/confirm?order=standby",
    "/ui/told?of=x&order=install", "/ui/nothing", "/ui/machines/nobody",
)  # fmt: skip


@pytest.fixture
def rack() -> FakeSidecar:
    return pagesite.sidecar(role="operate")


@pytest.fixture
def browser(rack: FakeSidecar) -> Iterator[TestClient]:
    with TestClient(application(rack), headers=BY_HTTPS, follow_redirects=False) as made:
        yield made


def text_of(page: html.HtmlElement, path: str) -> str:
    (found,) = page.xpath(path)
    return " ".join(found.text_content().split())


@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_read_by_everybody(browser: TestClient, path: str) -> None:
    reply = browser.get(path)
    assert reply.status_code == (404 if "no" in path.rsplit("/", 1)[-1][:2] else 200)
    page = html.document_fromstring(reply.text)
    assert page.get("lang") == "en"
    assert len(page.xpath("//h1")) == len(page.xpath("//main")) == len(page.xpath("//header//nav")) == 1
    assert page.xpath("//title")[0].text.strip()
    (skip,) = page.xpath("//body/a[1]")
    assert page.get_element_by_id(skip.get("href")[1:]).tag == "main"
    for table in page.xpath("//table"):
        assert table.xpath(".//thead//th[@scope='col']")
        assert all(cell.get("scope") for cell in table.xpath(".//th"))
    for field in page.xpath("//input[not(@type='hidden')] | //select"):
        assert field.get("aria-label") or field.xpath("ancestor::label"), html.tostring(field)
    for picture in page.xpath("//*[local-name()='svg'][not(@aria-hidden)] | //img"):
        assert picture.get("aria-label") or picture.get("alt") is not None
    ids = [one.get("id") for one in page.xpath("//*[@id]")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_script_or_style_in_it_or_asks_another_host(browser: TestClient, path: str) -> None:
    page = html.document_fromstring(browser.get(path).text)
    assert not page.xpath("//script[not(@src)] | //style | //@style | //iframe | //object | //base")
    assert not [name for one in page.iter() for name in one.attrib if name.startswith("on")]
    for address in page.xpath("//@src | //@href | //@action | //@formaction"):
        assert address == "" or address.startswith(("/", "#")), address


@pytest.mark.parametrize(
    "path", ["/ui/machines", "/ui/machines/rack1-13", "/ui/live?once&of=/ui/machines/rack1-13"])
def test_what_a_machine_wrote_is_text(browser: TestClient, path: str) -> None:
    said = browser.get(path)
    shown = said.json()["parts"]["words"] if "live" in path else said.text
    assert "&lt;script&gt;" in shown
    assert "<script>document" not in shown
    assert not {"\x1b", "\x00", "\u202e"} & set(shown)


def test_the_overview_begins_with_what_to_do(browser: TestClient) -> None:
    page = html.document_fromstring(browser.get("/").text)
    first, *others = page.xpath("//ul[@class='alarms']/li")
    assert "machine-failed" in first.text_content(), "a machine that waits for somebody comes first"
    assert "scripts/twinboot install HOST" in first.text_content()
    assert first.xpath(".//a/@href") == ["/ui/machines/rack1-13"]
    assert len(others) == 2
    assert "another site" not in text_of(page, "//*[@id='server-server3']")
    assert "vsftpd bad" in text_of(page, "//*[@id='server-server3']")
    assert "dead" in text_of(page, "//*[@id='server-server2']")
    assert "server1" in text_of(page, "//*[@id='group-second']")
    assert "nobody had it for 264 ms" in text_of(page, "//*[@id='move']")


def test_the_first_look_at_a_new_site_is_no_riddle() -> None:
    empty = FakeSidecar()
    assert empty.answers is not None
    empty.answers |= {"machines": {"ok": True, "machines": []}, "history": {"ok": True, "moves": []},
                      "status": {**pagesite.STATUS, "alarms": [], "trees": {}, "peers": {}}}  # fmt: skip
    with TestClient(application(empty)) as browser:
        assert "no alarms" in browser.get("/").text
        assert "no hosts yet" in browser.get("/ui/machines").text
        assert "scripts/twinboot import" in browser.get("/ui/trees").text
        assert "Nothing has moved yet" in browser.get("/ui/history").text


def test_a_sidecar_that_is_down_is_said_by_a_page_that_comes_back_by_itself(
    browser: TestClient, rack: FakeSidecar
) -> None:
    rack.answers = None
    reply = browser.get("/ui/machines")
    assert (reply.status_code, reply.headers["content-type"]) == (503, "text/html; charset=utf-8")
    page = html.document_fromstring(reply.text)
    assert "docker compose logs sidecar" in page.text_content()
    assert page.xpath("//body/@data-live") == ["/ui/machines"]
    assert page.xpath("//noscript/meta[@http-equiv='refresh']")


def test_where_reading_takes_a_token_nothing_is_shown_before(rack: FakeSidecar) -> None:
    closed = pagesite.sidecar(reading="token")
    with TestClient(application(closed), follow_redirects=False) as browser:
        for path in PAGES[:8] + PAGES[9:12]:
            reply = browser.get(path)
            wanted = 200 if path == "/ui/login" else 303
            assert reply.status_code == wanted, path
            assert "rack" not in reply.text
        assert browser.get("/ui/machines?state=done").headers["location"] == (
            "/ui/login?then=%2Fui%2Fmachines%3Fstate%3Ddone")
        assert browser.get("/ui/live?of=/").status_code == 401
        for path in ("/ui/nothing", "/ui/machines/nobody"):
            assert "rack" not in browser.get(path).text


def test_files_have_names_that_change_with_them_and_are_kept(browser: TestClient) -> None:
    page = html.document_fromstring(browser.get("/").text)
    for address in page.xpath("//script/@src | //link/@href"):
        reply = browser.get(address)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["cache-control"]
        old = browser.get(address.split("?")[0] + "?v=older")
        assert old.headers["cache-control"] == "no-store", "of another release"
    assert browser.get("/ui/static/..%2froutes.py").status_code == 404
    assert browser.get("/ui/static/routes.py").status_code == 404


def test_a_login_over_plain_http_is_led_to_https() -> None:
    rack = pagesite.sidecar()
    assert rack.answers is not None
    with TestClient(application(rack), base_url="http://192.168.0.253") as plain:
        page = html.document_fromstring(plain.get("/ui/login?then=/ui/machines").text)
        assert not page.xpath("//input[@name='token']")
        assert "https://192.168.0.253/ui/login?then=/ui/machines" in page.xpath("//a/@href")
        rack.answers["status"] = {**pagesite.STATUS, "https": None}
    with TestClient(application(rack), base_url="http://192.168.0.253") as plain:
        assert "HTTPS is off" in plain.get("/ui/login").text


@pytest.mark.parametrize(("then", "kept"), [
    ("/ui/machines?state=done", "/ui/machines?state=done"), ("https://evil/", "/"), ("//evil/", "/"),
    ("/\\evil", "/"), ("javascript:alert(1)", "/"), ("", "/"),
])  # fmt: skip
def test_after_a_login_nobody_is_led_elsewhere(
    browser: TestClient, rack: FakeSidecar, then: str, kept: str
) -> None:
    assert rack.answers is not None
    rack.answers["login"] = {"ok": True, "session": "s", "lasts_s": 60}
    reply = browser.post("/ui/login", data={"token": "t", "then": then})
    assert (reply.status_code, reply.headers["location"]) == (303, kept)


def test_a_token_that_is_none_leads_back_to_the_form(browser: TestClient, rack: FakeSidecar) -> None:
    assert rack.answers is not None
    rack.answers["login"] = {"ok": False, "status": 401, "error": "no"}
    reply = browser.post("/ui/login", data={"token": "t", "then": "/ui/trees"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/ui/login?failed=1&then=%2Fui%2Ftrees")


def test_machines_that_wait_are_shown_first_then_the_gravest_alarms() -> None:
    assert tuple(one.value for one in Severity) == views.SEVERITIES
    told = [
        Alarm(code=code, subject="x", text="t", since="", severity=severity, subject_type=of)
        for code, severity, of in (
            ("newer", "dire", "SERVER"), ("quiet", "", "SERVER"), ("low", "warning", "SERVER"),
            ("machine", "warning", "HOST"), ("grave", "critical", "GROUP"), ("other", "warning", "SERVER"))
    ]
    order = [one.code for one in views.in_order(told)]
    assert order == ["machine", "grave", "low", "other", "newer", "quiet"]
