"""Monitoring reads a real sidecar, and a cable that is pulled shows in it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from twinlab import Lab
from twinlab.host import wait
from twinlab.host.server import Server

URL = "http://127.0.0.1:9694/metrics"
READ = f"import urllib.request; print(urllib.request.urlopen('{URL}', timeout=5).read().decode(), end='')"


def scrape(server: Server) -> dict[tuple[str, str, str], float]:
    """Samples by name, and the values of up to two labels in order of the labels' names."""
    found = {}
    for family in text_string_to_metric_families(server.sidecar("python3", "-c", READ).out):
        for sample in family.samples:
            first, second, *_ = [*(sample.labels[key] for key in sorted(sample.labels)), "", ""]
            found[sample.name, first, second] = sample.value
    return found


def test_every_group_is_held_once_and_a_pulled_cable_shows(lab: Lab) -> None:
    servers = list(lab.servers.values())
    views = {server.name: scrape(server) for server in servers}
    for group in lab.addresses:
        held = [name for name, view in views.items() if view["twinboot_group_held", group, ""]]
        assert len(held) == 1
        assert all(view["twinboot_group_holder", group, held[0]] == 1 for view in views.values())
    one, other = servers[0], servers[1].name
    up = ("twinboot_link_up", "crossover", other)
    assert views[one.name][up] == 1
    assert views[one.name]["twinboot_heartbeats_received_total", "", ""] > 0
    with lab.fault("unplug", 1, "crossover"):
        wait.until(lambda: scrape(one)[up] == 0, "the link to show as not up", timeout_s=10)
        alarm = ("twinboot_alarm", "link-down", f"{other}/crossover")  # late first, down after a deadtime
        found = wait.until(
            lambda: found if (found := scrape(one)).get(alarm) == 1 else None, "its alarm", timeout_s=10
        )
        assert found["twinboot_alarms", "", ""] == sum(name == "twinboot_alarm" for name, *_ in found)
        assert scrape(one)["twinboot_peer_alive", other, ""] == 1
    wait.until(lambda: scrape(one)[up] == 1, "the link to show as up again", timeout_s=15)


def test_the_port_is_not_for_the_lan(lab_readonly: Lab) -> None:
    address = lab_readonly.site["servers"]["server1"]["address"]
    url = f"http://{address}:9694/metrics"
    said = lab_readonly.client("curl", "-sS", "--max-time", "5", url, check=False)
    assert said.code == 7, said  # curl: failed to connect
