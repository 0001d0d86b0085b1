"""The one decision: firmware, profile and tree -> boot file, or nothing and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bootfacts import ARM64, FACTS, IA32, IMAGE, OWN, X64, loader
from rendering import site
from twinboot.kinds import LOADERS
from twinboot.loaders.base import BootLoader, Serves
from twinboot.loaders.decision import (
    MAX_FILE_NAME,
    Loss,
    Offer,
    choices,
    decide,
    gets,
    known_firmwares,
    loader_of,
    loaders_in_use,
    losses,
    rows,
)  # fmt: skip
from twinboot.loaders.firmware import (
    BIOS,
    FIRMWARES,
    HTTP_ARM64,
    HTTP_X64,
    IPXE_ARM64,
    IPXE_BIOS,
    IPXE_X64,
    UBOOT_ARM64,
    UEFI_ARM64,
    UEFI_IA32,
    UEFI_X64,
    Firmware,
    Said,
)  # fmt: skip
from twinboot.planning.boot_facts import BootFacts, TreeBoot
from twinboot.planning.plan import SitePlan
from twinboot.site import SiteError
from twinboot.site.model.boot import Boot
from twinboot.site.model.site import Site

VIP = "192.168.0.253"


def file_for(firmware: Firmware, facts: BootFacts = FACTS, **changes: object) -> str:
    """The boot file, or an empty text."""
    found = gets(SitePlan(site(**changes), boot=facts), firmware, "rh9")
    return found.file(VIP) if isinstance(found, Offer) else ""


SCRIPT = f"http://{VIP}/boot/start.ipxe"


@pytest.mark.parametrize(
    ("firmware", "file"),
    [
        (BIOS, "pxelinux.0"),
        (UEFI_X64, "boot/loaders/rh9/BOOTX64.EFI"),
        (HTTP_X64, f"http://{VIP}/boot/loaders/rh9/BOOTX64.EFI"),
        (IPXE_BIOS, SCRIPT),
        (IPXE_X64, SCRIPT),
        (UEFI_IA32, ""), (UEFI_ARM64, ""), (HTTP_ARM64, ""), (IPXE_ARM64, ""),  # its kernel is for x64
    ],
)  # fmt: skip
def test_by_default(firmware: Firmware, file: str) -> None:
    assert file_for(firmware) == file


@pytest.mark.parametrize(
    ("choice", "firmware", "file"),
    [
        ({"bios": "lpxelinux"}, BIOS, "lpxelinux.0"),
        ({"bios": "ipxe"}, BIOS, "boot/loaders/undionly.kpxe"),
        ({"bios": "ipxe"}, IPXE_BIOS, SCRIPT),  # it asks again, and gets something else: no loop
        ({"uefi": "ipxe"}, UEFI_X64, "boot/loaders/snponly.efi"),
        ({"uefi": "ipxe"}, HTTP_X64, f"http://{VIP}/boot/loaders/snponly.efi"),
        ({"uefi": "ipxe"}, UEFI_IA32, ""),  # the kernel is for x64
        ({"ipxe": "pxelinux"}, IPXE_BIOS, "pxelinux.0"),
        ({"ipxe": "pxelinux"}, IPXE_X64, SCRIPT),
    ],
)
def test_where_the_site_chooses(choice: dict[str, str], firmware: Firmware, file: str) -> None:
    assert file_for(firmware, boot=choice) == file


@pytest.mark.parametrize(
    "choice", [{"bios": "grub"}, {"uefi": "pxelinux"}, {"bios": "ipxi"}, {"efi": "grub"}]
)
def test_a_loader_that_does_not_serve_is_a_fault(choice: dict[str, str]) -> None:
    with pytest.raises(SiteError):
        site(boot=choice)


def test_a_tree_without_a_loader_has_the_image_s_and_without_that_none() -> None:
    bare = {"rh9": TreeBoot(frozenset((X64,)))}
    assert file_for(UEFI_X64, replace(FACTS, trees=bare)) == "boot/loaders/-image/shimx64.efi"
    assert file_for(UEFI_X64, BootFacts(bare)) == ""
    arm = {"rh9": TreeBoot(frozenset((ARM64,)))}
    assert file_for(UEFI_ARM64, replace(FACTS, trees=arm)) == "boot/loaders/-image/shimaa64.efi"
    assert file_for(BIOS, replace(FACTS, trees=arm)) == "", "no PC starts that kernel"


def test_a_kernel_that_is_not_known_keeps_nobody_out() -> None:
    unknown = BootFacts({"rh9": TreeBoot()}, IMAGE)
    assert file_for(UEFI_ARM64, unknown) == "boot/loaders/-image/shimaa64.efi"
    assert file_for(UEFI_X64, unknown) == "boot/loaders/-image/shimx64.efi"
    assert file_for(BIOS, BootFacts()) == "pxelinux.0"


def test_uboot_reads_pxelinux_s_files_and_knows_neither_a_url_nor_two_initrds() -> None:
    arm = replace(FACTS, trees={"rh9": TreeBoot(frozenset((ARM64,)))})
    assert file_for(UBOOT_ARM64) == "", "its kernel is for x64"
    assert file_for(UBOOT_ARM64, arm) == "pxelinux.0"
    assert file_for(UBOOT_ARM64, arm, boot={"bios": "ipxe"}) == "pxelinux.0"
    assert file_for(UBOOT_ARM64, arm, boot={"bios": "lpxelinux"}) == ""
    two = {"rh9": {"path": "rh9", "initrd": ["a", "b"]}}
    assert file_for(UBOOT_ARM64, arm, trees=two) == ""


def test_nothing_says_why() -> None:
    plan = SitePlan(site(), boot=FACTS)
    for said, word in ((Said(11), "x64"), (Said(0x15), "U-Boot"), (Said(None, "HTTPClient"), "HTTPClient")):
        found = decide(plan, said, "rh9")
        assert not isinstance(found, Offer)
        assert word in found.why


def test_every_firmware_has_its_row_and_every_name_fits() -> None:
    long = "a" * 32
    document = {"trees": {long: {"path": "x"}}, "profiles": {long: {"tree": long, "version": "RHEL9"}}}
    hosts = {"h": {"mac": "52:54:00:00:01:28", "address": "192.168.0.128", "profile": long}}
    of = site(**document, hosts=hosts, subnets=[{"network": "192.168.0.0/24"}])
    plan = SitePlan(of, boot=BootFacts({long: OWN}, IMAGE))
    table = list(rows(plan, long))
    assert {row.firmware for row in table} == set(FIRMWARES)
    for row in table:
        if isinstance(row.gets, Offer):
            assert len(row.gets.file("255.255.255.255")) <= MAX_FILE_NAME


def in_use(of: Site) -> set[str]:
    return {one.name for one in loaders_in_use(of)}


def test_a_loader_that_replaces_another_is_in_use_where_it_is_chosen() -> None:
    by_default = in_use(site())
    assert by_default >= {"grub", "ipxe", "pxelinux"}
    assert "lpxelinux" not in by_default
    assert in_use(site(boot={"bios": "lpxelinux"})) == by_default - {"pxelinux"} | {"lpxelinux"}
    chosen = loader_of(site(boot={"bios": "ipxe"}), BIOS)
    assert chosen is not None
    assert chosen.name == "ipxe"
    assert "pxelinux" in in_use(site(boot={"bios": "ipxe"}))


class Toy(BootLoader):
    """For UEFI x64 alone, where it is chosen."""

    name = "toyboot"
    serves = (Serves(UEFI_X64, "toy.efi", default=False),)


class Replacing(Toy):
    name = "greedy"
    replaces = ("grub",)


def test_a_loader_is_in_use_where_it_serves_some_firmware_of_the_site() -> None:
    with LOADERS.registered(Toy()):
        assert "toyboot" not in in_use(site())
        assert in_use(site(boot={"uefi": "toyboot"})) == in_use(site()) | {"toyboot"}


IA32_TREE = TreeBoot(frozenset((IA32,)), {IA32: loader("trees/rh9", "BOOTIA32.EFI", "grubia32.efi")})


def test_where_the_chosen_loader_does_not_serve_a_firmware_the_default_one_does() -> None:
    facts = replace(FACTS, trees={"rh9": IA32_TREE})
    assert file_for(UEFI_IA32, facts, boot={"uefi": "ipxe"}) == "boot/loaders/rh9/BOOTIA32.EFI"
    with LOADERS.registered(Toy()):
        assert file_for(UEFI_X64, boot={"uefi": "toyboot"}) == "toy.efi"
        assert file_for(HTTP_X64, boot={"uefi": "toyboot"}) == file_for(HTTP_X64)


def test_what_a_loader_takes_away_by_its_place_is_a_loss() -> None:
    """Of machines whose kernel it may be; `check` warns of it."""

    def of(facts: BootFacts, **boot: str) -> list[Loss]:
        return list(losses(SitePlan(site(boot=boot), boot=facts)))

    arm = replace(FACTS, trees={"rh9": TreeBoot(frozenset((ARM64,)))})
    assert of(FACTS) == of(arm) == of(FACTS, bios="lpxelinux") == of(arm, uefi="ipxe") == []
    assert of(arm, bios="lpxelinux") == [Loss(UBOOT_ARM64, "pxelinux", "lpxelinux")]
    assert of(FACTS, bios="lpxelinux", ipxe="pxelinux") == [Loss(IPXE_BIOS, "pxelinux", "lpxelinux")]
    with LOADERS.registered(Replacing()):
        assert of(FACTS, uefi="greedy") == [Loss(HTTP_X64, "grub", "greedy")]
        assert file_for(HTTP_X64, boot={"uefi": "greedy"}) == ""


def test_each_setting_of_boot_is_some_firmware_s_and_the_other_way_round() -> None:
    of_firmware = {one.choice for one in known_firmwares()} - {""}
    assert of_firmware == set(Boot.model_fields), (
        "Firmware.choice names a setting below `boot`: give `Boot` in site/model/boot.py a field each, as "
        "`bios` has it, and run `make generated`"
    )
    for setting, field in Boot.model_fields.items():
        untold = [one for one in choices(setting) if one not in str(field.description)]
        assert not untold, f"name {untold} in the description of boot.{setting} in site/model/boot.py"
    new = Firmware("Toy", (0x1234,), choice="toys")
    with pytest.raises(AttributeError, match="toys"):
        loader_of(site(), new)
