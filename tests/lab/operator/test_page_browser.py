"""A person with a browser and two real servers: what he ordered, and the page that he left open, outlive the
server that they were asked of."""

from __future__ import annotations

import json
from typing import Any

import browser
import pagesite
import pytest
from playwright.sync_api import BrowserContext, expect
from twinlab import Lab
from twinlab.host.server import Server

TOKEN = "twinboot_of-the-lab"
"""Its digest stands in the site of conftest.py."""
HOST = "cli129"
WAIT_MS = 60_000


def boots(server: Server) -> str:
    return str(json.loads(server.sidecar("twinboot", "machine", HOST, "--json").out)["boots"])


def test_the_site_of_the_pages_tests_looks_like_a_real_one(lab_readonly: Lab) -> None:
    """Each key that the played sidecar tells, a real one tells."""
    server = lab_readonly.server(1)

    def told(*words: str) -> Any:
        return json.loads(server.sidecar("twinboot", *words, "--json").out)

    status = told("status")
    played = pagesite.STATUS
    missing = set(played) - set(status) - {"ok"}  # of the line, not of the reply
    missing |= set(played["groups"]["second"]) - set(status["groups"]["second"])
    missing |= set(played["peers"]["server3"]) - set(status["peers"]["server2"])
    missing |= set(pagesite.machine(1, "done")) - set(told("machines")[0])
    missing |= set(pagesite.state_history()[0]) - {"at", "state", "server", "words"}
    moves = told("history")["moves"]
    if moves:
        move = pagesite.MOVES["moves"][0]
        missing |= set(move) - set(moves[-1]) | set(move["events"][0]) - set(moves[-1]["events"][0])
    assert missing == set()


def ordered(context: BrowserContext, url: str, button: str, yes: str) -> str:
    """What the page says after an order for the host, given by its forms."""
    page = context.new_page()
    page.goto(f"{url}/ui/machines?text={HOST}")
    page.get_by_role("checkbox", name=HOST).check()
    page.get_by_role("button", name=button).click()
    page.get_by_role("button", name=yes, exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("done")
    said = page.locator("#outcome").inner_text()
    page.close()
    return said


@pytest.mark.long
def test_an_open_page_and_its_login_go_on_when_the_holder_dies(lab: Lab) -> None:
    one = lab.server(1)
    url = f"https://{lab.address('second')}"
    expect.set_options(timeout=WAIT_MS)
    requests: list[str] = []
    one.sidecar("twinboot", "local", HOST)
    try:
        with lab.machine(image=browser.build()) as client, browser.browser_in(client.container) as chromium:
            context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1200, "height": 900})
            context.set_default_timeout(WAIT_MS)
            context.on("request", lambda asked: requests.append(asked.url))
            page = context.new_page()
            page.goto(f"{url}/ui/login")
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Log in").click()
            expect(page.locator("header")).to_contain_text("lab (admin)")
            said = ordered(context, url, "Install again…", "Erase and install")
            assert "installed at the next start" in said
            assert boots(one) == "install"

            page.goto(url)
            page.evaluate("window.same = true")
            expect(page.locator("#group-second")).to_contain_text("server2")
            with lab.fault("power-off", "server2"):
                expect(page.locator("#group-second").get_by_role("cell").nth(1)).to_contain_text("server1")
                expect(page.locator("#alarms")).to_contain_text("server-silent")
                expect(page.locator("#move")).to_contain_text("server2 → server1")
                expect(page.locator("#connection")).to_be_hidden()
                assert page.evaluate("window.same"), "it was never loaded again"
                ordered(context, url, "Start from the disk…", "Start from the disk")
                assert boots(one) == "disk", "the session holds on the other server"
            context.close()
    finally:
        one.sidecar("twinboot", "install", HOST)
    assert not [asked for asked in requests if not asked.startswith(url)]
