"""The page in a real browser, Debian's Chromium, over a sidecar that is played.

It follows what changes and takes nothing away from who works in it; nothing that a machine wrote runs; it can
be used by keyboard and read by programs that read aloud, on a phone and on a desk, and without its script.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pagesite
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import browser_on_this_machine
from fakesidecar import FakeSidecar
from pageserver import PageServer, page_server
from playwright.sync_api import Browser, BrowserContext, Page, expect
from twinboot_page.caller import COOKIE
from twinlab.host import testlab

PAGES = ("/", "/ui/machines", "/ui/machines/rack1-13", "/ui/unknown", "/ui/trees", "/ui/history", "/ui/about",
         "/ui/confirm?order=install&host=rack1-13", "/ui/login", "/ui/site", "/ui/site/edit",
         "/ui/site/history", "/ui/site/history/3", "/ui/enroll?mac=52:54:00:ff:00:07",
         "/ui/unenroll?host=rack1-13",
         "/ui/import", "/ui/machines/rack1-13/log")  # fmt: skip
LOGGED_IN = {"x-forwarded-proto": "https", "cookie": f"{COOKIE}=s"}
WIDTHS = (360, 800, 1030, 1400)
WAIT_MS = 60_000
"""On a busy machine; what is waited for comes within two seconds on one at rest."""
expect.set_options(timeout=WAIT_MS)
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser_on_this_machine(testlab.name("browser")) as made:
        yield made


@pytest.fixture
def rack() -> FakeSidecar:
    made = pagesite.sidecar(role="admin")
    made.answers = copy.deepcopy(made.answers)
    return made


@pytest.fixture
def server(rack: FakeSidecar) -> Iterator[PageServer]:
    with page_server(rack) as made:
        yield made


class Seen:
    """What a browser did that it should not."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.faults: list[str] = []


def window(chromium: Browser, server: PageServer, seen: Seen, **options: Any) -> BrowserContext:
    options.setdefault("extra_http_headers", LOGGED_IN)
    context = chromium.new_context(base_url=server.url, **options)
    context.set_default_timeout(WAIT_MS)
    context.on("request", lambda one: seen.requests.append(one.url))
    context.on("console", lambda one: seen.faults.append(one.text) if one.type == "error" else None)
    context.on("weberror", lambda one: seen.faults.append(str(one.error)))
    context.on("dialog", lambda one: seen.faults.append(one.message))
    return context


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def desk(chromium: Browser, server: PageServer, seen: Seen) -> Iterator[Page]:
    context = window(chromium, server, seen, viewport={"width": 1400, "height": 700})
    yield context.new_page()
    context.close()


def machines(rack: FakeSidecar) -> list[dict[str, Any]]:
    assert rack.answers is not None
    found: list[dict[str, Any]] = rack.answers["machines"]["machines"]
    return found


def test_nothing_that_a_machine_wrote_runs_and_no_other_host_is_asked(
    desk: Page, server: PageServer, seen: Seen
) -> None:
    for path in PAGES:
        desk.goto(path)
        assert "owned" not in desk.title()
    desk.goto("/ui/machines/rack1-13")
    expect(desk.locator("#words pre")).to_contain_text("<script>document.title")
    with desk.expect_response(lambda one: "/ui/live" in one.url):
        desk.reload()
    assert seen.faults == []
    assert not [one for one in seen.requests if not one.startswith(server.url)]


