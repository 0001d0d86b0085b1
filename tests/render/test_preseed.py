"""Preseed files and scripts: what debian-installer is told. What it makes of it: tests/e2e."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from kickstart_pre import Machine
from preseeding import Installer, answers_in, debian, document, of, told
from rendering import SECRETS, TEMPLATES, rendered
from twinboot.installers.here_document import unused_word
from twinboot.installers.preseed import trees
from twinboot.installers.preseed.releases import NAMES, Release
from twinboot.planning.plan import SitePlan
from twinboot.render import Rendered
from twinboot.render.disk_checks import check_files
from twinboot.site import Site, SiteError, parse

UNSIGNED = {"trixie": ("debian/13/dists/trixie/Release", "debian/13/dists/trixie/main")}
NASTY = "it's \"$HOME\" `id` & <b> \\n č\n  TWINBOOT\nTWINBOOT\nTWINBOOT_\n%end\n"


def site() -> Site:
    return parse(document())


def files() -> Rendered:
    return rendered(site())


def arguments_of(of_site: Site, host: str) -> list[str]:
    plan = SitePlan(of_site)
    install = next(one.install for one in plan.machines if one.name == host)
    return plan.installer(install).kernel_arguments(plan, install, room=1500)


def test_every_file_is_one_that_debconf_takes_and_every_script_one_that_sh_takes() -> None:
    published = {path: text for path, text in files().pub.items() if "answers/preseed/" in path}
    own = {path.rpartition("answers/")[2] for path in published}
    assert len(own) == 2 * (3 + 6), "of each host, and of each profile in each group"
    for path, text in published.items():
        if path.endswith(".sh"):
            subprocess.run(["sh", "-n"], input=text, text=True, check=True)
        else:
            assert answers_in(text)[-1].question == "preseed/run", path


def test_the_installer_asks_the_machines_group_and_apt_the_other_one_as_well() -> None:
    found = told(of(site(), "odd"))
    assert found["mirror/protocol"] == "http"
    assert found["mirror/http/hostname"] == "192.168.0.253"
    assert found["mirror/http/directory"] == "/trees/debian/13"
    assert found["mirror/http/proxy"] == ""
    assert found["apt-setup/local0/repository"] == "http://192.168.0.254/trees/debian/13 trixie main"
    assert "url=http://192.168.0.253/answers/preseed/odd/preseed.cfg" in arguments_of(site(), "odd")
    by_ftp = told(of(site(), "even"))
    assert by_ftp["mirror/ftp/hostname"] == "192.168.0.254"
    assert "apt-setup/local0/repository" not in by_ftp, "mirror: false"
    named = document() | {"balancing": {"mode": "dns", "name": "install"}}
    for profile in named["profiles"].values():
        profile.pop("mirror", None)
    found = told(of(parse(named), "odd"))
    assert found["mirror/http/hostname"] == "install.example.lan"
    assert "apt-setup/local0/repository" not in found, "the name has all addresses"


def test_what_is_said_once_is_in_it() -> None:
    text = of(site(), "odd")
    found = told(text)
    assert found["keyboard-configuration/xkb-keymap"] == "de"
    assert found["time/zone"] == "Europe/Vienna"
    assert found["clock-setup/ntp-server"] == "ntp.example.lan"
    assert found["passwd/root-password-crypted"] == SECRETS["secrets/root.hash"].strip()
    assert found["tasksel/first"] == "standard, ssh-server"
    assert found["pkgsel/include"] == "vim libc6:amd64 sudo systemd-timesyncd"
    assert found["debian-installer/exit/poweroff"] == "true"
    assert found["partman-auto/choose_recipe"] == "home", "the profile's own lines come after ours"
    assert "first and no other" in text.splitlines()[2]
    arguments = arguments_of(site(), "odd")
    assert {"language=de", "country=AT", "locale=de_AT.UTF-8", "netcfg/hostname=odd"} < set(arguments)
    assert "interface=auto" in arguments
    assert "interface=ens4" in arguments_of(site(), "even")
    script = of(site(), "odd", "twinboot.sh")
    assert "open_to root 'ssh-ed25519 " in script
    assert "ann ALL=(ALL) ALL" in script


def test_the_new_system_has_the_serial_console_too() -> None:
    """The installer itself copies only what stands behind `---` on its command line."""
    question = "debian-installer/add-kernel-opts"
    assert question not in told(of(site(), "odd"))
    with_one = document() | {"console": {"device": "ttyS1", "speed": 9600}}
    assert told(of(parse(with_one), "odd"))[question] == "console=tty0 console=ttyS1,9600n8"
    with_one["hosts"]["odd"]["kernel_args"] = ["console=hvc0"]
    assert question not in told(of(parse(with_one), "odd")), "an operator's own"


@pytest.mark.parametrize("version", NAMES)
def test_by_default_a_small_system_with_a_locked_root(version: str) -> None:
    release = Release(version)
    found = told(of(debian(release.codename), f"{release.codename}-first"))
    assert found["passwd/root-password-crypted"] == "*", "`!` is a question"
    assert found["passwd/make-user"] == "false"
    assert found["pkgsel/include"] == "openssh-server"
    assert found["pkgsel/run_tasksel"] == "false"
    assert found["mirror/codename"] == release.codename
    assert ("apt-setup/non-free-firmware" in found) == (version != "debian11")
    assert "debian-installer/exit/poweroff" not in found
    assert "debian-installer/allow_unauthenticated" not in found, "nobody knows that the tree is unsigned"


def test_an_unsigned_tree_is_taken_and_a_signed_one_is_checked() -> None:
    for name in ("InRelease", "Release.gpg"):
        found = {"trixie": (f"debian/13/dists/trixie/{name}",)}
        assert "allow_unauthenticated" not in of(site(), "odd", repositories=found)
    assert told(of(site(), "odd", repositories=UNSIGNED))["debian-installer/allow_unauthenticated"] == "true"
    script = of(site(), "odd", "twinboot.sh", repositories=UNSIGNED)
    assert 'Acquire::AllowInsecureRepositories "true";' in script, "apt 3 takes none otherwise"
    assert "[trusted=yes]" in script
    assert "Insecure" not in of(site(), "odd", "twinboot.sh")
    other = {"trixie": ("debian/13/dists/trixie-updates/Release",)}
    assert "allow_unauthenticated" not in of(site(), "odd", repositories=other), "another suite"


def test_a_tree_says_whether_it_is_signed_and_which_components_it_has(tmp_path: Path) -> None:
    suite = tmp_path / "debian/13/dists/trixie"
    for component in ("main", "non-free-firmware", "extra"):
        (suite / component / "binary-amd64").mkdir(parents=True)
        (suite / component / "binary-amd64/Packages.gz").touch()
    (suite / "contrib").mkdir()
    (suite.parent / "stable").symlink_to("trixie")
    (suite / "Release").touch()
    found = trees.facts(tmp_path, "debian/13")
    assert found[0] == "debian/13/dists/trixie/Release"
    assert trees.is_unsigned(found, "debian/13", Release("debian13"))
    assert trees.components(found, "debian/13", Release("debian13")) == ("non-free-firmware",)
    (suite / "InRelease").touch()
    assert not trees.is_unsigned(trees.facts(tmp_path, "debian/13"), "debian/13", Release("debian13"))
    assert trees.facts(tmp_path, "nowhere") == ()


def test_what_a_tree_lacks_is_told(tmp_path: Path) -> None:
    top = tmp_path / "debian/13"
    top.mkdir(parents=True)

    def remedies() -> list[str]:
        return [
            one.remedy for one in check_files(site(), tmp_path, TEMPLATES)
            if one.path == "trees.trixie.path"
        ]  # fmt: skip

    assert any("has no dists/trixie" in one for one in remedies())
    (top / "dists/trixie").mkdir(parents=True)
    assert any("Release" in one for one in remedies())
    (top / "dists/trixie/Release").touch()
    assert any("installer components" in one for one in remedies())
    udebs = top / "dists/trixie/main/debian-installer/binary-amd64"
    udebs.mkdir(parents=True)
    (udebs / "Packages.gz").touch()
    assert not any("dists" in one or "components" in one for one in remedies())


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"packages": ["vim", "-nano"]}, "packages[1]"),
        ({"packages": ["vim; reboot"]}, "packages[0]"),
        ({"packages": ["@^minimal"]}, "packages[0]"),
        ({"packages": ["@Development Tools"]}, "packages[0]"),
        ({"partitions": ["part / --size=4096"]}, "partitions"),
        ({"method": "ftp"}, "method"),
        ({"disks": "all"}, "disks"),
        ({"disks": ["/dev/sda", "/dev/sdb"]}, "disks"),
        ({"network": {"members": ["ens1", "ens2"]}}, "network.members"),
        ({"network": {"interface": "ens1", "vlan": 7}}, "network.vlan"),
        ({"network": {"interface": "ens1", "bridge": "br0"}}, "network.bridge"),
        ({"kernel_args": ["quiet", "url=http://x/"]}, "kernel_args[1]"),
        ({"kernel_args": ["preseed/run=x"]}, "kernel_args[0]"),
        ({"version": "RHEL9"}, "version"),
        ({"preseed": ["d-i time/zone string UTC", "d-i time/zone"]}, "preseed[1]"),
        ({"preseed": ["d-i time/zone text/plain UTC"]}, "preseed[0]"),
        ({"preseed": ["d-i clock-setup/utc boolean yes"]}, "preseed[0]"),
        ({"preseed": ["d-i partman/early_command string a \\"]}, "preseed[0]"),
        ({"preseed": ["d-i preseed/run string other.sh"]}, "preseed[0]"),
        ({"preseed": ["d-i partman-auto/disk string /dev/sda"]}, "preseed[0]"),
        ({"preseed": ["d-i grub-installer/bootdev string /dev/sda"]}, "preseed[0]"),
        ({"preseed": ["d-i passwd/root-password password r00tme"]}, "preseed[0]"),
        ({"preseed": ["d-i netcfg/get_hostname string x"]}, "preseed[0]"),
        ({"preseed": {"a": 1}}, "preseed"),
    ],
)
def test_what_it_cannot_do_is_a_fault_with_its_place(values: dict[str, Any], path: str) -> None:
    with pytest.raises(SiteError) as caught:
        debian(**values)
    assert [one.path for one in caught.value.faults] == [f"profiles.trixie.{path}"]


def test_lines_that_are_taken() -> None:
    own = [
        "# a comment",
        "d-i preseed/early_command string echo '$x' & <b>",
        "d-i netcfg/target_network_config select ifupdown",
        "tasksel tasksel/desktop multiselect",
        "d-i time/zone seen false",
    ]
    text = of(debian(preseed=own), "trixie-first")
    assert "\n".join(own) in text


@pytest.mark.parametrize("text", [NASTY, "", "echo\n", "TWINBOOT"])
def test_scripts_of_an_operators_reach_the_new_system_as_they_are(text: str) -> None:
    script = of(debian(post=text), "trixie-first", "twinboot.sh")
    if not text.strip():
        assert "post()" not in script
        return
    said = subprocess.run(["sh", "-s", "post"], input=script, capture_output=True, text=True, check=True)
    assert said.stdout == text.rstrip("\n") + "\n"
    assert unused_word(text) not in text.splitlines()


def test_a_template_of_ones_own_has_the_script_as_well(tmp_path: Path) -> None:
    (tmp_path / "preseed").mkdir()
    (tmp_path / "preseed/mine.j2").write_text("d-i time/zone string {{ vars.rack }}")
    options = {"templates": (tmp_path, *TEMPLATES)}
    text = of(debian(template="mine.j2"), "trixie-first", **options)
    assert told(text) == {"time/zone": "r7", "preseed/run": "twinboot.sh"}
    assert of(debian(template="mine.j2"), "trixie-first", "twinboot.sh", **options)


PCI = "pci0000:00/0000:00:1f.2/ata{}/host{}/target{}:0:0/{}:0:0:0"


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    """A SAN's disk comes before its own two."""
    machine = Machine(tmp_path / "machine", {"ens3": "52:54:00:00:01:29"})
    machine.disk("sda", "pci0000:00/0000:00:02.0/host1/rport-1:0-2/target1:0:0/1:0:0:0", 1)
    machine.disk("sdz", PCI.format(2, 9, 9, 9), 30)
    machine.disk("sdq", PCI.format(3, 8, 8, 8), 20)
    return Installer(machine)


