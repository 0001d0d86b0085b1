"""Boot loaders of trees and of the image: looked at, judged by `check`, and published with the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from efiprograms import program
from rendering import SECRETS, TEMPLATES, site
from twinboot.planning.boot_facts import Architecture
from twinboot.render import render, write
from twinboot.render.boot_files import BootFiles
from twinboot.render.generations import read_copies
from twinboot.site import SiteError

CA = "A CA"
SITE = site()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Trees with loaders and kernel, and those of the image."""
    files = {
        "trees/rh9/EFI/BOOT/BOOTX64.EFI": program(signed_by=["M"], brings=[CA]),
        "trees/rh9/EFI/BOOT/grubx64.efi": program(signed_by=[CA], holds=b"blksize"),
        "trees/rh9/images/pxeboot/vmlinuz": program(signed_by=[CA]),
        "image/x64/shimx64.efi": program(signed_by=["M"], brings=["Image CA"]),
        "image/x64/grubx64.efi": program(signed_by=["Image CA"], holds=b"blksize"),
        "image/undionly.kpxe": b"ipxe",
    }
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def troubles(disk: Path) -> list[tuple[bool, str, str]]:
    found = BootFiles(SITE, disk / "trees", disk / "image").troubles()
    return [(broken, str(one.value), one.remedy) for broken, one in found]


def test_what_is_found_and_nothing_is_wrong(disk: Path) -> None:
    facts = BootFiles(SITE, disk / "trees", disk / "image").facts()
    assert facts.kernel("rh9") == {Architecture.X64}
    assert facts.loader("rh9", Architecture.X64) is not None
    assert facts.programs == {"undionly.kpxe"}
    assert set(facts.image) == {Architecture.X64}
    assert troubles(disk) == []


def test_signers_are_named_also_when_all_is_well(disk: Path) -> None:
    def told() -> list[str]:
        return list(BootFiles(SITE, disk / "trees", disk / "image").signed_by())

    shim = "BOOTX64.EFI by M, grubx64.efi by A CA"
    assert told() == [f"tree rh9, x64: {shim}, vmlinuz by A CA; the firmware must know M"]
    (disk / "trees/rh9/images/pxeboot/vmlinuz").write_bytes(program())
    assert told() == [f"tree rh9, x64: {shim}, vmlinuz by nobody; the firmware must know M"]
    both = program(signed_by=["CA of 2011", "CA of 2023"], brings=["Image CA"])
    (disk / "image/x64/shimx64.efi").write_bytes(both)
    (disk / "trees/rh9/EFI/BOOT/BOOTX64.EFI").unlink()
    assert told() == [
        "tree rh9, x64: the image has shimx64.efi by CA of 2011 and CA of 2023, grubx64.efi by Image CA, "
        "vmlinuz by nobody; the firmware must know CA of 2011 or CA of 2023"
    ]


def test_a_truncated_loader_is_a_fault_and_the_image_s_takes_its_place(disk: Path) -> None:
    path = disk / "trees/rh9/EFI/BOOT/grubx64.efi"
    path.write_bytes(path.read_bytes()[:-1])
    (broken, name, _), (refused, kernel, remedy) = troubles(disk)
    assert (broken, name) == (True, "rh9/EFI/BOOT/grubx64.efi")
    assert (refused, kernel) == (False, "rh9/images/pxeboot/vmlinuz")
    assert "Image CA" in remedy
    found = BootFiles(SITE, disk / "trees", disk / "image").facts().loader("rh9", Architecture.X64)
    assert found is not None
    assert found[0] == ""


def test_a_kernel_that_the_image_s_shim_lets_pass_is_no_news(disk: Path) -> None:
    (disk / "trees/rh9/EFI/BOOT/BOOTX64.EFI").unlink()
    (disk / "trees/rh9/images/pxeboot/vmlinuz").write_bytes(program(signed_by=["Image CA"]))
    assert troubles(disk) == []


def test_a_tree_that_is_not_there_is_told_elsewhere(disk: Path) -> None:
    assert list(BootFiles(SITE, disk / "nowhere", disk / "image").troubles()) == []
    assert BootFiles(SITE, disk / "nowhere", disk / "image").facts().kernel("rh9") == frozenset()


def test_copies_are_published_with_times_that_follow_from_their_content(disk: Path, tmp_path: Path) -> None:
    facts = BootFiles(SITE, disk / "trees", disk / "image").facts()
    rendered = render(SITE, "server1", templates=TEMPLATES, secrets=SECRETS, boot=facts)
    tree_copies = {path: source for path, source in rendered.copies.items() if source.startswith("trees/")}
    assert set(tree_copies) == {"tftp/loaders/rh9/BOOTX64.EFI", "tftp/loaders/rh9/grubx64.efi"}
    copies = {path: (disk / source).read_bytes() for path, source in tree_copies.items()}
    times = []
    for server in ("one", "two"):
        for path in copies:
            os.utime(disk / tree_copies[path], (1, 1))
        write(rendered, tmp_path / server / "etc", tmp_path / server / "pub", copies)
        published = tmp_path / server / "pub/current/tftp/loaders/rh9/BOOTX64.EFI"
        assert published.read_bytes() == copies["tftp/loaders/rh9/BOOTX64.EFI"]
        assert published.stat().st_mode & 0o777 == 0o644
        times.append(published.stat().st_mtime)
    assert times[0] == times[1] > 1
    before = os.readlink(tmp_path / "one/pub/current")
    write(rendered, tmp_path / "one/etc", tmp_path / "one/pub", copies)
    assert os.readlink(tmp_path / "one/pub/current") == before, "the same files are no new generation"
    copies["tftp/loaders/rh9/BOOTX64.EFI"] = b"new"
    write(rendered, tmp_path / "one/etc", tmp_path / "one/pub", copies)
    assert os.readlink(tmp_path / "one/pub/current") != before


def test_a_loader_that_has_gone_since_stops_everything(disk: Path) -> None:
    facts = BootFiles(SITE, disk / "trees", disk / "image").facts()
    rendered = render(SITE, "server1", templates=TEMPLATES, secrets=SECRETS, boot=facts)
    (disk / "trees/rh9/EFI/BOOT/grubx64.efi").unlink()
    with pytest.raises(SiteError):
        read_copies(rendered, disk / "trees")
