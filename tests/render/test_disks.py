"""Which disks an install may see and erase: pykickstart reads what the machine's own shell has chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kickstart_pre import Machine
from rendering import GOOD, rendered, with_profile
from twinboot.installers.kickstart import releases
from twinboot.site import SiteError, parse

SAN = "pci0000:00/0000:00:02.0/host1/rport-1:0-2/target1:0:0/1:0:0:0"
ISCSI = "platform/host9/session1/target9:0:0/9:0:0:1"
USB = "pci0000:00/0000:00:01.0/usb2/2-1/2-1:1.0/host7/target7:0:0/7:0:0:0"
FABRICS = "virtual/nvme-fabrics/ctl/nvme4"
ATA = "pci0000:00/0000:00:1f.2/ata{}/host{}/target{}:0:0/{}:0:0:0"
BY_PATH = "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"


def ata(port: int) -> str:
    return ATA.format(port, *3 * (20 - port,))  # the kernel's numbers are not in the order of the ports


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A SAN, a USB stick and a DVD come before its own three disks."""
    found = Machine(tmp_path / "machine")
    found.disk("sda", SAN, 1)
    found.disk("sdb", ISCSI, 1)
    found.disk("sdc", USB, 1)
    found.disk("sr0", "pci0000:00/0000:00:00.1/ata9/host3/target3:0:0/3:0:0:0", 1, removable="1")
    found.disk("sdd", "pci0000:00/0000:00:00.2/ata8/host4/target4:0:0/4:0:0:0", 1, removable="1")
    found.disk("sde", "pci0000:00/0000:00:00.3/ata7/host5/target5:0:0/5:0:0:0", 1, ro="1")
    found.disk("sdf", "pci0000:00/0000:00:00.4/ata6/host6/target6:0:0/6:0:0:0", 0)
    found.disk("nvme4n1", FABRICS, 1, transport="tcp")
    found.disk("sdz", ata(2), 30)
    found.disk("sdx", ata(10), 20)
    found.disk("sdy", ata(3), 40)
    return found


def text_of(**profile: Any) -> str:
    return rendered(with_profile(**profile)).pub["ks/cli128.ks"]


@pytest.mark.parametrize("version", releases.NAMES)
def test_by_default_the_first_disk_of_the_machines_own_is_all_that_an_installer_sees(
    machine: Machine, version: str
) -> None:
    text = text_of(version=version)
    handler = machine.installer_reads(text, version)
    assert handler.ignoredisk.onlyuse == ["sdz"]
    assert handler.clearpart.drives == ["sdz"]
    assert "first" in text.splitlines()[1], "the head of the file says it"
    boot = handler.bootloader
    assert (getattr(boot, "bootDrive", "") or boot.driveorder[0]) == "sdz"


@pytest.mark.parametrize(
    ("disks", "chosen"),
    [
        ("first", ["sdz"]),
        (["smallest"], ["sdx"]),
        (["largest"], ["sdy"]),
        (["largest", "first"], ["sdy", "sdz"]),
        (["first", "sdz"], ["sdz"]),
        (["first", BY_PATH], ["sdz", BY_PATH.removeprefix("/dev/")]),
        ([BY_PATH, "sdq"], [BY_PATH.removeprefix("/dev/"), "sdq"]),
    ],
)
def test_disks_by_words_and_names(machine: Machine, disks: Any, chosen: list[str]) -> None:
    handler = machine.installer_reads(text_of(disks=disks))
    assert handler.ignoredisk.onlyuse == handler.clearpart.drives == chosen
    assert handler.bootloader.bootDrive == chosen[0]


def test_a_machine_without_a_disk_of_its_own_is_not_installed(tmp_path: Path) -> None:
    """The installer is told a disk that no machine has: it stops, and it sees no other."""
    diskless = Machine(tmp_path / "machine")
    diskless.disk("sda", SAN)
    handler = diskless.installer_reads(text_of())
    assert handler.ignoredisk.onlyuse == ["twinboot-found-no-disk"]