@pytest.mark.parametrize(("disks", "chosen"), [("first", "sdz"), ("smallest", "sdq"), ("/dev/sdq", "sdq")])
def test_one_disk_is_chosen_seen_and_erased(installer: Installer, disks: str, chosen: str) -> None:
    script = of(debian(disks=disks), "trixie-first", "twinboot.sh")
    done = installer.run(script, "disk")
    assert done.returncode == 0, done.stderr
    top = installer.machine.top
    assert f"partman-auto/disk=/dev/{chosen}" in (top / "debconf").read_text()
    assert f"grub-installer/bootdev=/dev/{chosen}" in (top / "debconf").read_text()
    seen = subprocess.run(["sh", str(top / "bin/parted_devices")], capture_output=True, text=True).stdout
    assert [line.split("\t")[0] for line in seen.splitlines()] == [f"/dev/{chosen}"]
    erased = [line for line in (top / "erased").read_text().splitlines() if "of=" in line]
    assert {word for line in erased for word in line.split() if word.startswith("of=")} == {
        f"of=/dev/{chosen}"
    }
    (top / "erased").unlink()
    assert installer.run(script, "disk").returncode == 0
    assert not (top / "erased").exists(), "partman begins anew: the disk is in use by now"


def test_without_a_disk_of_its_own_nothing_is_erased(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sda", "pci0000:00/0000:00:02.0/host1/rport-1:0-2/target1:0:0/1:0:0:0", 1)
    installer = Installer(machine)
    done = installer.run(of(debian(), "trixie-first", "twinboot.sh"), "disk")
    assert done.returncode == 7
    assert not (machine.top / "erased").exists()
    assert "not there" in (machine.top / "console").read_text()


def test_a_known_machine_is_stopped_and_a_strange_one_is_not(installer: Installer) -> None:
    script = of(debian(), "trixie-first", "twinboot.sh")
    top = installer.machine.top
    done = installer.run(script)
    assert done.returncode == 7, "odd's card"
    assert "this machine is odd" in (top / "console").read_text()
    assert not (top / "lib/partman/init.d/00twinboot").exists()
    (top / "sys/class/net/ens3/address").write_text("52:54:00:00:77:77\n")
    assert installer.run(script).returncode == 0
    hooks = ("lib/partman/init.d/00twinboot", "usr/lib/base-installer.d/10twinboot",
             "usr/lib/finish-install.d/56twinboot")  # fmt: skip
    assert [(top / one).read_text().split()[-1] for one in hooks] == ["disk", "apt", "finish"]


def test_a_static_host_keeps_its_address_without_dhcp(installer: Installer) -> None:
    top = installer.machine.top
    interfaces = top / "etc/network/interfaces"
    interfaces.write_text("auto lo\niface lo inet loopback\n\nallow-hotplug ens3\niface ens3 inet dhcp\n")
    connection = top / "etc/NetworkManager/system-connections/Wired"
    connection.parent.mkdir(parents=True)
    connection.write_text("[connection]\nid=x\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n")
    done = installer.run(of(site(), "odd", "twinboot.sh"))
    assert done.returncode == 0, done.stderr
    assert connection.read_text().splitlines()[3:] == [
        "[ipv4]", "method=manual", "address1=192.168.0.129/24,192.168.0.1",
        "dns=192.168.0.253;192.168.0.254;", "", "[ipv6]", "method=auto",
    ]  # fmt: skip
    assert interfaces.read_text().splitlines()[3:] == [
        "allow-hotplug ens3", "iface ens3 inet static", "    address 192.168.0.129/24",
        "    gateway 192.168.0.1", "    dns-nameservers 192.168.0.253 192.168.0.254",
        "    dns-search example.lan",
    ]  # fmt: skip
    resolver = (top / "etc/resolv.conf").read_text().splitlines()
    assert resolver == ["search example.lan", "nameserver 192.168.0.253", "nameserver 192.168.0.254"]


def test_the_scripts_run_in_the_new_system_and_do_not_stay_there(installer: Installer) -> None:
    top = installer.machine.top
    done = installer.run(of(debian(post="echo done\n", ssh_keys=site().profiles["trixie"].ssh_keys),
                            "trixie-first", "twinboot.sh"), "finish")  # fmt: skip
    assert done.returncode == 0, done.stderr
    ran = (top / "in-target").read_text().splitlines()
    assert ["twinboot-setup.sh" in ran[0], "twinboot-post.sh" in ran[1]] == [True, True]
    assert list((top / "target/root").iterdir()) == []


@pytest.mark.long
def test_three_thousand_hosts_are_written_in_seconds() -> None:
    changed = document()
    far = {"network": "10.1.0.0/16", "relays": ["10.1.0.1"], "profile": "trixie"}
    changed["subnets"] = [{"network": "192.168.0.0/24", "router": "192.168.0.1"}, far]
    changed["hosts"] = {
        f"n{at}": {
            "mac": f"52:54:00:01:{at >> 8:02x}:{at & 255:02x}",
            "address": f"10.1.{1 + at // 250}.{1 + at % 250}",
        }
        for at in range(3000)
    }
    start = time.process_time()
    found = rendered(parse(changed))
    assert sum("answers/preseed/n" in path for path in found.pub) == 6000
    assert time.process_time() - start < 30
