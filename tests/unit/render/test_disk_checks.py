"""What a site names on the disk: trees and templates."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from efiprograms import program
from twinboot.daemons import DAEMONS, TFTP
from twinboot.dhcp import engine_of
from twinboot.kinds import LOADERS
from twinboot.loaders.base import BootLoader, Fill, Serves
from twinboot.loaders.decision import loaders_in_use
from twinboot.loaders.firmware import BIOS
from twinboot.loaders.pxelinux.kind import Pxelinux
from twinboot.planning.plan import Machine, SitePlan
from twinboot.render import Places, check_files, check_secrets, look_at_files, render
from twinboot.render.boot_files import boot_facts
from twinboot.site import Fault, Site, SiteError, load, parse

CONFIG = Path(__file__).parents[3] / "config"
SITE: Site = load(CONFIG / "examples/parity.yaml")
SHIPPED = (CONFIG / "templates",)


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    boot = tmp_path / "trees/rh9/images/pxeboot"
    boot.mkdir(parents=True)
    for path in (boot / "vmlinuz", boot / "initrd.img", tmp_path / "trees/rh9/.treeinfo"):
        path.write_text("x")
        path.chmod(0o644)
    return tmp_path / "trees"


def only(trees: Path, *templates: Path) -> Fault:
    [fault] = check_files(SITE, trees, (*templates, *SHIPPED))
    return fault


def test_a_whole_tree_is_good(trees: Path) -> None:
    assert check_files(SITE, trees, SHIPPED) == []


def test_no_trees_directory(tmp_path: Path) -> None:
    assert only(tmp_path / "none").path == "trees"


def test_no_tree(trees: Path) -> None:
    (trees / "rh9").rename(trees / "rh8")
    fault = only(trees)
    assert (fault.path, fault.value) == ("trees.rh9.path", "rh9")


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("images/pxeboot/vmlinuz", "trees.rh9.kernel"),
        ("images/pxeboot/initrd.img", "trees.rh9.initrd"),
        (".treeinfo", "trees.rh9.path"),
    ],
)
def test_a_missing_file(trees: Path, file: str, path: str) -> None:
    (trees / "rh9" / file).unlink()
    assert only(trees).path == path


def test_a_kernel_that_is_empty(trees: Path) -> None:
    (trees / "rh9/images/pxeboot/vmlinuz").write_text("")
    assert (only(trees).path, "empty" in only(trees).remedy) == ("trees.rh9.kernel", True)


def test_a_tree_that_leads_out(trees: Path) -> None:
    (trees / "rh9").rename(trees.parent / "rh9")
    (trees / "rh9").symlink_to(trees.parent / "rh9")
    assert "leads out" in only(trees).remedy


def test_a_template_that_is_missing(trees: Path) -> None:
    faults = check_files(SITE, trees, (trees,))
    missing = [fault.path.removeprefix("templates/") for fault in faults]
    of_daemons = [  # what stands in the folder of TFTP is a loader's
        f"{one.name}/{path.name}" for one in DAEMONS if one != TFTP
        for path in (CONFIG / "templates" / one.name).iterdir()
    ]  # fmt: skip
    of_loaders = [template for one in loaders_in_use(SITE) for template in one.templates]
    wanted = {"kickstart/default.ks.j2", *engine_of(SITE).templates, *of_daemons, *of_loaders}
    assert sorted(missing) == sorted(wanted)
    assert "kickstart/default.ks.j2" in missing


class Toy(BootLoader):
    """A loader that nobody chooses, as long as nobody does."""

    name = "toyboot"
    serves = (Serves(BIOS, "toy.0", default=False),)
    templates = ("toyboot/none.j2",)

    def files(self, plan: SitePlan, fill: Fill) -> dict[str, str]:
        return {"tftp/toy.cfg": "toy\n"}

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        return "wait\n"


def test_templates_of_loaders_count_where_they_are_in_use(trees: Path) -> None:
    with LOADERS.registered(Toy()):
        assert check_files(SITE, trees, SHIPPED) == []
        (fault,) = check_files(chosen("toyboot"), trees, SHIPPED)
        assert fault.path == "templates/toyboot/none.j2"


def chosen(bios: str, **changes: object) -> Site:
    text = yaml.safe_load((CONFIG / "examples/parity.yaml").read_text())
    return parse({**text, "boot": {"bios": bios}, **changes})


class Forgetful(Toy):
    """It publishes a file of PXELINUX's, and one that says the same."""

    templates = ()

    def files(self, plan: SitePlan, fill: Fill) -> dict[str, str]:
        theirs = Pxelinux().files(plan, fill)
        return {"tftp/rh9.msg": theirs["tftp/rh9.msg"], "tftp/pxelinux.cfg/default": "mine\n"}


