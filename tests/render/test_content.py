"""What clients are told: boot files, host entries, names. In both ways of balancing."""

from __future__ import annotations

import copy
import re
from ipaddress import IPv4Address

import pytest
from rendering import GOOD, NAMES, rendered, site, sources, with_profile
from twinboot import dhcp
from twinboot.daemons import DHCPD
from twinboot.kinds import DHCP_ENGINES
from twinboot.site import SiteError, parse

FIRST, SECOND = "192.168.0.253", "192.168.0.254"
CFG = "tftp/pxelinux.cfg/"


def append_of(text: str) -> list[str]:
    [line] = re.findall(r"^  APPEND (.*)$", text, re.MULTILINE)
    return line.split()


@pytest.mark.parametrize("engine", DHCP_ENGINES.names())
@pytest.mark.parametrize("name", NAMES)
def test_every_dhcp_engine_has_files_for_every_site(
    engine: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dhcp, "DEFAULT_ENGINE", engine)
    found = {path for path in rendered(site(name)).etc if path.startswith(f"{DHCPD.etc}/")}
    assert len(found) > 1, "its own, and the guard"


def next_servers(conf: str) -> dict[str, str]:
    """Host -> next-server, as dhcpd.conf says it."""
    found, current = {}, ""
    for line in conf.splitlines():
        words = line.strip().rstrip(";").split()
        if words[:1] == ["next-server"]:
            current = words[1]
        elif words[:1] == ["host"]:
            found[words[1]] = current
    return found


def next_server_of(conf: str, address: str) -> str:
    """What the conditions of the pool say of a dynamic address."""
    found = []
    for line in conf.splitlines():
        if line.lstrip().startswith(("if ", "elsif ")) and "leased-address" in line:
            [vip] = re.findall(r"next-server ([0-9.]+);", line)
            for slots, high, low in re.findall(r"% (\d+), 16\) = (..):(..)", line):
                if int(IPv4Address(address)) % int(slots) == int(high + low, 16):
                    found.append(vip)
    [vip] = found
    return vip


@pytest.mark.parametrize(
    ("address", "name", "vip"), [("C0A80080", "cli128", SECOND), ("C0A80081", "cli129", FIRST)]
)
def test_parity_names_the_groups_address_everywhere(address: str, name: str, vip: str) -> None:
    files = rendered(site())
    arguments = append_of(files.pub[CFG + address])
    assert f"inst.ks=ftp://{vip}/ks/{name}.ks" in arguments
    assert f"inst.repo=ftp://{vip}/trees/rh9/" in arguments
    assert f'url --url="ftp://{vip}/trees/rh9/"' in files.pub[f"ks/{name}.ks"]
    assert next_servers(files.etc["dhcpd/dhcpd.conf"])[name] == vip
    other = SECOND if vip == FIRST else FIRST
    assert other not in sources(files.pub[f"ks/{name}.ks"])
    assert other not in rendered(with_profile(mirror=False)).pub[CFG + address]


def test_parity_has_a_boot_file_for_every_dynamic_address() -> None:
    files = rendered(site())
    for last in range(160, 200):
        vip, group = (FIRST, "first") if last % 2 else (SECOND, "second")
        assert f"inst.ks=ftp://{vip}/ks/rh9-{group}.ks" in append_of(files.pub[f"{CFG}C0A800{last:02X}"])
        assert next_server_of(files.etc["dhcpd/dhcpd.conf"], f"192.168.0.{last}") == vip
        assert f"//{vip}/" in files.pub[f"ks/rh9-{group}.ks"]
    # of each host: by option 209, by MAC, by address; and the one where all may end
    assert len([path for path in files.pub if path.startswith(CFG)]) == 40 + 2 * 3 + 1


def test_a_pinned_host_goes_where_it_is_pinned() -> None:
    changed = copy.deepcopy(GOOD)
    changed["hosts"]["cli128"]["group"] = "first"
    files = rendered(parse(changed))
    assert f"inst.ks=ftp://{FIRST}/ks/cli128.ks" in append_of(files.pub[CFG + "C0A80080"])
    assert next_servers(files.etc["dhcpd/dhcpd.conf"])["cli128"] == FIRST
    assert f"//{FIRST}/" in files.pub["ks/cli128.ks"]