def test_an_open_page_follows_and_takes_nothing_away(desk: Page, rack: FakeSidecar) -> None:
    many = [pagesite.machine(number, "packages") for number in range(1, 80)]
    machines(rack)[:] = many
    desk.goto("/ui/machines")
    desk.evaluate("window.same = true")
    desk.locator("#m-rack1-40 input").check()
    desk.get_by_label("Text").press_sequentially("half typ")
    desk.evaluate("window.scrollTo(0, 900)")
    row = desk.locator("#m-rack1-40")
    row.evaluate("node => { window.row = node }")
    many[39] |= {"state": "failed", "words": "no room on the disk"}
    machines(rack).insert(0, pagesite.machine(90, "waiting"))
    expect(row).to_contain_text("failed at packages")
    expect(row).to_contain_text("no room on the disk")
    expect(desk.locator("tbody tr").first).to_contain_text("rack1-90")
    assert desk.evaluate("window.row === document.getElementById('m-rack1-40')"), "changed in its place"
    assert row.locator("input").is_checked()
    assert desk.get_by_label("Text").input_value() == "half typ"
    assert desk.evaluate("document.activeElement.name") == "text"
    assert abs(desk.evaluate("window.scrollY") - 900) < 120
    assert desk.evaluate("window.same"), "it was never loaded again"


def test_it_says_that_the_connection_is_lost_and_goes_on_by_itself(
    desk: Page, server: PageServer, rack: FakeSidecar
) -> None:
    assert rack.answers is not None
    desk.goto("/")
    expect(desk.locator("#group-second")).to_contain_text("server1")
    desk.evaluate("window.same = true")
    server.stop()
    expect(desk.locator("#connection")).to_contain_text("Connection lost, trying again")
    rack.answers["status"]["groups"]["second"]["holder"] = "server3"
    server.start()
    expect(desk.locator("#connection")).to_be_hidden(timeout=WAIT_MS)
    expect(desk.locator("#group-second")).to_contain_text("server3")
    kept, rack.answers = rack.answers, None
    expect(desk.locator("#connection")).to_contain_text("cannot say how things are")
    rack.answers = kept
    expect(desk.locator("#connection")).to_be_hidden(timeout=WAIT_MS)
    assert desk.evaluate("window.same")


def test_an_install_is_ordered_by_keyboard_alone(desk: Page, rack: FakeSidecar) -> None:
    desk.goto("/ui/machines?text=rack1-04")
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.textContent") == "To the content"
    assert desk.evaluate("document.activeElement.getBoundingClientRect().left") >= 0, "it can be seen"
    desk.keyboard.press("Enter")
    for _ in range(30):
        desk.keyboard.press("Tab")
        if desk.evaluate("document.activeElement.name") == "host":
            break
    desk.keyboard.press("Space")
    for _ in range(10):
        desk.keyboard.press("Tab")
        if desk.evaluate("document.activeElement.value") == "install":
            break
    outline = desk.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "where one is can be seen"
    desk.keyboard.press("Enter")
    expect(desk.locator("h1")).to_have_text("Erase and install rack1-04?")
    desk.get_by_role("button", name="Erase and install").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#outcome")).to_contain_text("ordered")
    assert [said["hosts"] for command, said in rack.asked if command == "order"] == [["rack1-04"]]


def test_the_site_is_edited_compared_and_applied_by_keyboard_alone(desk: Page, rack: FakeSidecar) -> None:
    desk.goto("/ui/site/edit")
    walk_to(desk, "document.activeElement.name === 'text'")
    desk.keyboard.press("Control+End")
    desk.keyboard.type("more: <b>\n")
    desk.keyboard.press("Tab")
    walk_to(desk, "document.activeElement.value === 'compare'")
    desk.keyboard.press("Enter")
    expect(desk.locator("h2")).to_contain_text("What changes from site 12")
    walk_to(desk, "document.activeElement.name === 'without'")
    desk.keyboard.press("Space")
    walk_to(desk, "document.activeElement.value === 'apply'")
    desk.keyboard.press("Enter")
    expect(desk.locator("#vote-server3")).to_contain_text("refuses it")
    (applied,) = [said for command, said in rack.asked if command == "apply"]
    assert applied["text"] == pagesite.TEXT + "more: <b>\n", "every character came through the browser"
    assert (applied["without"], applied["digest"]) == (["server2"], "cd" * 8)
    assert rack.answers is not None
    rack.answers["rollout"]["attempt"]["votes"]["server3"] = {"faults": [], "notes": []}
    expect(desk.locator("#vote-server3")).to_contain_text("accepts it")


