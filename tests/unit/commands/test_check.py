"""`twinboot check`: what it finds on a machine, one line each, with what to do."""

from __future__ import annotations

import os
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from twinboot import cli
from twinboot.adapters import keys, trees
from twinboot.commands.checking import bmcs, cards, machine, network, sockets
from twinboot.site import load

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "examples" / "parity.yaml"


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["twinboot", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    code = ended.value.code
    return 0 if code is None else int(code)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A machine as server1 should be. Tests change it."""
    state: dict[str, Any] = {
        "interfaces": {"eth0": machine.Interface(True, True), "eth1": machine.Interface(True, True)},
        "addresses": {"eth0": {"192.168.0.251"}, "eth1": {"10.0.0.1"}},
        "networks": {"eth0": {IPv4Network("192.168.0.0/24")}, "eth1": {IPv4Network("10.0.0.0/24")}},
        "neighbours": {"192.168.0.252": "aa:02"}, "leased": True, "listeners": {}, "sysctl": "0",
        "other_reader": "", "heard": (),
        "config": tmp_path,
    }
    monkeypatch.setattr(machine, "interfaces", lambda: list(state["interfaces"]))
    monkeypatch.setattr(machine, "interface", lambda name: state["interfaces"].get(name))
    monkeypatch.setattr(machine, "addresses", lambda name: frozenset(state["addresses"].get(name, ())))
    monkeypatch.setattr(machine, "networks", lambda name, address=None: frozenset(
        one for one in state["networks"].get(name, ()) if address is None or address in one))
    monkeypatch.setattr(machine, "neighbours", lambda _n, wanted: {
        a: state["neighbours"][a] for a in wanted if a in state["neighbours"]})
    monkeypatch.setattr(machine, "has_lifetime", lambda _n, _a: state["leased"])
    monkeypatch.setattr(machine, "listeners", lambda proto, port: state["listeners"].get((proto, port), []))
    monkeypatch.setattr(machine, "heard_on", lambda _n, _own: frozenset(state["heard"]))
    monkeypatch.setattr(keys, "other_reader", lambda _path: state["other_reader"])
    monkeypatch.setattr(machine, "sysctl", lambda _name: state["sysctl"])
    (tmp_path / "site.yaml").write_text(EXAMPLE.read_text())
    (tmp_path / "templates").symlink_to(ROOT / "config" / "templates")
    tree = tmp_path / "trees" / "rh9"
    (tree / "images" / "pxeboot").mkdir(parents=True)
    for name in ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", ".treeinfo"):
        (tree / name).write_text("x")
    return state


def check(monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any], *words: str,
          server: str = "server1") -> tuple[int, str]:
    config = here["config"]
    code = run(monkeypatch, "check", "--server", server, "--site", str(config / "site.yaml"), "--trees",
               str(config / "trees"), *words)
    return code, capsys.readouterr().out


def test_a_good_server_is_ready_and_the_new_key_says_where_to(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    code, said = check(monkeypatch, capsys, here, "--make-key")
    assert code == 0, said
    copy = "rsync -a config/site.yaml config/secrets 192.168.0.252:/opt/twinboot/config/"
    invite = "scripts/twinboot invite server2"
    assert f"to server2: {invite}; by hand: {copy}" in said
    assert invite in (ROOT / "README.md").read_text(), "the recipe of the README is the same"
    code, said = check(monkeypatch, capsys, here)
    assert (code, "FAULT" in said) == (0, False)
    assert all(line.startswith(("ok ", "warning ", "this server")) for line in said.splitlines())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"interfaces": {"enp1s0": machine.Interface(True, True)}}, "one of these in the site file: enp1s0"),
        ({"interfaces": {n: machine.Interface(False, False) for n in ("eth0", "eth1")}}, "eth0 is down"),
        ({"addresses": {"eth0": {"192.168.0.9"}}}, "eth0 has 192.168.0.9, not 192.168.0.251"),
        ({"addresses": {"eth0": {"192.168.0.251", "192.168.0.253"}}, "leased": False}, "is on eth0 for good"),
        ({"listeners": {("tcp", 80): ["0.0.0.0"]}}, "httpd needs the port"),
        ({"listeners": {("udp", 694): ["0.0.0.0"]}}, "sidecar needs the port"),
        ({"sysctl": "2"}, "arp_ignore=2"),
        ({"networks": {"eth0": {IPv4Network("192.168.0.248/30")}}},
         "192.168.0.253 of group first, 192.168.0.254 of group second, 192.168.0.252 of server server2 are"),
        ({"networks": {"eth0": {IPv4Network("192.168.0.248/30")}}},
         ": ip addr add 192.168.0.251/24 dev eth0 && ip addr del 192.168.0.251/30 dev eth0"),
        ({"networks": {"eth0": {IPv4Network("192.168.0.251/32")}}}, "192.168.0.253 of group first"),
        ({"networks": {"eth1": {IPv4Network("10.0.0.0/31")}}}, "10.0.0.2 of server2 is not in 10.0.0.0/31"),
    ],
)
def test_faults_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any], change: dict[str, Any], says: str
) -> None:
    here.update(change)
    code, said = check(monkeypatch, capsys, here, "--make-key")
    assert code == 2
    assert any(says in line and line.startswith("FAULT") for line in said.splitlines()), said


def test_another_prefix_that_holds_all_addresses_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    here["networks"]["eth0"] = {IPv4Network("192.168.0.128/25"), IPv4Network("10.9.0.0/16")}
    code, said = check(monkeypatch, capsys, here, "--make-key")
    assert code == 0
    [line] = [line for line in said.splitlines() if "192.168.0.251/25" in line]
    assert line.startswith("warning server server1: ")
    assert "the site file says 192.168.0.0/24" in line


def test_a_key_of_another_user_is_a_fault_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    assert check(monkeypatch, capsys, here, "--make-key")[0] == 0
    here["other_reader"] = "belongs to user 1000"
    code, said = check(monkeypatch, capsys, here)
    assert code == 2
    name = "config/secrets/heartbeat.key"
    assert f": chown root:root {name} && chmod 600 {name}" in said


def test_two_cards_in_one_lan_are_told_and_those_of_the_site_are_kept_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    here["heard"] = ("eth1", "eth7.10")
    site = load(EXAMPLE)
    code, said = check(monkeypatch, capsys, here, "--make-key")
    told = [line for line in said.splitlines() if "same LAN as eth0" in line]
    assert code == 0
    assert [line[:27].rstrip() for line in told] == [
        "warning link crossover: eth", "warning interface eth1: eth", "warning interface eth7.10:"]
    assert "sysctl -w net.ipv4.conf.eth1.arp_ignore=1 net.ipv4.conf.eth1.arp_announce=2 (make up" in told[1]
    assert "sysctl -w net/ipv4/conf/eth7.10/arp_ignore=1" in told[2], "a dot of the name is no separator"
    assert "(make up" not in told[2], "what the site file does not name is nobody's but the operator's"
    settings = cards.kernel_settings(site, "server1")
    assert settings == {"net/ipv4/conf/eth1/arp_ignore": 1, "net/ipv4/conf/eth1/arp_announce": 2}
    assert "net/ipv4/conf/eth1/arp_ignore=1" in parts(monkeypatch, capsys, here, "--kernel")
    assert "net/" not in parts(monkeypatch, capsys, here)
    here["sysctl"] = "1"
    assert cards.kernel_settings(site, "server1") == {}
    code, said = check(monkeypatch, capsys, here)
    assert "ok      interface eth1: eth1 is in the same LAN as eth0" in said


def parts(monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any], *words: str) -> str:
    site = str(here["config"] / "site.yaml")
    assert run(monkeypatch, "parts", "--server", "server1", "--site", site, *words) == 0
    return capsys.readouterr().out


def test_ports_of_our_own_running_stack_are_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    here["listeners"] = {("tcp", 80): ["0.0.0.0"]}
    assert check(monkeypatch, capsys, here, "--make-key", "--running", "httpd tftp")[0] == 0
    assert check(monkeypatch, capsys, here, "--running", "tftp")[0] == 2
    # the sidecar starts dhcpd when it likes, also after it was asked what runs
    here["listeners"] = {("udp", 67): ["0.0.0.0"]}
    assert check(monkeypatch, capsys, here, "--running", "sidecar tftp")[0] == 0
    assert check(monkeypatch, capsys, here, "--running", "tftp")[0] == 2


def test_the_port_of_https_is_ours_when_the_files_in_use_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    here["listeners"] = {("tcp", 443): ["0.0.0.0"]}
    code, said = check(monkeypatch, capsys, here, "--make-key", "--running", "httpd")
    assert code == 2, "an HTTP service of a release without HTTPS has it not"
    assert "stop it, or set api.https.port in the site file" in said
    monkeypatch.setattr(network, "_https_here", lambda: 443)
    assert check(monkeypatch, capsys, here, "--make-key", "--running", "httpd")[0] == 0
    site = here["config"] / "site.yaml"
    site.write_text(site.read_text() + "api: {https: off}\n")
    monkeypatch.setattr(network, "_https_here", lambda: 0)
    assert check(monkeypatch, capsys, here, "--running", "httpd")[0] == 0


SS = """\
udp UNCONN 0 0 127.0.0.54:53 0.0.0.0:* users:(("systemd-resolve",pid=612,fd=19))
udp UNCONN 0 0 192.168.0.251:53 0.0.0.0:* users:(("dnsmasq",pid=9,fd=4),("dnsmasq",pid=10,fd=4))
tcp LISTEN 0 32 192.168.0.251:53 0.0.0.0:*
tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=77,fd=6))
"""


def test_a_taken_port_is_one_line_with_its_process(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "ss").write_text(SS)
    here["listeners"] = {("tcp", 80): ["0.0.0.0", "::"], ("tcp", 53): ["0.0.0.0"], ("tcp", 9694): ["::"]}
    code, said = check(monkeypatch, capsys, here, "--make-key", "--sockets", str(tmp_path / "ss"))
    lines = [line for line in said.splitlines() if "port " in line]
    assert code == 2
    assert len(lines) == 3
    assert "FAULT   port 80/tcp: nginx (pid 77) listens on 0.0.0.0, ::: stop it, httpd" in lines[1]
    assert "port 53/tcp: something of this machine listens on 0.0.0.0 (ss -lnp" in lines[0]
    assert lines[2].startswith("warning port 9694/tcp")
    assert sockets.owner(SS, "udp", 53) == "systemd-resolve (pid 612), dnsmasq (pid 9), dnsmasq (pid 10)"
    assert sockets.owner(SS, "udp", 80) == ""


def test_what_is_unwise_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    site = here["config"] / "site.yaml"
    text = site.read_text().replace("order: [server1, server2]", "order: [server1]")
    text = text.replace("10.0.0.2, interface: eth1", "10.0.1.2, interface: eth0")
    site.write_text(text)
    code, said = check(monkeypatch, capsys, here, "--make-key", "--without-trees")
    warnings = [line for line in said.splitlines() if line.startswith("warning")]
    for path, why in (
        ("groups.first.order: ", "nobody takes over when server1 dies"),
        ("servers.server2.links: ", "all on eth0"),
        ("servers.server2.links.crossover.address: ", "server1 is in 10.0.0.0/24"),
    ):
        assert any(path in line and why in line for line in warnings), path
    assert code == 2, "the machine knows its prefix: 10.0.1.2 cannot be on its cable"
    assert "10.0.1.2 of server2 is not in 10.0.0.0/24" in said


def test_missing_trees_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    (here["config"] / "trees/rh9/.treeinfo").unlink()
    assert check(monkeypatch, capsys, here, "--make-key")[0] == 2
    code, said = check(monkeypatch, capsys, here, "--make-key", "--without-trees")
    assert code == 0
    assert "will be made when all else is right" in said
    assert not (here["config"] / "secrets").exists(), "what to do with the key is said when it is made"


def test_trees_are_named_as_the_operator_knows_them(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    monkeypatch.setenv("TWINBOOT_TREES", "/data/trees")
    (here["config"] / "trees/rh9/images").chmod(0o750)
    (here["config"] / "trees/rh9/gone").symlink_to("nothing")
    code, said = check(monkeypatch, capsys, here, "--make-key")
    lines = said.splitlines()
    assert code == 2
    [wrong] = [line for line in lines if line.startswith("FAULT")]
    assert wrong.endswith(": chmod a+rX /data/trees/rh9/images")
    [unwise] = [line for line in lines if line.startswith("warning") and "trees" in line]
    assert "rh9/gone" in unwise
    (here["config"] / "trees/rh9/images").chmod(0o755)
    code, said = check(monkeypatch, capsys, here, "--make-key")
    assert (code, "1 trees below /data/trees, 6 files and folders" in said) == (0, True), said
    assert "looking at" not in said, "a short look is no news"


@pytest.mark.parametrize("follows", [True, False, None])
def test_trees_whose_later_mounts_are_not_seen_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any], follows: bool | None
) -> None:
    monkeypatch.setattr(trees, "follows_mounts", lambda _top: follows)
    monkeypatch.setenv("TWINBOOT_TREES", "/data/trees")
    code, said = check(monkeypatch, capsys, here, "--make-key")
    warned = [line for line in said.splitlines() if line.startswith("warning trees: ")]
    assert (code, len(warned)) == (0, follows is False)
    if warned:
        assert 'mount --make-rshared "$(findmnt -no TARGET --target /data/trees)"' in warned[0]


def test_a_password_file_is_looked_at_before_render_does(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    site = here["config"] / "site.yaml"
    site.write_text(site.read_text().replace("method: ftp", "rootpw_file: secrets/root.hash"))
    code, said = check(monkeypatch, capsys, here, "--make-key")
    assert code == 2
    assert "profiles.rh9.rootpw_file: 'secrets/root.hash': no such file" in said


def test_a_key_that_leads_out_of_the_config_folder_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    outside = tmp_path_factory.mktemp("elsewhere") / "key"
    outside.write_text("0" * 64)
    (here["config"] / "secrets").mkdir()
    (here["config"] / "secrets/heartbeat.key").symlink_to(outside)
    code, said = check(monkeypatch, capsys, here)
    assert code == 2
    assert "leads out of the config folder" in said


def test_a_foreign_host_with_a_virtual_address_is_a_warning_a_peer_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    here["neighbours"] |= {"192.168.0.253": "aa:02", "192.168.0.254": "ee:ee"}
    code, said = check(monkeypatch, capsys, here, "--make-key")
    assert code == 0
    assert "192.168.0.253 is at server2" in said
    assert "192.168.0.254 answers from ee:ee" in said


def test_site_faults_names_and_missing_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    code, said = check(monkeypatch, capsys, here, server="server7")
    assert code == 2
    assert "server7 is not in the site file" in said
    assert "FAULT   heartbeat key" in said
    (here["config"] / "site.yaml").write_text("version: 1\n")
    code, said = check(monkeypatch, capsys, here)
    assert code == 2
    assert said.count("FAULT") > 2, "every fault of the site file"


def test_listeners_are_read_from_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    net = tmp_path / "net"
    net.mkdir()
    head = "  sl  local_address rem_address   st\n"
    (net / "tcp").write_text(
        head + "   0: 00000000:0050 00000000:0000 0A\n   1: 3500007F:0035 00000000:0000 0A\n"
        "   2: FB00A8C0:0050 0900A8C0:1234 01\n"
    )
    (net / "tcp6").write_text(head + f"   0: {'0' * 32}:0015 {'0' * 32}:0000 0A\n")
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    assert machine.listeners("tcp", 80) == ["0.0.0.0"]
    assert machine.listeners("tcp", 53) == [], "a stub resolver on 127.0.0.53 is in nobody's way"
    assert machine.listeners("tcp", 21) == ["::"]
    assert machine.listeners("udp", 67) == []


def test_files_for_bmcs_are_for_their_process_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, here: dict[str, Any]
) -> None:
    site = yaml.safe_load(EXAMPLE.read_text())
    site["power"] = {"kind": "redfish", "user": "twinboot", "password_file": "secrets/power/bmc",
                     "verify": "secrets/power/ca.pem"}  # fmt: skip
    site["hosts"]["cli128"]["power"] = {"address": "10.0.8.128"}
    config = here["config"]
    (config / "site.yaml").write_text(yaml.safe_dump(site))
    folder = config / "secrets/power"

    def said() -> list[str]:
        _, out = check(monkeypatch, capsys, here, "--make-key")
        return [line for line in out.splitlines() if " power: " in line]

    monkeypatch.setattr(bmcs, "GROUP", os.getgid())
    missing = said()
    assert len(missing) == 2
    assert "install -d -m 0750" in missing[0]
    assert "secrets/power/ca.pem" in missing[1]
    folder.mkdir(parents=True)
    for name in ("bmc", "ca.pem"):
        (folder / name).write_text("swordfish\n")
        (folder / name).chmod(0o640)
    folder.chmod(0o750)
    assert said() == ["ok      power: 1 BMCs, 2 files below config/secrets/power"]
    (folder / "bmc").chmod(0o644)
    assert "everyone" in said()[0]
    (folder / "bmc").chmod(0o600)
    assert "cannot read it" in said()[0]
    (folder / "bmc").write_text("")
    (folder / "bmc").chmod(0o640)
    assert "empty" in said()[0]
    (folder / "bmc").unlink()
    (folder / "bmc").symlink_to(config / "site.yaml")
    assert "no file below" in said()[0]
    (folder / "bmc").unlink()
    (folder / "bmc").write_text("swordfish\n")
    (folder / "bmc").chmod(0o640)
    monkeypatch.setattr(bmcs, "GROUP", os.getgid() + 1)
    assert sum("chgrp" in line for line in said()) == 4, "each file, and for each the folder"
    assert "swordfish" not in "".join(said())
