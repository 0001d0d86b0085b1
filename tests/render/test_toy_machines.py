"""What becomes of a machine by a toy installer and a toy boot loader, from the medium to its files; and what
is said of kinds that do not keep to the names by which machines are observed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from bootfacts import FACTS
from rendering import EXAMPLES, GOOD, SECRETS, rendered, site, with_profile
from toykinds import TOY_CODE, ToyInstaller, ToyLoader, ToyMedia, registered_in
from twinboot import cli
from twinboot.kinds import INSTALLERS, LOADERS, MEDIA
from twinboot.loaders.base import BootLoader, Fill, Serves
from twinboot.loaders.firmware import BIOS, Firmware
from twinboot.loaders.menu import TURN
from twinboot.loaders.on_disk import loaders_on_disk
from twinboot.machines.observing import asked_by
from twinboot.planning.boot_facts import Architecture, BootFacts, TreeBoot
from twinboot.planning.plan import Machine, SitePlan
from twinboot.render import render
from twinboot.render.disk_checks import check_files
from twinboot.render.generations import planned
from twinboot.render.machine_view import machine_view
from twinboot.render.steering import Link, with_links
from twinboot.site import SiteError, load, parse
from twinboot.site.model.site import Profile


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Both are registered; templates: theirs and Twinboot's."""
    with registered_in(tmp_path) as options:
        yield options


def test_a_host_s_files_of_a_toy_loader_are_steered_and_it_waits_for_its_turn(toys: dict[str, Any]) -> None:
    of = site()
    files = render(of, next(iter(of.servers)), secrets=SECRETS, **toys)
    links = with_links(files.pub, files.steered)
    assert links["tftp/toy/host.cli128"] == Link("../../../steer/cli128/toyboot")
    assert links["tftp/toy/52:54:00:00:01:28"] == links["tftp/toy/host.cli128"]
    assert "cli128.ks" in str(links["ways/install/cli128/toyboot"])
    assert str(links["ways/local/toyboot"]).startswith("disk: ")
    assert "ways/queue/toyboot" not in links, "nobody waits but with balancing mode load"
    assert asked_by("boot/toy/host.cli128") == "cli128"

    of = site("load")
    files = render(of, next(iter(of.servers)), secrets=SECRETS, **toys)
    assert TURN in files.pub["ways/queue/toyboot"]
    assert files.steered["tftp/toy/host.one"] == "ways/install/one/toyboot"
    assert files.pub["tftp/toy/host.one"].startswith("from=192.168.0.253\n")
    assert files.pub["ways/groups/second/one/toyboot"].startswith("from=192.168.0.254\n")


def test_the_least_room_of_the_loaders_that_a_machine_is_offered_counts(
    toys: dict[str, Any], tmp_path: Path
) -> None:
    long = site(hosts={"cli128": {**GOOD["hosts"]["cli128"], "kernel_args": ["x" * 600]}})
    (tmp_path / "trees").mkdir()
    with pytest.raises(SiteError) as caught:
        render(long, next(iter(long.servers)), secrets=SECRETS, **toys)
    for faults in (caught.value.faults, check_files(long, tmp_path / "trees", toys["templates"])):
        [fault] = [one for one in faults if one.path == "hosts.cli128.kernel_args"]
        assert "take 500:" in fault.remedy
    fits = with_profile(kernel_args=["x" * 250])
    plan = SitePlan(fits)
    files = render(fits, next(iter(fits.servers)), secrets=SECRETS, **toys)
    shown = machine_view(plan, plan.machines[0], files.pub).facts["arguments"]
    assert shown.split() == files.pub["tftp/toy/host.cli128"].split()
    assert shown not in files.pub["tftp/pxelinux.cfg/host.cli128"], "which has room for mirrors"


def test_a_loader_whose_machines_do_not_install_a_profile_takes_no_room_of_it() -> None:
    class Narrow(BootLoader):
        name = "narrow"
        room = 10
        serves = (Serves(Firmware("Narrow", (TOY_CODE,), (Architecture.ARM64,)), "narrow.efi"),)

    x64 = BootFacts({"rh9": TreeBoot(frozenset((Architecture.X64,)))})
    with LOADERS.registered(Narrow()):
        rendered(site(), boot=x64)
        with pytest.raises(SiteError, match="take 10"):
            rendered(site())


def test_disks_are_searched_for_the_loader_of_a_toy_s_systems(toys: dict[str, Any]) -> None:
    found = loaders_on_disk("x64")
    assert found[-1] == "BOOT/BOOTx64.EFI"
    assert found.index("redhat/shimx64.efi") < found.index("debian/grubx64.efi") \
        < found.index("toy/shimx64.efi") < found.index("systemd/systemd-bootx64.efi")
    scripts = render(site(), "server1", secrets=SECRETS, boot=FACTS, **toys).pub
    assert "\\EFI\\toy\\shim${cpu}.efi" in scripts["tftp/on-disk.ipxe"]
    assert "toy/shim$twinboot_cpu.efi" in scripts["tftp/grub/grub.cfg"]