class OnOneLink(Toy):
    """Its machines' own files are PXELINUX's, too: they say the same, and lead elsewhere."""

    templates = ()

    def files(self, plan: SitePlan, fill: Fill) -> dict[str, str]:
        files = Pxelinux().files(plan, fill)
        return {path: files[path] for one in plan.machines for path in self.files_of(one)}

    def files_of(self, machine: Machine) -> list[str]:
        return [next(iter(Pxelinux().files_of(machine)))]

    def disk_file(self, plan: SitePlan, fill: Fill) -> str:
        return "disk\n"


class Copying(Toy):
    templates = ()

    def copies(self, plan: SitePlan) -> dict[str, str]:
        return {"tftp/start.ipxe": "loaders/toy.0"}


def refused(site: Site, trees: Path) -> list[tuple[str, object]]:
    """What `check` says, and so render()."""
    faults = check_files(site, trees, SHIPPED)
    with pytest.raises(SiteError) as caught:
        render(site, "server1", templates=SHIPPED, boot=boot_facts(site, trees))
    assert [str(one) for one in caught.value.faults] == [str(one) for one in faults]
    return [(one.path, one.value) for one in faults]


@pytest.mark.parametrize(("kind", "other", "path", "told"), [
    (Forgetful, "pxelinux", "tftp/pxelinux.cfg/default", ""),
    (OnOneLink, "pxelinux", "tftp/pxelinux.cfg/host.cli128", " and "),
    (Copying, "ipxe", "tftp/start.ipxe", ""),
])  # fmt: skip
def test_loaders_that_publish_one_path_are_named_with_it(
    kind: type[Toy], other: str, path: str, told: str, trees: Path
) -> None:
    """Once, however many paths there are; the same text at one path is no fault."""
    with LOADERS.registered(kind()):
        assert check_files(SITE, trees, SHIPPED) == [], "it is not in use"
        site = chosen("toyboot")
        assert refused(site, trees) == [("boot", path)]
        (fault,) = check_files(site, trees, SHIPPED)
        for word in (other, "toyboot", told):
            assert word in fault.remedy


class Impatient(Toy):
    templates = ()

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        return ""


def test_a_loader_that_cannot_wait_with_mode_load(trees: Path) -> None:
    with LOADERS.registered(Impatient()):
        assert check_files(chosen("toyboot"), trees, SHIPPED) == []
        of = chosen("toyboot", balancing={"mode": "load"})
        assert refused(of, trees) == [("balancing.mode", "load")]


@pytest.mark.parametrize("template", [
    "tftp/boot.j2", "ipxe/machine.ipxe.j2", *engine_of(SITE).templates, "bind/zone.j2",
    "httpd/nginx.conf.j2", "vsftpd/vsftpd.conf.j2",
])  # fmt: skip
def test_a_template_of_ones_own_that_cannot_be_filled(template: str, trees: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / template
    own.parent.mkdir(parents=True)
    own.write_text("{{ nowhere }}")
    assert only(trees, tmp_path / "own").path == f"templates/{template}:1"


def test_a_certificate_of_ones_own_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("tls.crt", "tls.key"):
        (tmp_path / "secrets" / name).write_text("none\n")
    assert [fault.path for fault in check_secrets(SITE, tmp_path)] == ["secrets/tls.crt"]


def test_check_warns_of_machines_that_lose_their_loader(trees: Path) -> None:
    def warned(site: Site) -> list[tuple[str, object]]:
        found = look_at_files(site, Places(trees=trees, templates=SHIPPED))
        assert not found.faults
        return [(one.path, one.value) for one in found.warnings]

    assert warned(SITE) == []
    assert warned(chosen("lpxelinux")) == [("boot", "lpxelinux")], "the kernel may be for U-Boot's machines"
    (trees / "rh9/images/pxeboot/vmlinuz").write_bytes(program())
    assert warned(chosen("lpxelinux")) == []


def test_a_template_that_does_not_compile(trees: Path, tmp_path: Path) -> None:
    own = tmp_path / "own/kickstart/default.ks.j2"
    own.parent.mkdir(parents=True)
    own.write_text("text\n\n{{ oops\n")
    fault = only(trees, tmp_path / "own")
    assert fault.path == "templates/kickstart/default.ks.j2:3"
    assert "used by profiles.rh9.template" in fault.remedy
