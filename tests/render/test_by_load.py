"""Balancing by load: what a host gets of each group, what has it wait, and who cannot."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from bootfacts import FACTS
from rendering import SECRETS, TEMPLATES, rendered, site, sources
from twinboot.kinds import LOADERS
from twinboot.loaders.base import BootLoader, Serves
from twinboot.loaders.decision import Nothing, Offer, gets, loaders_in_use
from twinboot.loaders.firmware import BIOS, UBOOT_ARM64, Firmware
from twinboot.loaders.menu import TURN
from twinboot.machines import facts
from twinboot.planning.plan import SitePlan
from twinboot.render import Rendered, render
from twinboot.render.machine_view import views
from twinboot.render.steering import Link, with_links
from twinboot.site import Site, SiteError

HOSTS = ("one", "two", "three", "four", "five", "six")


def files_of(of: Site) -> Rendered:
    return render(of, "server1", templates=TEMPLATES, secrets=SECRETS, boot=FACTS)


def boot_texts(files: Rendered, host: str) -> dict[str, dict[str, str]]:
    """By group and loader."""
    found: dict[str, dict[str, str]] = {}
    home = {PurePosixPath(place).name: path for path, place in files.steered.items() if f"/{host}/" in place}
    found["home"] = {loader: files.pub[path] for loader, path in home.items()}
    for path, text in files.pub.items():
        if path.startswith("ways/groups/") and f"/{host}/" in path:
            _, _, group, _, loader = path.split("/")
            found.setdefault(group, {})[loader] = text
    return found


@pytest.mark.parametrize("host", HOSTS)
def test_all_that_a_host_boots_by_begins_with_the_address_of_the_group_it_was_given(host: str) -> None:
    of = site("load")
    files, plan = files_of(of), SitePlan(of, boot=FACTS)
    machine = next(one for one in plan.machines if one.name == host)
    groups = [machine.group] if host == "six" else list(of.groups)
    texts = boot_texts(files, host)
    assert set(texts) == {"home", *groups} - {machine.group}
    for group in groups:
        vip = str(of.groups[group].address)
        mine = texts["home" if group == machine.group else group]
        can_wait = {PurePosixPath(path).name for path in files.pub if path.startswith("ways/queue/")}
        assert set(mine) >= can_wait >= {"lpxelinux", "grub", "ipxe"}
        for text in (mine[loader] for loader in can_wait):
            assert re.findall(r"\d+\.\d+\.\d+\.\d+", text)[0] == vip
            assert "$net_default_server" not in text
        answers = re.search(rf"tp://{vip}/((?:ks|answers)/[^\s']+)", mine["ipxe"])
        assert answers, mine["ipxe"]
        published = [path for path in files.pub if answers[1].rstrip("/") in path]
        assert published, f"{answers[1]} is not there"
        if "/ks/" in published[0]:
            named = re.findall(r"\d+\.\d+\.\d+\.\d+", sources(files.pub[published[0]]))
            assert named[0] == vip, "packages come from there first"


def test_the_link_of_a_host_leads_to_its_home_and_to_every_group_alike() -> None:
    files = with_links(files_of(site("load")).pub, files_of(site("load")).steered)
    assert isinstance(files["tftp/machines/host.one.ipxe"], Link)
    assert "ways/install/one/ipxe" in files
    assert "ways/groups/second/one/ipxe" in files
    assert "ways/groups/first/one/ipxe" not in files, "that is its home"
    assert not [path for path in files if path.startswith("ways/groups/") and "/six/" in path], "it is pinned"


def test_what_waits_says_so_and_looks_again() -> None:
    pub = files_of(site("load")).pub
    queue = {path: text for path, text in pub.items() if path.startswith("ways/queue/")}
    assert {PurePosixPath(path).name for path in queue} >= {"lpxelinux", "grub", "ipxe"}
    assert all(text.count(TURN) == 1 and "vmlinuz" not in text for text in queue.values())
    assert "KERNEL lpxelinux.0\n" in queue["ways/queue/lpxelinux"]
    assert "chain --replace ../start.ipxe || goto again" in queue["ways/queue/ipxe"]
    assert "twinboot_again=y" in queue["ways/queue/grub"]
    assert 'while [ "$twinboot_again" = y ]' in pub["tftp/grub/grub.cfg"]


def test_pxelinux_names_the_server_of_kernel_and_initrd_and_uboot_which_cannot_is_offered_nothing() -> None:
    of = site("load", boot={})
    text = boot_texts(files_of(of), "one")["second"]["pxelinux"]
    assert "KERNEL 192.168.0.254::trees/rh9/images/pxeboot/vmlinuz" in text
    assert "INITRD 192.168.0.254::trees/rh9/images/pxeboot/initrd.img" in text
    plan = SitePlan(of)
    assert gets(plan, UBOOT_ARM64, "rh9") == Nothing(
        "U-Boot arm64 can neither wait nor be given a group (balancing.mode load)"
    )
    assert gets(plan, BIOS, "rh9") == Offer("pxelinux", "pxelinux.0", False)


def test_servers_know_the_rules() -> None:
    _, rules = facts.decode_all(files_of(site("load")).etc["sidecar/machines.json"])
    assert rules is not None
    assert (rules.at_once, rules.pinned) == (20, {"six"})
    assert {name: (one.weight, one.home) for name, one in rules.groups.items()} == {
        "first": (2, "server1"), "second": (1, "server2"), "third": (1, "server2"),
    }  # fmt: skip
    assert facts.decode_all(rendered(site()).etc["sidecar/machines.json"])[1] is None


def test_show_and_diff_have_the_files_of_every_group() -> None:
    of = site("load")
    found = dict(views(SitePlan(of, boot=FACTS), files_of(of)))
    assert "by load when it asks" in found["one"].facts["boots from"]
    assert {"ks/one.ks", "ks/192.168.0.254/one.ks", "ks/192.168.0.250/one.ks"} <= found["one"].files.keys()
    assert "pinned" in found["six"].facts["boots from"]


class Hurried(BootLoader):
    name = "hurried"
    serves = (Serves(Firmware("Hurried", (0x4321,)), "hurried.efi"),)


def test_a_loader_that_cannot_wait_is_a_fault() -> None:
    with LOADERS.registered(Hurried()):
        rendered(site())
        with pytest.raises(SiteError) as caught:
            files_of(site("load"))
    assert caught.value.faults[0].path == "balancing.mode"
    assert "hurried" in caught.value.faults[0].remedy
    assert "below boot" not in caught.value.faults[0].remedy, "nothing there is for this firmware"


class Impatient(Hurried):
    """Cannot wait for a turn, and says so: by load its machines are offered nothing, as U-Boot's are."""

    name = "impatient"

    def boot_file(self, plan: SitePlan, firmware: Firmware, profile: str) -> str | Nothing:
        return Nothing("cannot wait") if plan.by_load else super().boot_file(plan, firmware, profile)


def test_a_loader_that_is_offered_to_nobody_by_load_need_not_wait() -> None:
    with LOADERS.registered(Impatient()) as loader:
        assert loader in loaders_in_use(site("load")), "it is the default of a firmware of its own"
        files_of(site("load"))
        parity = SitePlan(site(), boot=FACTS)
        assert isinstance(gets(parity, loader.serves[0].firmware, "rh9"), Offer)


class HurriedByChoice(BootLoader):
    name = "hurried2"
    serves = (Serves(BIOS, "hurried.0", default=False),)


def test_where_the_site_chose_a_loader_that_cannot_wait_it_may_choose_another() -> None:
    with LOADERS.registered(HurriedByChoice()), pytest.raises(SiteError) as caught:
        files_of(site("load", boot={"bios": "hurried2"}))
    assert "choose another one below boot, or another mode" in caught.value.faults[0].remedy
