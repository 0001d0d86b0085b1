"""A toy installer and a toy boot loader, registered here alone: a site is rendered with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rendering import SECRETS, rendered, site, with_profile
from toykinds import TOY_CODE, ToyInstaller, registered_in
from twinboot.installers.base import LINES
from twinboot.kinds import INSTALLERS, LOADERS, UnknownKindError
from twinboot.loaders.base import BootLoader, Serves
from twinboot.loaders.decision import Offer, decide
from twinboot.loaders.firmware import BIOS, FIRMWARES, Said
from twinboot.planning.boot_facts import Architecture, BootFacts, LoaderFiles
from twinboot.planning.plan import SitePlan
from twinboot.render import Rendered, render
from twinboot.render.disk_checks import check_files
from twinboot.site import SiteError, parse, reference
from twinboot.site.schema import json_schema


def _of_cli128(files: Rendered, ending: str) -> str:
    return next(text for path, text in files.pub.items() if path.endswith(f"/host.cli128{ending}"))


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Both are registered; templates: theirs and Twinboot's."""
    with registered_in(tmp_path) as options:
        yield options


def test_a_toy_installer_answers_and_a_toy_loader_starts_it(toys: dict[str, Any]) -> None:
    of = site(trees={"rh9": {"path": "rh9"}}, profiles={
        "rh9": {"tree": "rh9", "installer": "toy", "version": "TOY1"}
    })  # fmt: skip
    shim = LoaderFiles("loaders/x64/shimx64.efi", "loaders/x64/grubx64.efi", "grubx64.efi")
    boot_facts = BootFacts(image={Architecture.X64: shim})
    files = render(of, next(iter(of.servers)), secrets=SECRETS, boot=boot_facts, **toys)
    answers = {path: text for path, text in files.pub.items() if path.startswith("answers/toy/")}
    assert answers.pop("answers/toy/more") == "more\n"
    assert answers["answers/toy/rh9-first"] == "install from ftp://192.168.0.253/trees/rh9/\n"
    assert "answers/toy/cli128" in answers
    assert not any(path.startswith("ks/") for path in files.pub), "no other kind's answers"
    assert "toy.answers=ftp://192.168.0.253/answers/toy/rh9-first\n" in files.pub["tftp/toyboot.cfg"]
    assert "toy.answers=ftp://" in files.pub["tftp/pxelinux.cfg/C0A80080"], "by every loader"
    boot = files.pub["tftp/pxelinux.cfg/C0A80080"]
    assert "INITRD trees/rh9/toy/one,trees/rh9/toy/two\n" in boot
    assert 'initrd "$place/trees/rh9/toy/one" "$place/trees/rh9/toy/two"' in _of_cli128(files, ".cfg")
    ipxe = _of_cli128(files, ".ipxe")
    assert "initrd=initrd.img initrd=initrd2.img toy.answers=" in ipxe
    both = ("initrd --name initrd.img /trees/rh9/toy/one", "initrd --name initrd2.img /trees/rh9/toy/two")
    assert " && ".join(both) in ipxe
    code = f"{TOY_CODE >> 8:02x}:{TOY_CODE & 255:02x}"
    conf = " ".join(files.etc["dhcpd/dhcpd.conf"].split())
    assert f'(config-option twinboot.type = {code})) {{ option twinboot.machine "Toy"; }}' in conf
    assert '(config-option twinboot.machine = "Toy") { # Toy filename = "toyboot.efi";' in conf


def test_site_checks_and_schema_know_the_toy(toys: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SiteError):
        with_profile(installer="toy", version="RHEL9")
    profile = json_schema()["$defs"]["Profile"]["properties"]
    assert profile["installer"]["enum"] == [*INSTALLERS.names()]
    assert "toy" in INSTALLERS.names()
    assert "TOY1" in json.dumps(profile["version"])
    assert profile["toy"] == {**LINES, "description": "lines of a toy's answers"}
    assert profile["method"]["description"].endswith("ftp for kickstart, toy, http for all others")
    assert "ftp for kickstart, toy, http for all others" in reference.markdown()
    of = with_profile(installer="toy", version="TOY1")
    (tmp_path / "trees" / next(iter(of.trees.values())).path).mkdir(parents=True)
    remedies = [one.remedy for one in check_files(of, tmp_path / "trees", toys["templates"])]
    assert "no toy of TOY1" in remedies


def test_a_profile_says_something_in_the_words_of_its_own_kind_alone(toys: dict[str, Any]) -> None:
    of = with_profile(installer="toy", version="TOY1", toy=[" quietly"])
    assert parse(json.loads(of.to_json())) == of
    files = render(of, next(iter(of.servers)), secrets=SECRETS, **toys)
    assert files.pub["answers/toy/rh9-first"].endswith("/rh9/ quietly\n")
    for told, path, remedy in (
        ({"kickstart": ["reboot"]}, "profiles.rh9.kickstart", "is for the installer kickstart"),
        ({"toy": {"a": 1}}, "profiles.rh9.toy", "must be a list of lines"),
        ({"toy": ["a", "b\nc"]}, "profiles.rh9.toy[1]", "one line"),
        ({"method": "http"}, "profiles.rh9.method", "toy fetches by ftp alone"),
        ({"version": None}, "profiles.rh9.version", "one of TOY1"),
        ({"additions": {}}, "profiles.rh9.additions", "unknown key"),
    ):
        with pytest.raises(SiteError) as caught:
            with_profile(**{"installer": "toy", "version": "TOY1", **told})
        assert [one.path for one in caught.value.faults] == [path], told
        assert remedy in caught.value.faults[0].remedy


def test_kinds_are_gone_after_the_block() -> None:
    with INSTALLERS.registered(ToyInstaller()):
        pass
    with pytest.raises(UnknownKindError, match=r"there are: .*kickstart"):
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
