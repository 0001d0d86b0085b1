"""The page and the API on real servers: read at both virtual addresses, told by token over TLS, and that goes
on when a server dies."""

from __future__ import annotations

import json
import time

import applyhelp
import pytest
from apihelp import SECRET, asked, audit, certificate_of, told, trusted
from twinlab import Lab
from twinlab.host.labsite import dump
from twinlab.host.server import Server
from twinlab.host.wait import until

HOST = "cli129"
BOTH = ("first", "second")


def boots(server: Server) -> str:
    said = server.sidecar("twinboot", "machine", HOST, "--json")
    return str(json.loads(said.out)["boots"])


def test_it_is_read_everywhere_and_an_order_by_token_outlives_its_server(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    certificates = {certificate_of(server) for server in (one, two)}
    assert len(certificates) == 1, "both servers made the same"
    with lab.machine() as client:
        client.sh(f"cat > /tmp/tls.crt <<'EOF'\n{certificates.pop()}EOF")
        servers = {}
        for group in BOTH:
            address = lab.address(group)
            for url in (f"http://{address}", f"https://{address}"):
                status, view = asked(client, f"{url}/api/v1/status", "--cacert", "/tmp/tls.crt")
                assert status == 200, view
                servers[group] = view["server"]
            assert "<title>Overview" in client.sh(f"curl -s http://{address}/").out
        assert servers == {"first": "server1", "second": "server2"}

        address = lab.address("second")
        try:
            one.sidecar("twinboot", "local", HOST)
            assert told(client, address, "machines/install", {"hosts": [HOST]})[0] == 200
            assert audit(two)[-1]["who"] == "token lab"
            with lab.fault("power-off", "server2"):
                lab.wait_owned(dict.fromkeys(BOTH, "server1"))
                assert boots(one) == "install"
                status, found = asked(client, f"http://{address}/api/v1/machines/{HOST}")
                assert (status, found["boots"]) == (200, "install")
                status, done = told(client, address, "machines/local", {"hosts": [HOST]})
                assert status == 200, done
                assert boots(one) == "disk"
            last = audit(one)[-1]
            assert (last["who"], last["what"], last["result"]) == ("token lab", f"local {HOST}", "done")
            assert audit(one)[-2]["who"] == "root on server1"
        finally:
            one.sidecar("twinboot", "install", HOST)


def test_over_plain_http_nothing_is_told_and_without_the_page_machines_are_served(lab: Lab) -> None:
    one = lab.server(1)
    with lab.machine() as client:
        address = lab.address("first")
        status, problem = told(client, address, "standby", {}, scheme="http")
        assert status == 403
        assert "plain HTTP" in problem["detail"]
        assert "token-exposed" in one.docker("logs", "--tail", "50", "twinboot-sidecar-1").out
        status, problem = asked(client, f"http://{address}/trees/rh9/.treeinfo", "-X", "POST")
        assert status == 405
        with lab.fault("kill-service", "server1", "page"):
            until(lambda: asked(client, f"http://{address}/api/v1/version")[0] == 503, "the page to be gone",
                  timeout_s=20)
            assert "docker compose logs page" in asked(client, f"http://{address}/")[1]["detail"]
            assert "rh9" in client.sh(f"curl -sf http://{address}/trees/rh9/.treeinfo").out
            view = one.status()
            assert view is not None
            assert view["groups"]["first"]["holder"] == "server1"
        until(lambda: asked(client, f"http://{address}/api/v1/version")[0] == 200, "the page is back",
              timeout_s=30)


@pytest.mark.long
def test_a_browser_is_told_of_a_takeover(lab: Lab) -> None:
    """An event stream breaks with its server; the next one, at the same address, says who holds it."""
    address = lab.address("second")
    with lab.machine() as client:
        client.start("sh", "-c", f"curl -sN --max-time 60 http://{address}/api/v1/events >/tmp/events")
        until(lambda: "event: status" in client.sh("cat /tmp/events", check=False).out, "the first event",
              timeout_s=20)
        with lab.fault("power-off", "server2"):
            lab.wait_owned(dict.fromkeys(BOTH, "server1"))
            said = client.sh(f"curl -sN --max-time 3 http://{address}/api/v1/events; true").out
        status = next(line for line in said.splitlines() if line.startswith('data: {"server"'))
        assert json.loads(status[6:])["groups"]["second"]["holder"] == "server1"


@pytest.mark.long
def test_a_site_is_applied_by_the_api_and_a_comparison_that_is_old_is_refused(lab: Lab) -> None:
    one = lab.server(1)
    address = lab.address("first")
    with lab.machine() as client:
        trusted(client, one)
        status, before = asked(client, f"https://{address}/api/v1/site", *SECRET)
        assert status == 200, before
        site = applyhelp.site_on(one)
        site.setdefault("dns", {})["ttl_s"] = 21
        text = dump(site)
        status, found = told(client, address, "site/diff", {"text": text})
        assert (status, [one["path"] for one in found["changes"]]) == (200, ["dns.ttl_s"])
        status, faulty = told(client, address, "site/diff", {"text": text.replace("ttl_s: 21", "ttl_s: -1")})
        place, what = faulty["errors"][0].split(": ")[:2]
        assert (status, place[:5], what) == (422, "line ", "dns.ttl_s")
        body = {"text": text, "digest": found["digest"], "base": found["base"]}
        try:
            status, begun = told(client, address, "site/apply", body)
            assert status == 202, begun
            number = begun["attempt"]["number"]
            until(lambda: set(applyhelp.numbers(lab).values()) == {number}, "both to have it", timeout_s=90)
            applyhelp.wait_settled(lab)
            assert applyhelp.site_on(lab.server(2))["dns"]["ttl_s"] == 21
            status, old = told(client, address, "site/apply", body)
            assert (status, "meanwhile" in old["detail"]) == (409, True)
            assert "token lab" in {action["who"] for action in audit(one) if action["what"] == "apply"}
        finally:
            applyhelp.apply(one, "--previous")
            applyhelp.wait_settled(lab)


@pytest.mark.long
@pytest.mark.parametrize("after_s", [0.0, 1.0, 3.0])
def test_the_server_that_applies_dies_and_the_site_is_whole_all_the_same(lab: Lab, after_s: float) -> None:
    """Its peer works by the old site or by the new one and says so; so does it, when it is back."""
    one, two = lab.server(1), lab.server(2)
    address, before = lab.address("second"), applyhelp.numbers(lab)["server1"]
    site = applyhelp.site_on(one)
    old_s = site.get("dns", {}).get("ttl_s")
    site.setdefault("dns", {})["ttl_s"] = new_s = 30 + int(after_s)
    with lab.machine() as client:
        trusted(client, two)
        status, found = told(client, address, "site/diff", {"text": dump(site)})
        assert status == 200, found
        try:
            status, begun = told(client, address, "site/apply", {
                "text": dump(site), "digest": found["digest"], "base": found["base"]})
            assert status == 202, begun
            time.sleep(after_s)
            with lab.fault("power-off", "server2"):
                lab.wait_owned(dict.fromkeys(BOTH, "server1"))
                until(lambda: applyhelp.site_on(one) and one.status() is not None, "the taker", timeout_s=30)
                left = asked(client, f"https://{address}/api/v1/rollout", *SECRET)[1]
                print(f"{after_s} s: {left['committed']}, {left['attempt']}")
            applyhelp.wait_settled(lab)
            numbers = applyhelp.numbers(lab)
            new = numbers["server1"] != before
            for server in (one, two):
                used = applyhelp.site_on(server).get("dns", {}).get("ttl_s")
                assert used == (new_s if new else old_s), numbers
            # whatever became of it, the next one is taken
            site["dns"]["ttl_s"] = new_s + 10
            applyhelp.write(one, site)
            done = applyhelp.apply(one)
            assert done.ok, done.out + done.err
            applyhelp.wait_settled(lab)
            assert applyhelp.site_on(two)["dns"]["ttl_s"] == new_s + 10
        finally:
            site["dns"].pop("ttl_s")
            if old_s is not None:
                site["dns"]["ttl_s"] = old_s
            applyhelp.write(one, site)
            applyhelp.apply(one)
            applyhelp.wait_settled(lab)