def test_an_nvme_disk_with_several_paths_is_its_own_where_pcie_leads_to_it(tmp_path: Path) -> None:
    found = Machine(tmp_path / "machine")
    for number, kind, place in (
        (0, "pcie", "pci0000:00/0000:01:00.0/nvme/nvme0"),
        (1, "rdma", "virtual/nvme-fabrics/ctl/nvme1"),
    ):
        found.disk(f"nvme{number}n1", f"virtual/nvme-subsystem/nvme-subsys{number}")
        controller = found.top / "sys/devices" / place
        controller.mkdir(parents=True)
        (controller / "transport").write_text(f"{kind}\n")
        (found.top / f"sys/devices/virtual/nvme-subsystem/nvme-subsys{number}/nvme{number}").symlink_to(
            controller
        )
    assert found.installer_reads(text_of()).ignoredisk.onlyuse == ["nvme0n1"]


def test_all_must_be_said(machine: Machine) -> None:
    text = text_of(disks="all")
    handler = machine.installer_reads(text)
    assert handler.ignoredisk.onlyuse == handler.clearpart.drives == []
    assert "EVERY disk" in text.splitlines()[1]


def test_a_hosts_disks_take_the_place_of_its_profiles(machine: Machine) -> None:
    hosts = {**GOOD["hosts"], "cli128": {**GOOD["hosts"]["cli128"], "disks": "largest"}}
    files = rendered(parse({**GOOD, "hosts": hosts})).pub
    for path in ("ks/cli128.ks", "ks/192.168.0.253/cli128.ks"):
        assert machine.installer_reads(files[path]).ignoredisk.onlyuse == ["sdy"]
    assert machine.installer_reads(files["ks/cli129.ks"]).ignoredisk.onlyuse == ["sdz"]


def commands_of(text: str, *names: str) -> list[str]:
    head = text.split("%packages")[0].splitlines()
    return [line for line in head if line.split(" ")[0] in names]


def test_an_operators_own_choice_of_disks_is_the_only_one() -> None:
    line = "ignoredisk --only-use=sdq"
    text = text_of(partitions=[line, "part / --size=4096"])
    assert commands_of(text, "ignoredisk", "clearpart", "%include") == ["clearpart --all --initlabel", line]
    assert "partitions" in text.splitlines()[1]
    with pytest.raises(SiteError) as caught:
        text_of(partitions=[line], disks="largest")
    assert [fault.path for fault in caught.value.faults] == ["profiles.rh9.disks"]


@pytest.mark.parametrize(
    "line", ["clearpart --none", "clearpart --linux", "zerombr", "bootloader --append=quiet"]
)
def test_other_commands_of_an_operator_do_not_open_the_other_disks(machine: Machine, line: str) -> None:
    text = text_of(partitions=[line, "part / --size=4096"])
    assert machine.installer_reads(text).ignoredisk.onlyuse == ["sdz"]
    whole = text + (machine.top / "disks").read_text()
    assert sum(one.split(" ")[0] == line.split(" ")[0] for one in whole.split("%end")[0].splitlines()) == 1
    assert line.split(" ")[0] not in (machine.top / "disks").read_text()


def test_commands_beside_the_layout_leave_the_installer_its_own(machine: Machine) -> None:
    handler = machine.installer_reads(text_of(partitions=["bootloader --location=mbr --append=quiet"]))
    assert handler.autopart.autopart
    assert handler.bootloader.appendLine == "quiet"
    assert handler.clearpart.drives == ["sdz"]


@pytest.mark.parametrize(
    "disks", ["", "/etc/passwd", "/dev/../sda", "a,b", "$x", [], ["all", "first"], "sd*", ["sda", "/dev/sda"]]
)
def test_what_is_no_disk_is_refused(disks: Any) -> None:
    with pytest.raises(SiteError) as caught:
        with_profile(disks=disks)
    assert [fault.path for fault in caught.value.faults] == ["profiles.rh9.disks"]
