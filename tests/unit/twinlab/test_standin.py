"""The installer stand-in's own decisions: PXELINUX's rules, the kickstart's plan, the partition table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "standin/installer"))

from standin.disk import layout
from standin.errors import InstallError
from standin.groups import Groups
from standin.kickstart import Partition, read_plan
from standin.netboot import boot_file_names, parse_boot_file
from standin.report import line

KICKSTART = """#version=RHEL9
text
lang en_US.UTF-8
timezone Europe/Berlin --utc
network --bootproto=dhcp --hostname=cli128.example.lan
url --url=ftp://192.168.0.253/trees/rh9
rootpw --lock
zerombr
clearpart --all --initlabel
{partitions}
{end}
%packages --retries=7 --timeout=9
@^minimal-environment
standin-data01
-standin-data02
%end
%post --erroronfail
true
%end
"""


def plan(tmp_path: Path, partitions: str = "autopart", end: str = "reboot") -> object:
    path = tmp_path / "ks.cfg"
    path.write_text(KICKSTART.format(partitions=partitions, end=end))
    return read_plan(path)


def test_report_line_is_one_line_and_quotes_what_is_not_a_word() -> None:
    text = line("failed", {"reason": 'no "disk"\nat all', "url": "ftp://192.168.0.253/ks"}, 1.5)
    assert text == "standin: event=failed reason=\"no 'disk' at all\" url=ftp://192.168.0.253/ks t=1.50"


def test_boot_file_names_are_pxelinux_order() -> None:
    names = boot_file_names("192.168.0.128", "52:54:00:00:01:28")
    assert names[:3] == ["01-52-54-00-00-01-28", "C0A80080", "C0A8008"]
    assert names[-2:] == ["C", "default"]


def test_boot_file_takes_the_default_label_and_splits_the_initrd_off() -> None:
    entry = parse_boot_file(
        "DEFAULT install\nLABEL rescue\n KERNEL other\nLABEL install\n KERNEL trees/rh9/vmlinuz\n"
        " APPEND initrd=trees/rh9/initrd.img inst.ks=ftp://a/1 inst.ks=ftp://b/2 ip=dhcp\n"
    )
    assert entry.kernel == "trees/rh9/vmlinuz"
    assert entry.initrds == ("trees/rh9/initrd.img",)
    assert entry.argument("inst.ks") == "ftp://b/2"  # the last one wins, as in dracut
    assert entry.argument("inst.repo") is None
    assert entry.locations("inst.ks") == ["ftp://b/2"]
    assert entry.locations("inst.repo") == []


def test_all_places_are_tried_in_order_when_the_boot_file_says_so() -> None:
    entry = parse_boot_file(
        "DEFAULT install\nLABEL install\n KERNEL k\n APPEND inst.ks=ftp://a/1 inst.ks=ftp://b/2 inst.ks.all\n"
    )
    assert entry.locations("inst.ks") == ["ftp://a/1", "ftp://b/2"]


def test_boot_file_without_a_kernel_is_refused() -> None:
    with pytest.raises(InstallError, match="names no kernel"):
        parse_boot_file("DEFAULT local\nLABEL local\n LOCALBOOT 0\n")


def test_plan_reads_what_the_kickstart_says(tmp_path: Path) -> None:
    got = plan(tmp_path)
    assert (got.version, got.url, got.hostname) == (
        "RHEL9",
        "ftp://192.168.0.253/trees/rh9",
        "cli128.example.lan",
    )
    assert (got.selection.retries, got.selection.timeout_s) == (7, 9)
    assert got.selection.environment == "minimal-environment"
    assert (got.selection.packages, got.selection.excluded) == (("standin-data01",), ("standin-data02",))
    assert got.selection.add_core
    assert not got.selection.ignore_missing
    assert [(script.kind, script.in_chroot, script.error_on_fail) for script in got.scripts] == [
        ("post", True, True)
    ]
    assert got.end == "reboot"
    assert plan(tmp_path, end="poweroff").end == "poweroff"


def test_plan_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="neither autopart"):
        plan(tmp_path, partitions="part /home --size=100")
    with pytest.raises(InstallError, match=r"kickstart \(RHEL9\)"):
        plan(tmp_path, partitions="no-such-command")


def test_layout_marks_the_boot_partition_and_lets_one_grow() -> None:
    assert layout((Partition("/", "ext4", 0, True),)) == "label: dos\ntype=L, bootable\n"
    text = layout((Partition("/boot", "ext4", 512, False), Partition("swap", "swap", 256, False),
                   Partition("/", "ext4", 0, True)))  # fmt: skip
    assert text.splitlines() == [
        "label: dos", "size=512MiB, type=L, bootable", "size=256MiB, type=S", "type=L",
    ]  # fmt: skip


def test_a_machine_with_uefi_gets_its_partition_and_nothing_active() -> None:
    text = layout((Partition("swap", "swap", 256, False), Partition("/", "ext4", 0, True)), uefi=True)
    assert text.splitlines() == ["label: gpt", "size=64MiB, type=U", "size=256MiB, type=S", "type=L"]


def test_groups_are_read_from_comps(tmp_path: Path) -> None:
    comps = tmp_path / "comps.xml"
    comps.write_text(
        "<comps><group><id>core</id><packagelist><packagereq type='mandatory'>a</packagereq>"
        "<packagereq type='optional'>b</packagereq></packagelist></group>"
        "<environment><id>env</id><grouplist><groupid>core</groupid></grouplist></environment></comps>"
    )
    groups = Groups(comps)
    assert groups.group("core") == groups.environment("env") == ["a"]
    assert groups.group("other") is None
    assert Groups(None).group("core") is None