def test_weights_decide_the_shares() -> None:
    changed = copy.deepcopy(GOOD)
    changed["groups"]["first"]["weight"] = 3
    conf = rendered(parse(changed)).etc["dhcpd/dhcpd.conf"]
    shares = [next_server_of(conf, f"192.168.0.{last}") for last in range(160, 200)]
    assert (shares.count(FIRST), shares.count(SECOND)) == (30, 10)


def test_dns_names_the_install_name_everywhere() -> None:
    files = rendered(site("dns"))
    for path in (CFG + "C0A80080", CFG + "C0A80081", CFG + "C0A800A0", "ks/rh9.ks", "ks/cli129.ks"):
        urls = re.findall(r"ftp://([^/]+)/", files.pub[path])
        assert set(urls) == {"ftp.example.lan"}, path
    assert f"option domain-name-servers {FIRST}, {SECOND};" in files.etc["dhcpd/dhcpd.conf"]
    zone = files.etc["bind/example.lan.zone"]
    assert f"\nftp IN A {FIRST}\n" in zone
    assert f"\nftp IN A {SECOND}\n" in zone


def test_dns_gives_other_profiles_boot_files_of_their_own() -> None:
    changed = copy.deepcopy(GOOD)
    changed["balancing"] = {"mode": "dns"}
    changed["profiles"]["other"] = {"tree": "rh9", "version": "RHEL9", "method": "http"}
    changed["subnets"].append(
        {
            "network": "10.9.0.0/24",
            "relays": ["10.9.0.1"],
            "profile": "other",
            "range": {"first": "10.9.0.10", "last": "10.9.0.11"},
            "unknown": "install",
        }
    )
    for server in changed["servers"].values():
        del server["links"]["crossover"]
    files = rendered(parse(changed)).pub
    assert "inst.ks=http://ftp.example.lan/ks/other.ks" in append_of(files[CFG + "0A09000A"])
    assert "inst.ks=ftp://ftp.example.lan/ks/rh9.ks" in append_of(files[CFG + "C0A800A0"])


def test_prompt_timeout_and_message() -> None:
    text = rendered(with_profile(timeout_s=2.5, message="Hello\nthere")).pub
    boot = text[CFG + "C0A800A0"]
    assert "\nPROMPT 1\n" in boot
    assert "\nTIMEOUT 25\n" in boot
    assert "\nDISPLAY boot/rh9.msg\n" in boot
    assert text["tftp/rh9.msg"] == "Hello\nthere\n"
    assert "\nPROMPT 0\n" in rendered(with_profile(prompt=False)).pub[CFG + "C0A800A0"]


def test_kernel_arguments_come_last_and_in_order() -> None:
    arguments = append_of(rendered(with_profile(kernel_args=["a=1", "b"])).pub[CFG + "C0A800A0"])
    assert arguments[-2:] == ["a=1", "b"]
    assert arguments.index("ip=dhcp") < arguments.index("a=1")


@pytest.mark.parametrize(
    ("version", "known"), [("RHEL6", False), ("RHEL7", True), ("RHEL10", True), ("F45", True)]
)
def test_installers_that_can_try_dhcp_again_and_wait_little_for_names(version: str, known: bool) -> None:
    arguments = append_of(rendered(with_profile(version=version)).pub[CFG + "C0A800A0"])
    for argument in ("rd.net.dhcp.retry=3", "systemd.setenv=RES_OPTIONS=timeout:1"):
        assert (argument in arguments) == known


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("RHEL5", {"ks", "method"}),
        ("RHEL6", {"ks", "repo"}),
        ("RHEL7", {"inst.ks", "inst.repo"}),
        ("RHEL10", {"inst.ks", "inst.stage2"}),
        ("F45", {"inst.ks", "inst.repo"}),
    ],
)
def test_old_installers_are_told_in_their_own_words(version: str, wanted: set[str]) -> None:
    arguments = append_of(rendered(with_profile(version=version)).pub[CFG + "C0A800A0"])
    names = {argument.partition("=")[0] for argument in arguments}
    assert wanted <= names
    assert ("ks" in names) == (version in {"RHEL5", "RHEL6"})