def test_an_unknown_machine_gets_an_entry_by_keyboard_on_a_phone(
    chromium: Browser, server: PageServer, seen: Seen, rack: FakeSidecar
) -> None:
    context = window(chromium, server, seen, viewport={"width": 375, "height": 700})
    page = context.new_page()
    page.goto("/ui/unknown")
    walk_to(page, "document.activeElement.value === '52:54:00:ff:00:07'")
    page.keyboard.press("Space")
    walk_to(page, "document.activeElement.textContent.startsWith('Give those marked')")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("New machines")
    walk_to(page, "document.activeElement.name === 'name'")
    page.keyboard.type("web01")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("an install erases a disk")
    assert rack.answers is not None
    rack.answers["enroll"] = {"ok": False, "status": 409, "error": "an address was taken: look again"}
    walk_to(page, "document.activeElement.value === 'apply'")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("an address was taken")
    asked = [said for command, said in rack.asked if command == "enroll"]
    context.close()
    assert [(one["name"], one["address"], one.get("digest")) for one in asked] == [
        ("web01", "auto", None), ("web01", "auto", "cd" * 8)]


def walk_to(page: Page, found: str, most: int = 60) -> None:
    """By the Tab key, until it is there."""
    for _ in range(most):
        if page.evaluate(found):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead there: {found}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_programs_that_read_aloud_find_their_way(
    chromium: Browser, server: PageServer, seen: Seen, scheme: Any
) -> None:
    context = window(chromium, server, seen, color_scheme=scheme, viewport={"width": 1000, "height": 800})
    page = context.new_page()
    found = {}
    for path in PAGES:
        page.goto(path)
        result = Axe().run(page)
        found |= {(path, one["id"]): one["nodes"][0]["html"] for one in result.response["violations"]}
    context.close()
    assert found == {}


def test_it_fits_a_phone_and_a_desk(chromium: Browser, server: PageServer, seen: Seen) -> None:
    context = window(chromium, server, seen)
    page = context.new_page()
    wide = []
    for path in PAGES:
        page.goto(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wide.append((path, width))
    context.close()
    assert wide == []


def test_without_its_script_it_is_a_page(chromium: Browser, server: PageServer, seen: Seen) -> None:
    context = window(chromium, server, seen, java_script_enabled=False, extra_http_headers={})
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Machines", exact=True).click()
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="rack1-13").click()
    page.get_by_role("button", name="Install again…").click()
    expect(page.locator("main")).to_contain_text("scripts/twinboot install rack1-13")
    context.close()


def test_a_page_that_is_left_open_does_not_grow(
    desk: Page, rack: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand changes, as of a day, in some seconds."""
    monkeypatch.setattr("twinboot_page.ui.live.EVERY_S", 0.005)
    monkeypatch.setattr("twinboot_page.cache.KEEP_S", 0.0)
    desk.goto("/ui/machines")
    probe = desk.context.new_cdp_session(desk)
    probe.send("Performance.enable")

    def size() -> dict[str, float]:
        probe.send("HeapProfiler.collectGarbage")
        told = probe.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in told if one["name"] in ("Nodes", "JSEventListeners")}

    def change(times: int) -> None:
        for number in range(times):
            machines(rack)[:] = [
                {**one, "words": f"turn {number}", "state": ("packages", "failed")[number % 2]}
                for one in machines(rack)[number % 2:] + machines(rack)[:number % 2]
            ]  # fmt: skip
            desk.wait_for_timeout(10)
        expect(desk.locator("tbody tr").first).to_contain_text(f"turn {times - 1}")

    change(20)
    before = size()
    change(200)
    after = size()
    assert after["JSEventListeners"] == before["JSEventListeners"]
    assert after["Nodes"] < 1.5 * before["Nodes"]
