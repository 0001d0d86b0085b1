"""The lab at rest: each service serves real clients, and refuses what it should refuse."""

from __future__ import annotations

import pytest
from labhelp import EVEN, MACS, ODD, discover, hex_address, host
from twinlab import Lab
from twinlab.host.wait import until


def test_each_group_is_at_its_preferred_server(lab_readonly: Lab) -> None:
    assert lab_readonly.owners() == {"first": ["server1"], "second": ["server2"]}
    for group, server in (("first", "server1"), ("second", "server2")):
        holders = [name for name, s in lab_readonly.servers.items() if s.has(lab_readonly.address(group))]
        assert holders == [server]


def test_exactly_one_dhcp_server_answers(lab_readonly: Lab) -> None:
    for mac in (MACS[ODD], MACS[EVEN], None):
        found = discover(lab_readonly, *(("--mac", mac) if mac else ()), "--wait", "1.5")
        assert [o["server_id"] for o in found["offers"]] == [lab_readonly.address("first")], found
    assert lab_readonly.server(1).containers()["dhcpd"] == "running"
    assert lab_readonly.server(2).containers()["dhcpd"] == "exited"


def test_hosts_are_offered_their_own_address_and_their_group(lab_readonly: Lab) -> None:
    for number, group in ((ODD, "first"), (EVEN, "second")):
        (offer,) = discover(lab_readonly, "--mac", MACS[number])["offers"]
        assert offer["address"] == str(lab_readonly.layout.lan.network_address + number)
        assert offer["next_server"] == lab_readonly.address(group)
        assert offer["file"] == "pxelinux.0"


@pytest.mark.parametrize(
    "command",
    [
        "dhclient -1 -v -sf /usr/local/bin/lab-dhclient-script -lf /tmp/l -pf /tmp/p eth0",
        "busybox udhcpc -f -q -n -t 5 -i eth0 -s /usr/local/bin/lab-udhcpc-script",
        "dhcpcd --test --timeout 15 eth0",
    ],
    ids=["dhclient", "udhcpc", "dhcpcd"],
)
def test_real_dhcp_clients_get_a_lease(lab_readonly: Lab, command: str) -> None:
    said = lab_readonly.client("timeout", "30", *command.split(), mac=MACS[ODD], check=False)
    text = said.out + said.err
    assert str(lab_readonly.layout.lan.network_address + ODD) in text, text
    assert lab_readonly.address("first") in text, text


@pytest.mark.parametrize("group", ["first", "second"])
def test_boot_files_come_by_tftp(lab_readonly: Lab, group: str) -> None:
    server = lab_readonly.address(group)
    name = f"pxelinux.cfg/{hex_address(str(lab_readonly.layout.lan.network_address + ODD))}"
    with lab_readonly.machine() as client:
        client.sh(f"tftp {server} -m binary -c get pxelinux.0 && test -s pxelinux.0")
        client.sh(f"tftp {server} -m binary -c get {name} cfg && grep -q vmlinuz cfg")
        client.sh(f"tftp {server} -m binary -c get trees/rh9/images/pxeboot/vmlinuz kernel")
        assert client.sh("stat -c %s kernel").out.strip() == str(1 << 20)
        refused = client.sh(f"echo x >x; tftp {server} -m binary -c put x; true")
        assert "rror" in refused.out + refused.err
        outside = client.sh(f"tftp {server} -m binary -c get ../../etc/passwd p; test ! -s p", check=False)
        assert outside.ok, outside.out


@pytest.mark.parametrize("group", ["first", "second"])
def test_ftp_lists_and_refuses_to_write(lab_readonly: Lab, group: str) -> None:
    server = lab_readonly.address(group)
    with lab_readonly.machine() as client:
        listing = client.sh(f"lftp -e 'ls trees/rh9; bye' ftp://{server}/").out
        assert "big.bin" in listing
        written = client.sh(f"echo x >x; curl -sS -T x ftp://{server}/trees/x", check=False)
        assert not written.ok
        assert "550" in written.err or "25" in written.err, written.err
        deleted = client.sh(f"curl -sS -Q 'DELE trees/rh9/big.bin' ftp://{server}/", check=False)
        assert not deleted.ok


@pytest.mark.parametrize("scheme", ["ftp", "http"])
def test_trees_and_kickstarts_come_by(lab_readonly: Lab, scheme: str) -> None:
    with lab_readonly.machine() as client:
        for server in lab_readonly.addresses.values():
            client.sh(f"curl -sSf -o t {scheme}://{server}/trees/rh9/.treeinfo && grep -q rh9 t")
            listing = client.sh(f"wget -q -O - {scheme}://{server}/ks/").out
            assert ".ks" in listing


def test_dns_serves_the_site_and_nobody_else(lab: Lab) -> None:
    server = lab.address("first")
    domain = lab.site["domain"]
    with lab.machine() as client:
        both = client.sh(f"dig +short @{server} ftp.{domain}").out.split()
        assert sorted(both) == sorted(lab.addresses.values())
        transfer = client.sh(f"dig @{server} {domain} AXFR", check=False).out
        assert "Transfer failed" in transfer
        # A client from elsewhere: recursion is refused, the site's own names are answered.
        outsider = "172.31.99.5"
        lab.server(1).exec("ip", "route", "replace", f"{outsider}/32", "via", client.address)
        try:
            client.sh(f"ip address add {outsider}/32 dev eth0")
            asked = client.sh(f"dig -b {outsider} @{server} www.example.org", check=False).out
            assert "status: REFUSED" in asked, asked
        finally:
            lab.server(1).exec("ip", "route", "del", f"{outsider}/32")


def test_up_again_changes_nothing(lab: Lab) -> None:
    server = lab.server(1)
    server.compose("up", "-d")  # what an earlier test has swapped is put right
    lab.wait_owned({"first": "server1", "second": "server2"})
    until(lambda: server.containers()["dhcpd"] == "running", "dhcpd to run again", timeout_s=30)
    before = server.started_at()
    server.compose("up", "-d")
    after = server.started_at()
    assert {s: after[s] for s in after if s != "render"} == {s: before[s] for s in before if s != "render"}
    assert lab.owners() == {"first": ["server1"], "second": ["server2"]}


def test_one_image_is_swapped_alone(lab: Lab) -> None:
    server = lab.server(2)
    before = server.started_at()
    image = server.docker("inspect", "-f", "{{.Config.Image}}", "twinboot-vsftpd-1").out.strip()
    server.docker("tag", image, "mine/vsftpd:1")
    server.exec("sh", "-c", "echo TWINBOOT_VSFTPD_IMAGE=mine/vsftpd:1 >>/opt/twinboot/compose/.env")
    try:
        server.compose("up", "-d", "--no-deps", "vsftpd")
        after = server.started_at()
        assert {s for s in after if after[s] != before[s]} == {"vsftpd"}
        used = server.docker("inspect", "-f", "{{.Config.Image}}", "twinboot-vsftpd-1").out.strip()
        assert used == "mine/vsftpd:1"
        with host(lab, EVEN) as client:
            client.sh(f"curl -sSf --retry 5 --retry-connrefused -o t ftp://{lab.address('second')}/trees/rh9/.treeinfo")
    finally:
        server.exec("sed", "-i", "/^TWINBOOT_VSFTPD_IMAGE=mine/d", "/opt/twinboot/compose/.env")
        server.compose("up", "-d", "--no-deps", "vsftpd")