def test_a_loader_whose_files_do_not_say_whose_they_are_is_a_fault(toys: dict[str, Any]) -> None:
    class Nameless(ToyLoader):
        name = "nameless"
        serves = (Serves(Firmware("Nameless", (TOY_CODE + 1,)), "nameless.efi"),)
        names: tuple[str, ...] = ("{mac}", "{name}")

        def host_file(self, name: str) -> str:
            return ""

        def files_of(self, machine: Machine) -> Iterator[str]:
            for one in self.names:
                yield "tftp/nameless/" + one.format(mac=machine.ethernet[0], name=machine.name)

        def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
            return {path: "" for machine in plan.machines for path in self.files_of(machine)}

    class Misnamed(Nameless):
        names = ("host.{name}",)

        def host_file(self, name: str) -> str:
            return f"nameless/{name}"

    class Suffixed(Nameless):
        names = ("{mac}", "host.{name}.toy")

        def host_file(self, name: str) -> str:
            return f"nameless/host.{name}.toy"

    for kind, path in ((Nameless, "tftp/nameless/52:54:00:00:01:28"), (Misnamed, "nameless/cli128")):
        with LOADERS.registered(kind()), pytest.raises(SiteError) as caught:
            render(site(), "server1", secrets=SECRETS, **toys)
        assert [(one.path, one.value) for one in caught.value.faults] == [("boot", path)]
        assert "loader nameless" in caught.value.faults[0].remedy
        assert "host.cli128" in caught.value.faults[0].remedy
    with LOADERS.registered(Suffixed()):
        render(site(), "server1", secrets=SECRETS, **toys)


def test_an_installer_whose_answers_are_out_of_place_is_a_fault(toys: dict[str, Any], tmp_path: Path) -> None:
    class Astray(ToyInstaller):
        name = "astray"

        def template(self, profile: Profile) -> tuple[str, str]:
            return "toy/answers.j2", "template"

        def answer_path(self, name: str) -> str:
            return f"elsewhere/{name}"

    (tmp_path / "trees").mkdir()
    with INSTALLERS.registered(Astray()):
        of = with_profile(installer="astray", version="TOY1")
        with pytest.raises(SiteError) as caught:
            render(of, "server1", secrets=SECRETS, **toys)
        for faults in (caught.value.faults, check_files(of, tmp_path / "trees", toys["templates"])):
            [fault] = [one for one in faults if one.path == "profiles.rh9.installer"]
            assert str(fault.value).startswith("elsewhere/")
            assert "installer astray" in fault.remedy


def test_a_loader_that_the_site_does_not_use_refuses_no_argument() -> None:
    class Picky(BootLoader):
        name = "picky"
        serves = (Serves(BIOS, "picky.0", default=False),)
        reserved_arguments = ("quiet",)

        def argument_fault(self, argument: str) -> str:
            return "picky cannot write it" if "splash" in argument else ""

    def faults(**boot: str) -> list[str]:
        changed = {**GOOD["hosts"]["cli128"], "kernel_args": ["splash"]}
        try:
            site(boot=boot, hosts={"cli128": changed},
                 profiles={"rh9": {**GOOD["profiles"]["rh9"], "kernel_args": ["quiet"]}})  # fmt: skip
        except SiteError as exc:
            return [one.path for one in exc.faults]
        return []

    with LOADERS.registered(Picky()):
        assert faults() == []
        assert faults(bios="picky") == ["profiles.rh9.kernel_args[0]", "hosts.cli128.kernel_args[0]"]


def test_a_toy_medium_is_imported_and_a_host_installs_it(
    toys: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands and what `show` prints is made of: import, site file, rendered files."""
    for name, text in (("toy.txt", "toy"), ("k", "kernel"), ("i", "initrd")):
        (tmp_path / "medium").mkdir(exist_ok=True)
        (tmp_path / "medium" / name).write_text(text)
    config, trees = tmp_path / "config", tmp_path / "trees"
    trees.mkdir()
    shutil.copytree(tmp_path / "toy", config / "templates" / "toy")
    shutil.copy(EXAMPLES / "parity.yaml", config / "site.yaml")
    for name, text in SECRETS.items():
        (config / name).parent.mkdir(exist_ok=True)
        (config / name).write_text(text)
    monkeypatch.setattr(sys, "argv", [
        "twinboot", "import", str(tmp_path / "medium"), "--add", "--unchecked", "--name", "toys",
        "--trees", str(trees), "--site", str(config / "site.yaml"),
    ])  # fmt: skip
    with MEDIA.registered(ToyMedia()):
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
    document = json.loads(load(config / "site.yaml").to_json())
    document["hosts"]["cli128"]["profile"] = "toys"
    plan, files = planned(parse(document), config, tmp_path / "etc", trees)
    view = machine_view(plan, plan.machines[0], files.pub)
    assert view.facts["installs"] == "toys (toy TOY1)"
    assert view.facts["kernel"] == "trees/toys/k"
    assert view.facts["arguments"].startswith("toy.answers=ftp://192.168.0.254/answers/toy/cli128")
    assert view.files["answers/toy/cli128"] == "install from ftp://192.168.0.254/trees/toys/\n"
    assert "toy.answers=" in view.files["boot/toy/host.cli128"]
    assert view.boot["Toy"] == "toyboot.efi (toyboot)"
