"""Answers of Subiquity: what it, cloud-init and the medium's initrd are told."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from autoinstalling import Live, autoinstall, file_of, told, ubuntu, written
from hypothesis import given
from hypothesis import strategies as st
from kickstart_pre import Machine
from rendering import SECRETS, TEMPLATES, document, rendered
from twinboot.installers.autoinstall import trees
from twinboot.installers.autoinstall.releases import NAMES, Release
from twinboot.installers.autoinstall.text import keyboard
from twinboot.installers.autoinstall.yaml_text import yaml_of
from twinboot.planning.boot_facts import Architecture, BootFacts, LoaderFiles
from twinboot.planning.plan import SitePlan
from twinboot.render.disk_checks import check_files
from twinboot.site import Site, SiteError, parse

SCHEMAS = os.environ.get("TWINBOOT_SCHEMAS", "")
NASTY = "it's \"$HOME\" `id` & <b> {{ x }} {% y %} \\n č\n  indented\n\ttab\n#cloud-config\n---\n'EOF'\nEOF\n"
PROFILES = ("noble", "focal", "jammy", "resolute")
SHARED = [f"{name}-{group}" for name in PROFILES for group in ("first", "second")]
HOSTS = ["odd", "even", "tied", "cards"]
ARCHIVE = {
    "noble": tuple(f"ubuntu/24.04/dists/noble{one}/InRelease" for one in ("", "-updates", "-security")),
    "jammy": tuple(f"ubuntu/22.04/dists/jammy{one}/Release" for one in ("", "-updates", "-security")),
}


def site(**changes: Any) -> Site:
    return parse({**document("autoinstall"), **changes})


def named(**profile: Any) -> Site:
    """The same in dns mode."""
    changed = document("autoinstall") | {"balancing": {"mode": "dns", "name": "install"}}
    changed["profiles"]["noble"] |= profile
    return parse(changed)


def arguments_of(of: Site, host: str, **options: Any) -> list[str]:
    plan = SitePlan(of, **options)
    install = next(one.install for one in plan.machines if one.name == host)
    return plan.installer(install).kernel_arguments(plan, install, room=1500)


@pytest.mark.parametrize("of", [site(), named()], ids=["parity", "dns"])
def test_every_file_is_what_cloud_init_and_sh_take(of: Site) -> None:
    names = SHARED if of.balancing.mode == "parity" else PROFILES
    files = rendered(of)
    for name in (*names, *HOSTS):
        config = told(of, name)
        assert config["autoinstall"]["version"] == 1
        first = config["autoinstall"]["user-data"]
        assert first["users"] == [{"name": "root", "lock_passwd": False}], "no account `ubuntu`"
        for script in written(config).values():
            subprocess.run(["sh", "-n"], input=script, text=True, check=True)
        meta = yaml.safe_load(file_of(files, name, "meta-data"))
        assert meta["instance-id"] == f"twinboot-ubus-{name}"
        assert meta.get("local-hostname") == (name if name in HOSTS else None)
        assert yaml.safe_load(file_of(files, name, "vendor-data")) == {}
        assert yaml.safe_load(file_of(files, name, "network-config")) is None


@pytest.mark.skipif(not SCHEMAS, reason="TWINBOOT_SCHEMAS names no folder with upstream's schemas")
@pytest.mark.parametrize("name", [*SHARED, *HOSTS])
def test_upstreams_schema_takes_it(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(SCHEMAS) / "autoinstall.json").read_text())
    for options in ({}, {"repositories": ARCHIVE}):
        jsonschema.validate(autoinstall(site(), name, **options), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**autoinstall(site(), name), "shutdown": "halt"}, schema)


def test_the_initrd_is_told_where_the_iso_and_the_answers_are() -> None:
    found = arguments_of(site(), "odd")
    assert found == [
        "ip=dhcp", "url=http://192.168.0.253/trees/ubuntu/24.04/24.04.iso", "autoinstall",
        "ds=nocloud;s=http://192.168.0.253/answers/autoinstall/odd/", "cloud-config-url=/dev/null",
        "fsck.mode=skip",
    ]  # fmt: skip
    medium = {"noble": ("ubuntu/24.04/ubuntu-24.04.3-live-server-amd64.iso",)}
    url = "url=http://192.168.0.253/trees/ubuntu/24.04/ubuntu-24.04.3-live-server-amd64.iso"
    assert url in arguments_of(site(), "odd", repositories=medium)
    assert "ds=nocloud-net;s=http://192.168.0.254/answers/autoinstall/even/" in arguments_of(site(), "even")
    assert "ip=:::::ens4:dhcp" in arguments_of(site(), "even")
    assert "ip=dhcp" in arguments_of(site(), "tied"), "of a bond the card that has booted"
    assert "url=http://install.example.lan/trees/ubuntu/24.04/24.04.iso" in arguments_of(named(), "odd")
    own = arguments_of(ubuntu(kernel_args=["ip=192.0.2.1::::::off", "quiet"]), "odd")
    assert own[-2:] == ["ip=192.0.2.1::::::off", "quiet"]
    assert "ip=dhcp" not in own


def test_every_loader_hands_the_semicolon_on() -> None:
    shim = LoaderFiles("loaders/x64/shimx64.efi", "loaders/x64/grubx64.efi", "grubx64.efi")
    files = rendered(site(), boot=BootFacts(image={Architecture.X64: shim})).pub
    word = "ds=nocloud;s=http://192.168.0.253/answers/autoinstall/odd/"
    grub = [text for path, text in files.items() if path.endswith("/host.odd.cfg")]
    assert grub
    assert all(f" '{word}' " in text for text in grub), "to GRUB it would end the command"
    assert f" {word} " in files["tftp/pxelinux.cfg/host.odd"]
    assert f" {word} " in files["tftp/machines/host.odd.ipxe"]


def test_what_is_said_once_is_in_it() -> None:
    config = told(site(), "odd")
    found = config["autoinstall"]
    assert found["locale"] == "de_AT.UTF-8"
    assert found["keyboard"] == {"layout": "de", "variant": "nodeadkeys"}
    assert found["timezone"] == "Europe/Vienna"
    assert found["packages"] == ["samba-server^", "openssh-server", "libc6:amd64"]
    assert found["ssh"] == {"install-server": True, "allow-pw": True}
    assert found["shutdown"] == "poweroff"
    assert "identity" not in found
    scripts = written(config)
    assert scripts["setup"].startswith(f"usermod -p '{SECRETS['secrets/root.hash'].strip()}' root\n")
    assert "open_to root 'ssh-ed25519 " in scripts["setup"]
    assert "ann ALL=(ALL) ALL" in scripts["setup"]
    assert "clocks=ntp.example.lan\n" in scripts["setup"]
    assert found["user-data"]["fqdn"] == "odd.example.lan"
    plain = told(site(), "even")
    assert written(plain)["setup"] == "usermod -p '*' root\n", "locked"
    assert plain["autoinstall"]["ssh"] == {"install-server": True, "allow-pw": False}
    assert "packages" not in plain["autoinstall"]
    assert not autoinstall(ubuntu(packages=["vim"]))["ssh"]["install-server"]


def test_the_profiles_own_sections_are_merged() -> None:
    found = autoinstall(site(), "odd")
    assert found["storage"] == {"layout": {"name": "lvm", "match": {"path": "/dev/twinboot-disk"}}}
    assert found["user-data"]["timezone"] == "Europe/Prague"
    assert found["user-data"]["disable_root"] is False
    assert found["late-commands"][0] == "sh /run/twinboot/late.sh", "before those of the profile"
    assert found["late-commands"][2][:2] == ["curtin", "in-target"]
    assert "layout" not in autoinstall(site(), "cards")["storage"]
    for own in ({"config": [{"type": "disk"}]}, {"layout": {"name": "zfs", "match": {"serial": "A*"}}}):
        of = ubuntu(autoinstall={"storage": own})
        assert autoinstall(of)["storage"] == own
        assert "/dev/twinboot-disk" not in file_of(rendered(of), "odd")
        assert "said by autoinstall.storage" in file_of(rendered(of), "odd").splitlines()[2]
    scalar = autoinstall(ubuntu(autoinstall={"timezone": "geoip", "packages": ["vim"], "version": 1}))
    assert (scalar["timezone"], scalar["packages"]) == ("geoip", ["vim"])


def test_an_archive_in_the_tree_and_its_spare_are_used() -> None:
    urls = [f"http://192.168.0.{last}/trees/ubuntu/24.04" for last in (253, 254)]
    found = autoinstall(site(), "odd", repositories=ARCHIVE)["apt"]
    assert found["mirror-selection"] == {"primary": [{"uri": one} for one in urls]}
    assert found["security"] == [{"arches": ["default"], "uri": urls[0]}]
    assert found["fallback"] == "offline-install"
    older = autoinstall(site(), "tied", repositories=ARCHIVE)["apt"]
    assert older["primary"] == [{"arches": ["default"], "uri": "http://192.168.0.254/trees/ubuntu/22.04"}]
    assert "mirror-selection" not in older
    assert older["fallback"] == "offline-install"
    by_name = autoinstall(named(), "odd", repositories=ARCHIVE)["apt"]
    assert [one["uri"] for one in by_name["mirror-selection"]["primary"]] == [
        "http://install.example.lan/trees/ubuntu/24.04"
    ]
    medium = {"noble": ("ubuntu/24.04/dists/noble/Release",)}
    assert "mirror-selection" not in autoinstall(site(), "odd", repositories=medium)["apt"], "a medium's pool"


def test_the_network_of_the_new_system() -> None:
    static = {
        "dhcp4": False, "addresses": ["192.168.0.130/24"],
        "nameservers": {"addresses": ["192.168.0.253", "192.168.0.254"], "search": ["example.lan"]},
        "routes": [{"to": "0.0.0.0/0", "via": "192.168.0.1"}],
    }  # fmt: skip
    assert autoinstall(site(), "tied")["network"] == {
        "version": 2, "ethernets": {"eno1": {}, "eno2": {}},
        "bonds": {"bond0": {
            "interfaces": ["eno1", "eno2"],
            "parameters": {"mode": "802.3ad", "mii-monitor-interval": 100},
        }},
        "bridges": {"br0": {"interfaces": ["bond0"], **static}},
    }  # fmt: skip
    card = autoinstall(site(), "odd")["network"]["ethernets"]["booted"]
    assert card["match"] == {"macaddress": "52:54:00:00:01:29"}
    dhcp = {"dhcp4": True, "dhcp-identifier": "mac"}
    assert autoinstall(site(), "even")["network"] == {"version": 2, "ethernets": {"ens4": dhcp}}
    assert "network" not in autoinstall(site(), "noble-first")
    vlan = ubuntu(network={"interface": "ens4", "vlan": 30}, kernel_args=["ip=dhcp", "vlan=ens4.30:ens4"])
    found = autoinstall(vlan, "noble-first")["network"]
    assert found["vlans"] == {"ens4.30": {"id": 30, "link": "ens4", **dhcp}}
    assert found["ethernets"] == {"ens4": {}}


@pytest.mark.parametrize(
    ("disks", "chosen"), [("first", "sda"), ("smallest", "sdb"), ("largest", "nvme0n1"), ("/dev/sdb", "sdb")]
)
def test_the_disk_is_found_before_subiquity_looks_at_disks(tmp_path: Path, disks: str, chosen: str) -> None:
    machine = Machine(tmp_path)
    machine.disk("sda", "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0", gib=20)
    machine.disk("sdb", "pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0", gib=10)
    machine.disk("nvme0n1", "pci0000:00/0000:01:00.0/nvme/nvme0", gib=100)
    machine.disk("sdu", "pci0000:00/0000:00:14.0/usb1/1-1/host9/target9:0:0/9:0:0:0", gib=500)
    config, live = told(ubuntu(disks=disks), "odd"), Live(machine)
    assert live.boot(config)
    read = live.early(config)
    assert read is not None
    assert read["storage"]["layout"]["match"] == {"path": f"/dev/{chosen}"}
    assert f"to be erased: /dev/{chosen}" in live.said


def test_without_a_fitting_disk_the_install_ends(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.disk("sdu", "pci0000:00/0000:00:14.0/usb1/1-1/host9/target9:0:0/9:0:0:0", gib=500)
    config, live = told(ubuntu(), "odd"), Live(machine)
    assert live.boot(config)
    assert live.early(config) is None
    assert "Nothing was erased" in (tmp_path / "console").read_text()


def test_the_card_that_has_booted_gets_the_static_address(tmp_path: Path) -> None:
    live = Live(Machine(tmp_path), cmdline="quiet BOOTIF=01-52-54-00-AB-01-33 ro\n")
    config = told(site(), "cards")
    read = live.early(config) if live.boot(config) else None
    assert read is not None
    assert read["network"]["ethernets"]["booted"]["match"] == {"macaddress": "52:54:00:ab:01:33"}


def test_a_known_machine_that_has_booted_as_an_unknown_one_is_stopped(tmp_path: Path) -> None:
    config = told(ubuntu(), "noble-first")
    for number, (card, goes_on) in enumerate(
        (("52:54:00:00:77:77", True), ("52:54:00:00:01:33", False), ("52:54:00:00:01:29", False))
    ):
        top = tmp_path / str(number)
        machine = Machine(top, {"eth0": card})
        machine.disk("sda", "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0")
        live = Live(machine)
        assert live.boot(config) is goes_on
        read = live.early(config)
        assert (read is not None) is goes_on, "not even where cloud-init leaves bootcmd out"
    assert "bootcmd" not in told(site(), "odd")
    own = {"templates": (tmp_path, *TEMPLATES)}
    (tmp_path / "autoinstall").mkdir()
    (tmp_path / "autoinstall/mine.j2").write_text(
        "#cloud-config\nautoinstall: {{ autoinstall | tojson }}\nwrite_files: {{ write_files | tojson }}\n"
    )
    mine = told(ubuntu(template="mine.j2"), "noble-first", **own)
    assert len(mine["bootcmd"]) == 1, "in a template of one's own, too"
    assert mine["autoinstall"] == config["autoinstall"]


def test_post_and_setup_are_run_in_the_new_system_as_they_are(tmp_path: Path) -> None:
    live = Live(Machine(tmp_path))
    config = told(ubuntu(post=NASTY, rootpw_file="secrets/root.hash", vars={"x": NASTY}), "odd")
    assert live.boot(config)
    live.late(config)
    asked = (tmp_path / "target/root/asked").read_text().splitlines()
    assert [line.split("twinboot-")[1].split(".")[0] for line in asked] == ["setup", "post"]
    assert (tmp_path / "twinboot-post.sh").read_text() == NASTY
    assert not list((tmp_path / "target/root").glob("*.sh")), "they hold hashes"


ODD = "ab \n\t#:-'\"|>&*!%@`{}[]\\č\u2028\u0085\U0001f600"
TEXT = st.text(max_size=40) | st.text(alphabet=ODD, max_size=30)
VALUES = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_cloud_init_reads_what_was_written(value: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_of(value)) == value


@pytest.mark.parametrize("word", ["null", "Yes", "off", "~", "1e3", "0x1", "12:30", "2026-11-29", "=", "- a"])
def test_a_word_stays_a_word(word: str) -> None:
    assert yaml.safe_load(yaml_of({word: [word, {word: word}]})) == {word: [word, {word: word}]}


@pytest.mark.parametrize(
    ("values", "path", "remedy"),
    [
        ({"partitions": ["part / --size=1"]}, "partitions", "storage"),
        ({"finish": "halt"}, "finish", "reboot or poweroff"),
        ({"keyboard": "de_latin"}, "keyboard", "layout"),
        ({"packages": ["-snapd"]}, "packages[0]", "leaves no package out"),
        ({"packages": ["vim", "no such"]}, "packages[1]", "no package"),
        ({"packages": ["vim-"]}, "packages[0]", "no package"),
        ({"disks": ["sda", "sdb"]}, "disks", "one disk"),
        ({"disks": "all"}, "disks", "one disk"),
        ({"disks": "sdb", "autoinstall": {"storage": {"config": []}}}, "disks", "already"),
        ({"method": "ftp"}, "method", "http"),
        ({"network": {"interface": "e1", "vlan": 5}}, "network.vlan", "untagged"),
        ({"network": {"vlan": 5}, "kernel_args": ["ip=dhcp"]}, "network.interface", "required"),
        ({"network": {"members": ["a"], "bond_options": "tlb_x=1"}}, "network.bond_options", "netplan"),
        ({"kernel_args": ["ds=nocloud"]}, "kernel_args[0]", "Twinboot itself"),
        ({"autoinstall": ["x"]}, "autoinstall", "mapping"),
        ({"autoinstall": {"storge": {}}}, "autoinstall.storge", "did you mean 'storage'"),
        ({"autoinstall": {"late-commands": "ls"}}, "autoinstall.late-commands", "a list"),
        ({"autoinstall": {"late-commands": [["ls", 1]]}}, "autoinstall.late-commands[0]", "command"),
        ({"autoinstall": {"version": 2}}, "autoinstall.version", "version 1"),
        ({"autoinstall": {"storage": {"layout": {}, "config": []}}}, "autoinstall.storage", "one of them"),
        ({"version": "debian12"}, "version", "ubuntu24.04"),
    ],
)
def test_what_it_cannot_do_is_told(values: dict[str, Any], path: str, remedy: str) -> None:
    with pytest.raises(SiteError) as caught:
        ubuntu(**values)
    assert [one.path for one in caught.value.faults] == [f"profiles.noble.{path}"]
    assert remedy in caught.value.faults[0].remedy


@pytest.mark.parametrize("version", NAMES)
def test_every_release_has_its_own(version: str) -> None:
    profile = Release(version).codename
    apt = autoinstall(ubuntu(profile), f"{profile}-first")["apt"]
    assert ("fallback" in apt) == (version > "ubuntu20.04")


def test_names_of_keyboards() -> None:
    assert keyboard("uk") == {"layout": "gb"}
    assert keyboard("de-latin1-nodeadkeys") == {"layout": "de", "variant": "nodeadkeys"}
    assert keyboard("ch-fr") == {"layout": "ch", "variant": "fr"}
    assert keyboard("fr-latin9") == {"layout": "fr"}


def test_what_a_tree_lacks_is_told(tmp_path: Path) -> None:
    of = ubuntu()
    for tree in of.trees.values():
        (tmp_path / tree.path / "casper").mkdir(parents=True)
        for name in ("vmlinuz", "initrd"):
            (tmp_path / tree.path / "casper" / name).write_text("x")
        (tmp_path / tree.path / "live.iso").write_text("x")
    top = tmp_path / "ubuntu/24.04"

    def remedies() -> list[str]:
        return [one.remedy for one in check_files(of, tmp_path, TEMPLATES) if one.path == "trees.noble.path"]

    assert remedies() == []
    assert trees.facts(tmp_path, "ubuntu/24.04") == ("ubuntu/24.04/live.iso",)
    (top / "other.iso").write_text("x")
    assert "2 ISOs" in remedies()[0]
    assert trees.facts(tmp_path, "ubuntu/24.04") == ()
    for name in ("other.iso", "live.iso"):
        (top / name).unlink()
    assert "has no ISO" in remedies()[0]
    (top / "a b.iso").write_text("x")
    assert any("URL" in one for one in remedies())
    (top / "a b.iso").rename(top / "live.iso")
    for suite in ("noble", "noble-updates"):
        (top / "dists" / suite).mkdir(parents=True)
        (top / "dists" / suite / "InRelease").write_text("x")
    assert trees.facts(tmp_path, "ubuntu/24.04")[1:] == tuple(
        f"ubuntu/24.04/dists/{suite}/InRelease" for suite in ("noble", "noble-updates")
    )
    assert trees.facts(tmp_path, "nowhere") == ()
