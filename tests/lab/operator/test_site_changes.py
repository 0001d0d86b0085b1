"""The site is changed by the API on real servers: a new machine gets an entry on both, a log is read from the
server that heard it, and with a server powered off nothing is half done."""

from __future__ import annotations

from typing import Any

import applyhelp
import pytest
from apihelp import SECRET, asked, audit, told, trusted
from enrollhelp import exported, unknown
from labhelp import discover
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.labsite import dump
from twinlab.host.wait import until

MAC = "52:54:00:00:44:01"
NAME, HOST = "changed1", "cli129"
LOG = f"/var/lib/twinboot/logs/{HOST}.log"
pytestmark = pytest.mark.long


def read(client: Client, address: str, what: str) -> tuple[int, Any]:
    return asked(client, f"https://{address}/api/v1/{what}", *SECRET)


def in_use(client: Client, address: str, number: int) -> bool:
    """On every server, as the one at this address sees it."""
    status, found = asked(client, f"http://{address}/api/v1/rollout")
    if status != 200:
        return False
    views = [found["working"], *(one["working"] for one in found["servers"].values() if one["alive"])]
    return all(one is not None and one["number"] >= number for one in views)


def test_an_unknown_machine_is_enrolled_by_api_and_half_a_cluster_changes_nothing(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    first, second = lab.address("first"), lab.address("second")
    before = applyhelp.site_on(one)
    with lab.machine() as client:
        trusted(client, one)
        try:
            discover(lab, "--mac", MAC, "--option", "93:0007", "--to", one.mac)
            until(lambda: MAC in unknown(two), "server2 lists it", timeout_s=20)
            wish = {"machines": [{"mac": MAC}], "name": NAME, "profile": "rh9"}
            status, shown = told(client, second, "hosts/enroll", {**wish, "dry_run": True})
            assert status == 200, shown
            assert shown["entries"][NAME]["mac"] == MAC
            assert NAME not in exported(one)
            seen = {"digest": shown["digest"], "base": shown["base"]}
            status, done = told(client, second, "hosts/enroll", {**wish, **seen})
            assert status == 202, done
            until(lambda: in_use(client, second, done["number"]), "both work by it", timeout_s=60)
            for server in (one, two):
                assert exported(server)[NAME]["address"] == shown["entries"][NAME]["address"]
                assert MAC not in unknown(server)
            for address in (first, second):
                status, history = read(client, address, "site/history")
                assert status == 200, history
                assert (history[0]["number"], history[0]["who"]) == (done["number"], "token lab")
                assert history[0]["server"] == "server2"
                status, change = read(client, address, f"site/history/{done['number']}")
                assert change["changes"][0]["path"] == f"hosts.{NAME}", change
            status, late = told(client, first, "hosts/unenroll", {"hosts": [NAME], "base": seen["base"]})
            assert (status, "token lab on server2" in late["detail"]) == (409, True), late

            line = "2026-01-01 00:00:00 info anaconda: said to server2"
            two.sidecar("sh", "-c", f"mkdir -p /var/lib/twinboot/logs; echo '{line}' >{LOG}")
            status, log = read(client, first, f"machines/{HOST}/log")
            assert (status, log["silent"]) == (200, []), log
            assert {"server": "server2", "line": line} in log["lines"]
            assert line in one.sidecar("twinboot", "logs", HOST).out
            with lab.fault("power-off", "server2"):
                lab.wait_owned(dict.fromkeys(lab.addresses, "server1"))
                until(lambda: asked(client, f"http://{second}/api/v1/version")[0] == 200, "the page",
                      timeout_s=30)  # fmt: skip
                gone = {"hosts": [NAME], "may_erase": True}
                status, refused = told(client, second, "hosts/unenroll", gone)
                assert status == 409, refused
                assert "server2 is not heard" in refused["detail"]
                assert NAME in exported(one), "nothing was changed"
                text = dump({**applyhelp.site_on(one), "metrics": "off"})
                status, found = told(client, second, "site/diff", {"text": text})
                assert status == 200, found
                body = {"text": text, "digest": found["digest"], "base": found["base"]}
                status, refused = told(client, second, "site/apply", body)
                assert (status, "server2 is not heard" in refused["detail"]) == (409, True), refused
                status, begun = told(client, second, "site/apply", {**body, "without": ["server2"]})
                assert status == 202, begun
                number = begun["attempt"]["number"]
                until(lambda: in_use(client, second, number), "server1 works by it", timeout_s=60)
            lab.wait_owned()
            until(lambda: applyhelp.numbers(lab) == dict.fromkeys(lab.servers, number), "server2 takes it",
                  timeout_s=60)  # fmt: skip
            assert any(action["who"] == "token lab"
                       and action["what"] == f"enroll {MAC}" for action in audit(two))
        finally:
            applyhelp.write(one, before)
            applyhelp.apply(one)
            applyhelp.wait_settled(lab)
