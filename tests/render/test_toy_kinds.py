"""A toy installer and a toy boot loader, registered here alone: a site is rendered with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rendering import SECRETS, TEMPLATES, rendered, site, with_profile
from twinboot.installers.base import Answers
from twinboot.kinds import INSTALLERS, LOADERS, UnknownKindError
from twinboot.loaders.base import BootLoader, Fill, Serves
from twinboot.loaders.decision import Offer, decide
from twinboot.loaders.firmware import BIOS, FIRMWARES, Firmware, Said
from twinboot.loaders.menu import menu_of
from twinboot.planning.plan import Install, Machine, SitePlan
from twinboot.render import render
from twinboot.render.disk_checks import check_files
from twinboot.site import SiteError
from twinboot.site.faults import Fault
from twinboot.site.model.site import Profile, Tree
from twinboot.site.model.wiring import Wiring
from twinboot.site.schema import json_schema

TOY_CODE = 0x1234


class ToyInstaller:
    name = "toy"
    releases = ("TOY1",)
    checker = ("true",)

    reserved_arguments = ("toy.answers=",)

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        yield from ()

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        yield from ()

    def takes_mirrors(self, release: str) -> bool:
        return False

    def answer_path(self, name: str) -> str:
        return f"toy/{name}.answers"

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return [f"toy.answers={plan.answer_urls(install)[0]}"]

    def template(self, profile: Profile) -> tuple[str, str]:
        return "toy/answers.j2", "installer"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, root_password: str | None
    ) -> Answers:
        return Answers("toy/answers.j2", {"tree": plan.tree_url(install)})

    def more_files(self, plan: SitePlan, install: Install) -> Mapping[str, str]:
        return {"toy/more": "more\n"}

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        yield Fault(f"{path}.path", tree.path, f"no toy of {', '.join(releases)}")

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        return ()


class ToyLoader(BootLoader):
    name = "toyboot"
    serves = (Serves(Firmware("Toy", (TOY_CODE,)), "toyboot.efi"),)
    templates = ("toy/boot.j2",)

    def probe_file(self, plan: SitePlan) -> str:
        return "toyboot.cfg"

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        installs = list(plan.shared_installs())
        arguments = [word for one in installs for word in menu_of(plan, one, room=500).arguments]
        return {"tftp/toyboot.cfg": fill("toy/boot.j2", arguments=arguments)}


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Both are registered; templates: theirs and Twinboot's."""
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "answers.j2").write_text("install from {{ tree }}\n")
    (tmp_path / "toy" / "boot.j2").write_text("{% for word in arguments %}\n{{ word }}\n{% endfor %}\n")
    with INSTALLERS.registered(ToyInstaller()), LOADERS.registered(ToyLoader()):
        yield {"templates": (tmp_path, *TEMPLATES)}


def test_a_toy_installer_answers_and_a_toy_loader_starts_it(toys: dict[str, Any]) -> None:
    of = with_profile(installer="toy", version="TOY1")
    files = render(of, next(iter(of.servers)), secrets=SECRETS, **toys)
    answers = {path: text for path, text in files.pub.items() if path.startswith("toy/")}
    assert answers.pop("toy/more") == "more\n"
    assert answers["toy/rh9-first.answers"] == "install from ftp://192.168.0.253/trees/rh9/\n"
    assert "toy/cli128.answers" in answers
    assert not any(path.startswith("ks/") for path in files.pub), "no other kind's answers"
    assert "toy.answers=ftp://192.168.0.253/toy/rh9-first.answers\n" in files.pub["tftp/toyboot.cfg"]
    assert "toy.answers=ftp://" in files.pub["tftp/pxelinux.cfg/C0A80080"], "by every loader"
    code = f"{TOY_CODE >> 8:02x}:{TOY_CODE & 255:02x}"
    conf = " ".join(files.etc["dhcpd/dhcpd.conf"].split())
    assert f'(config-option twinboot.type = {code})) {{ option twinboot.machine "Toy"; }}' in conf
    assert '(config-option twinboot.machine = "Toy") { # Toy filename = "toyboot.efi";' in conf


def test_site_checks_and_schema_know_the_toy(toys: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SiteError):
        with_profile(installer="toy", version="RHEL9")
    profile = json_schema()["$defs"]["Profile"]["properties"]
    assert profile["installer"]["enum"] == ["kickstart", "toy"]
    assert "TOY1" in profile["version"]["enum"]
    of = with_profile(installer="toy", version="TOY1")
    (tmp_path / "trees" / next(iter(of.trees.values())).path).mkdir(parents=True)
    remedies = [one.remedy for one in check_files(of, tmp_path / "trees", toys["templates"])]
    assert "no toy of TOY1" in remedies


def test_kinds_are_gone_after_the_block() -> None:
    with INSTALLERS.registered(ToyInstaller()):
        pass
    with pytest.raises(UnknownKindError, match="there are: kickstart"):
        INSTALLERS.get("toy")
    with pytest.raises(SiteError):
        with_profile(installer="toy", version="TOY1")
    assert "tftp/toyboot.cfg" not in rendered(site()).pub


def test_every_firmware_has_one_loader_and_one_is_for_machines_that_do_not_say() -> None:
    served = [one for loader in LOADERS.all() for one in loader.serves]
    by_default = [one.firmware for one in served if one.default]
    assert sorted(one.name for one in by_default) == sorted(one.name for one in FIRMWARES)
    for asked in ([one for one in FIRMWARES if one.ipxe], [one for one in FIRMWARES if not one.ipxe]):
        codes = [code for firmware in asked for code in firmware.codes]
        assert len(codes) == len(set(codes))
        assert sum(firmware.silent for firmware in asked) == 1


def test_a_toy_loader_may_be_chosen_where_others_are_the_default(toys: dict[str, Any]) -> None:
    class Other(BootLoader):
        name = "otherboot"
        serves = (Serves(BIOS, "other.0", default=False),)

    with LOADERS.registered(Other()):
        chosen = site(boot={"bios": "otherboot"})
        assert isinstance(found := decide(SitePlan(chosen), Said(0), "rh9"), Offer)
        assert found.file("192.0.2.1") == "other.0"
    with pytest.raises(SiteError):
        site(boot={"bios": "otherboot"})
