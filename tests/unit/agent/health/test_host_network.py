"""The route to the LAN is put back when it was there; what cannot be mended is an alarm while it lasts."""

from __future__ import annotations

from twinboot.agent.health.host_network import HostNetworkMonitor
from twinboot.errors import ResourceError


class Host:
    """Its route and its ARP setting."""

    def __init__(self) -> None:
        self.route, self.setting, self.refusal, self.put = True, "", "", 0
        self.silent = False
        self.monitor = HostNetworkMonitor(self, lambda: self.setting)

    def there(self) -> bool:
        if self.silent:
            raise ResourceError("route", "netlink: timed out")
        return self.route

    def put_back(self) -> None:
        if self.refusal:
            raise ResourceError("route", self.refusal)
        self.put, self.route = self.put + 1, True

    def alarms(self) -> list[tuple[str, str]]:
        self.monitor.check_once()
        return [(one.code, one.subject) for one in self.monitor.alarm_conditions("server1")]


def test_a_route_that_goes_is_put_back() -> None:
    host = Host()
    assert host.alarms() == []
    host.route = False
    assert host.alarms() == []
    assert (host.route, host.put) == (True, 1)
    assert host.alarms() == []
    assert host.put == 1


def test_while_it_cannot_be_put_back_it_is_an_alarm() -> None:
    host = Host()
    host.alarms()
    host.route, host.refusal = False, "192.168.0.251 is not on eth0"
    for _ in range(3):
        assert host.alarms() == [("lan-no-route", "server1")]
    host.refusal = ""
    assert host.alarms() == []


def test_a_kernel_that_is_busy_is_no_alarm_and_ends_none() -> None:
    host = Host()
    host.alarms()
    host.silent = True
    assert host.alarms() == []
    host.silent, host.route, host.refusal = False, False, "no"
    assert host.alarms() != []
    host.silent = True
    assert host.alarms() != []
    assert host.put == 0


def test_a_route_that_never_was_there_is_told_and_not_made() -> None:
    host = Host()
    host.route = False
    assert host.alarms() == [("lan-no-route", "server1")]
    assert host.put == 0
    host.route = True
    assert host.alarms() == []


def test_an_arp_setting_that_hides_the_addresses_is_an_alarm_while_it_lasts() -> None:
    host = Host()
    host.setting = "net.ipv4.conf.all.arp_ignore=2"
    assert host.alarms() == [("arp-ignored", "server1")]
    assert "all.arp_ignore=2" in host.monitor.alarm_conditions("server1")[0].text
    host.setting = ""
    assert host.alarms() == []
