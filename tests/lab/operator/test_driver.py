"""The lab itself: two side by side, wrong input, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from labhelp import MACS, ODD, hex_address
from twinlab import Lab, LabError
from twinlab.faults import faults
from twinlab.host.build import ROLE
from twinlab.host.engine import docker, names
from twinlab.host.images import STORE
from twinlab.host.labsite import DEFAULT_SITE, ROOT
from twinlab.host.layout import LABEL
from twinlab.host.testlab import name
from twinlab.host.wait import until


def left(name: str) -> list[str]:
    return [n for kind in ("container", "network", "volume") for n in names(kind, f"{LABEL}={name}")]


@pytest.mark.long
def test_a_second_lab_with_dns_balancing_stands_beside_the_first(lab: Lab, trees: Path) -> None:
    with Lab(name("dns")).up(site=ROOT / "config/examples/dns.yaml", trees=trees) as second:
        mounts = "{{range .Mounts}}{{.Name}} {{end}}"
        volumes = {volume for server in second.servers.values()
                   for volume in docker("inspect", "--format", mounts, server.container).out.split()
                   if not volume.startswith(STORE)}  # it is for every lab of the checkout
        assert volumes
        assert second.layout.lan != lab.layout.lan
        assert all(len(who) == 1 for who in second.owners().values())
        boot = f"pxelinux.cfg/{hex_address(str(second.layout.lan.network_address + ODD))}"
        with second.machine(dns=tuple(second.addresses.values()), mac=MACS[ODD]) as client:
            config = client.sh(
                f"tftp {second.address('first')} -m binary -c get {boot} cfg ||"
                f" tftp {second.address('first')} -m binary -c get pxelinux.cfg/default cfg; cat cfg"
            ).out
            kickstart = re.search(r"inst\.ks=(\S+)", config)
            assert kickstart, config
            assert f"//ftp.{second.site['domain']}/" in kickstart[1]
            assert "url" in client.sh(f"curl -sSf {kickstart[1]}").out
        assert lab.owners() == {"first": ["server1"], "second": ["server2"]}
    assert left(name("dns")) == []
    assert not volumes & set(docker("volume", "ls", "-q").out.split())


@pytest.mark.long
def test_of_three_servers_one_dies_and_then_another(trees: Path) -> None:
    """Each group is always held by the first of its own order that lives."""
    third = {"address": "192.168.0.249", "order": ["server3", "server1", "server2"]}
    home = {"first": "server1", "second": "server2", "third": "server3"}
    lab = Lab(name("three")).up(servers=3, trees=trees, patch={"groups": {"third": third}})
    with lab as three, three.prober() as prober:
        with three.fault("power-off", 1):
            three.wait_owned({"first": "server2", "second": "server2", "third": "server3"})
            with three.fault("power-off", 2):
                three.wait_owned(dict.fromkeys(home, "server3"))
                for address in three.addresses.values():
                    tree, kickstarts = f"ftp://{address}/trees/rh9/.treeinfo", f"http://{address}/ks/"
                    three.client("curl", "-sSf", tree, kickstarts)
            three.wait_owned({"first": "server2", "second": "server2", "third": "server3"})
        three.wait_owned(home)
        assert [seen.doubles() for seen in prober.seen().values()] == [[], [], []]
    assert left(name("three")) == []


def test_down_twice_is_quiet() -> None:
    lab = Lab(name("none"))
    lab.down()
    lab.down()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)], ids=["ctrl-c", "term"]
)
def test_an_interrupted_start_leaves_nothing(trees: Path, number: signal.Signals) -> None:
    Lab(name("int")).down()  # what an earlier run may have left
    command = (ROOT / "scripts/lab", "up", "--name", name("int"), "--trees", trees)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True,
        # a shell starts its background jobs with SIGINT ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as driver:  # fmt: skip
        assert driver.stdout is not None
        assert any("starting" in line for line in driver.stdout)
        until(lambda: len(names("container", f"{ROLE}={name('int')}")) == 2, "both servers", timeout_s=60)
        os.killpg(driver.pid, number)
        driver.wait(timeout=60)
    assert driver.returncode == 130
    assert left(name("int")) == []


def test_a_bad_site_starts_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "site.yaml"
    bad.write_text(DEFAULT_SITE.read_text().replace("192.168.0.253", "192.168.0.170"))
    with pytest.raises(LabError, match="nothing was started") as told:
        Lab(name("bad")).up(site=bad)
    assert "192.168.0.170" in str(told.value)
    assert left(name("bad")) == []


def test_a_file_that_is_no_site_is_refused(tmp_path: Path) -> None:
    junk = tmp_path / "junk.yaml"
    junk.write_bytes(b"\x00\xff{{{")
    with pytest.raises(LabError, match="site file"):
        Lab(name("bad")).up(site=junk)


@pytest.mark.parametrize(
    ("name", "argument", "told"),
    [
        ("earthquake", None, "no fault"),
        ("unplug", None, "takes one of"),
        ("power-off", "now", "takes no argument"),
    ],
)
def test_unknown_faults_are_refused(lab_readonly: Lab, name: str, argument: str | None, told: str) -> None:
    with pytest.raises(LabError, match=told):
        faults.inject(lab_readonly, name, lab_readonly.server(1), *([argument] if argument else []))
    assert lab_readonly.server(1).power == "running"