@pytest.mark.parametrize("version", ["RHEL8", "RHEL9", "RHEL10", "F38", "F45"])
def test_mirror_addresses_are_tried_after_the_groups_own(version: str) -> None:
    files = rendered(with_profile(version=version)).pub
    arguments = append_of(files[CFG + "C0A80080"])
    for option, paths in (
        ("inst.ks", ("ks/cli128.ks", f"ks/{FIRST}/cli128.ks")),
        ("inst.stage2", ("trees/rh9/", "trees/rh9/")),
    ):
        found = [argument for argument in arguments if argument.startswith(f"{option}=")]
        both = zip((SECOND, FIRST), paths, strict=True)
        assert found == [f"{option}=ftp://{vip}/{path}" for vip, path in both]
        assert f"{option}.all" in arguments


def test_the_kickstart_at_a_mirror_address_needs_no_other() -> None:
    """The group's own address may be dead by then: what its copy at the mirror names first is the mirror."""
    files = rendered(site()).pub
    own, mirror = sources(files["ks/cli128.ks"]), sources(files[f"ks/{FIRST}/cli128.ks"])
    assert SECOND in own
    assert mirror == own.replace(SECOND, FIRST)
    for name, group, other in (("C0A800A1", "first", "second"), ("C0A800A0", "second", "first")):
        kickstarts = [one for one in append_of(files[CFG + name]) if one.startswith("inst.ks=")]
        assert [one.rpartition("/")[2] for one in kickstarts] == [f"rh9-{group}.ks", f"rh9-{other}.ks"]


def test_an_installer_that_may_take_the_last_address_ends_with_its_own() -> None:
    """RHEL 7.0 to 7.4 do not know inst.ks.all, and of an option that is repeated the last one wins."""
    arguments = append_of(rendered(with_profile(version="RHEL7")).pub[CFG + "C0A80080"])
    for option in ("inst.ks", "inst.stage2"):
        found = [argument.split("/")[2] for argument in arguments if argument.startswith(f"{option}=")]
        assert found == [SECOND, FIRST, SECOND]
        assert f"{option}.all" in arguments


@pytest.mark.parametrize(("length", "mirrors"), [(600, True), (1190, False)])
def test_a_line_that_would_be_too_long_does_without_mirror_addresses(length: int, mirrors: bool) -> None:
    changed = copy.deepcopy(GOOD)
    changed["trees"]["rh9"]["path"] = "/".join(["red-hat"] * 12)
    changed["profiles"]["rh9"] |= {"version": "RHEL7", "kernel_args": ["a" * length]}
    line = append_of(rendered(parse(changed)).pub[CFG + "C0A80080"])
    assert ("inst.ks.all" in line) == mirrors
    assert len(" ".join(line)) <= 1800


@pytest.mark.parametrize("version", ["RHEL5", "RHEL6"])
def test_an_installer_that_takes_one_address_gets_one(version: str) -> None:
    files = rendered(with_profile(version=version)).pub
    text = files[CFG + "C0A80080"]
    assert FIRST not in text
    assert ".all" not in text
    assert f"ks/{FIRST}/cli128.ks" not in files


def test_mirror_addresses_can_be_left_out_and_are_no_matter_of_dns() -> None:
    assert ".all" not in rendered(with_profile(mirror=False)).pub[CFG + "C0A80080"]
    dns = {**GOOD, "balancing": {"mode": "dns", "name": "ftp"}}
    assert ".all" not in rendered(parse(dns)).pub[CFG + "C0A800A0"]


def test_the_guard_names_address_and_interface() -> None:
    assert rendered(site(), "server2").etc["dhcpd/guard"] == f"{FIRST} eth0\n"


def test_bind_is_no_open_resolver_and_no_source_of_transfers() -> None:
    conf = rendered(site()).etc["bind/named.conf"]
    assert "allow-transfer { none; };" in conf
    assert "allow-recursion { site; };" in conf
    assert "rrset-order { order cyclic; };" in conf, "for everything: what it does not name is drawn by lot"
    assert "controls { };" in conf


def test_a_site_without_profiles_still_gives_addresses() -> None:
    changed = {key: value for key, value in GOOD.items() if key not in {"profiles", "trees", "hosts"}}
    changed["subnets"] = [{"network": "192.168.0.0/24"}]
    files = rendered(parse(changed))
    assert files.pub == {}
    assert "subnet 192.168.0.0" in files.etc["dhcpd/dhcpd.conf"]


def test_an_unknown_server_is_a_fault_with_a_hint() -> None:
    with pytest.raises(SiteError, match="did you mean 'server1'"):
        rendered(site(), "serv1")
