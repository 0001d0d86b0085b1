"""A real Prometheus on the lab's LAN, set as METRICS.md says and with the rules of config/examples: what it
answers to every panel of the dashboard, while a machine installs and its server dies.

Grafana itself is not here: no package of Debian has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from labhelp import own_lab
from twinlab import Lab
from twinlab.demo.machines import contained
from twinlab.demo.standin import build_standin, client_image
from twinlab.demo.timeline import Timeline
from twinlab.host.client import Client
from twinlab.host.engine import docker
from twinlab.host.images import PROMTOOL_IMAGE, build_test_image
from twinlab.host.labsite import ROOT
from twinlab.host.wait import until

pytestmark = pytest.mark.long

HOST = "cli128"
INSTALL_S = 300.0
SCRAPE_S = 2
EXAMPLES = ROOT / "config/examples"
DASHBOARD: dict[str, Any] = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
PANELS = {f"{panel['title']} ({panel['type']})": panel for panel in DASHBOARD["panels"]}
QUIET = {"Alarms (table)", "Trees that are fetched (timeseries)",
         "Heartbeats that were refused, per minute (timeseries)"}  # fmt: skip
"""Panels that show nothing on a site where all is well."""


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


def settings(lab: Lab) -> str:
    """Those of METRICS.md, with the lab's addresses and a shorter interval."""
    text = (ROOT / "images/sidecar/METRICS.md").read_text()
    said = re.findall(r"```yaml\n(rule_files:.*?)```", text, re.DOTALL)
    read = yaml.safe_load(said[0])
    (job,) = read["scrape_configs"]
    (targets,) = job["static_configs"]
    assert targets["targets"] == [f"{name}:9694" for name in lab.servers]
    targets["targets"] = [f"{server['address']}:9694" for server in lab.site["servers"].values()]
    job["scrape_interval"] = f"{SCRAPE_S}s"
    return yaml.safe_dump({**read, "global": {"evaluation_interval": f"{SCRAPE_S}s"}})


class Prometheus:
    def __init__(self, client: Client) -> None:
        self._client = client

    def query(self, expression: str) -> list[dict[str, Any]]:
        words = ("promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090", expression)
        said = self._client.exec(*words)
        found: list[dict[str, Any]] = json.loads(said.out)
        return found

    def panel(self, title: str, number: int = 0) -> dict[str, float]:
        """What it shows: values by the labels of each series."""
        asked = PANELS[title]["targets"][number]["expr"]
        asked = asked.replace("$job", "twinboot").replace("$__rate_interval", "5m")
        assert "$" not in asked, asked
        return {" ".join(one["metric"].values()): float(one["value"][1]) for one in self.query(asked)}

    def alerts(self) -> set[str]:
        return {one["metric"]["alertname"] for one in self.query('ALERTS{alertstate=~"pending|firing"}')}


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    patch = {"metrics": {"address": "0.0.0.0"}}
    with own_lab("dashboard", trees=build_standin(say), patch=patch) as made:
        yield made


@pytest.fixture(scope="module")
def prometheus(pair: Lab) -> Iterator[Prometheus]:
    build_test_image(PROMTOOL_IMAGE, say)
    with pair.machine("infinity", image=PROMTOOL_IMAGE, extra=("--entrypoint", "sleep")) as client:
        docker("cp", str(EXAMPLES / "prometheus-alerts.yml"), f"{client.container}:/tmp")
        client.sh(f"cat >/tmp/prometheus.yml <<'EOF'\n{settings(pair)}EOF")
        docker("exec", "-d", client.container, "prometheus", "--config.file=/tmp/prometheus.yml",
               "--storage.tsdb.path=/tmp/data", "--web.listen-address=127.0.0.1:9090")  # fmt: skip
        made = Prometheus(client)
        until(lambda: client.sh("promtool check healthy --url=http://127.0.0.1:9090", check=False).ok,
              "Prometheus", timeout_s=60)  # fmt: skip
        until(lambda: made.panel("Servers heard (stat)") == {"": 2}, "both servers are read", timeout_s=60)
        yield made


def test_an_install_that_outlives_its_server_shows_in_every_panel(pair: Lab, prometheus: Prometheus) -> None:
    shown = prometheus.panel
    assert shown("Groups held by one (stat)") == {"": 2}
    until(lambda: shown("Could take over (stat)") == {"": 1}, "both could take over", timeout_s=60)
    until(lambda: shown("Alarms (stat)") == {"": 0}, "no alarm", timeout_s=60)
    held = shown("Who holds which group (state-timeline)")
    assert sorted(held.values()) == [0, 0, 1, 1], held
    assert shown("Machines by state (timeseries)")["waiting"] >= 2

    macs = {server.mac: name for name, server in pair.servers.items()}
    machine = contained(pair, HOST, Timeline(), macs, "100mbit", image=client_image())
    try:
        machine.wait_for("install-start", timeout_s=INSTALL_S)
        until(lambda: shown("Installing (stat)") == {"": 1}, "it installs", timeout_s=20)
        assert sum(shown("Connections that are followed (timeseries)").values()) > 0
        with pair.fault("power-off", "server2"):
            until(lambda: shown("Servers heard (stat)") == {"": 1}, "one is not read", timeout_s=30)
            until(lambda: {"TwinbootServerNotScraped", "TwinbootServerSilent"} <= prometheus.alerts(),
                  "alerts", timeout_s=30)  # fmt: skip
            silent = [one for one in shown("Alarms (table)") if "server-silent" in one]
            assert silent, shown("Alarms (table)")
            assert shown("Groups held by one (stat)") == {"": 2}
            assert "TwinbootGroupNotHeldOnce" not in prometheus.alerts()
            machine.wait_for("complete", timeout_s=INSTALL_S)
            until(lambda: shown("Machines by state (timeseries)").get("done") == 1, "done", timeout_s=20)
    finally:
        machine.meter.stop()
        machine.container.remove()

    pair.wait_owned()
    until(lambda: shown("Servers heard (stat)") == {"": 2}, "both are read again", timeout_s=60)
    assert shown("Installing (stat)") == shown("Failed or stalled (stat)") == {"": 0}
    ended = shown("Installs that ended, per hour (timeseries)")
    assert 0.9 < ended["done"] < 1.5, f"one install, counted once: {ended}"
    assert not ended.get("failed"), ended
    moves = shown("Moves of groups, per hour (timeseries)")
    assert moves["second"] > 0.9, moves
    assert shown("Connections that moved (timeseries)").get("taken-over", 0) > 0
    for title, panel in PANELS.items():
        for number, target in enumerate(panel["targets"]):
            found = shown(title, number)
            assert found or title in QUIET, f"{title}: {target['expr']} finds nothing"
            assert all(value == value for value in found.values()), f"{title} shows no number: {found}"
