"""What is on a medium, and how a path is looked up in it."""

from __future__ import annotations

import pytest
from twinboot.trees.media.contents import Contents, Entry, EntryKind, MediumError, clean


def files(*paths: str, **links: str) -> Contents:
    linked = (Entry(path, EntryKind.LINK, target=target) for path, target in links.items())
    return Contents([*(Entry(path, EntryKind.FILE) for path in paths), *linked])


@pytest.mark.parametrize(("path", "found"), [
    ("Pool/a", "pool/A"), ("stable/Release", "dists/trixie/Release"), ("self/self/pool/a", "pool/A"),
    ("pool", None), ("nothing", None), ("pool/../pool/A", "pool/A"), ("../pool/A", None), ("round", None),
])  # fmt: skip
def test_files_are_found_in_any_case_and_behind_links(path: str, found: str | None) -> None:
    contents = files("pool/A", "dists/trixie/Release", stable="dists/stable", self=".", round="round")
    contents = Contents([*contents.entries, Entry("dists/stable", EntryKind.LINK, target="trixie")])
    assert contents.find(path) == found


def test_folders_that_nobody_names_are_there() -> None:
    assert files("boot/x86_64/loader/linux", "boot/grub").names("BOOT") == ["grub", "x86_64"]


def test_names_of_plain_iso_9660_are_taken_in_lower_case() -> None:
    plain = Contents(
        [Entry("IMAGES/VMLINUZ", EntryKind.FILE), Entry("COPY", EntryKind.FILE, same_as="IMAGES/VMLINUZ")]
    )
    assert plain.plain
    assert [(one.path, one.same_as) for one in plain.entries] == [
        ("images/vmlinuz", ""),
        ("copy", "images/vmlinuz"),
    ]
    assert not files("IMAGES/vmlinuz").plain
    assert not files("1/2").plain


@pytest.mark.parametrize("entries", [
    [Entry("a", EntryKind.LINK, target="/etc"), Entry("a/b", EntryKind.FILE)],
    [Entry("a", EntryKind.LINK, target="b"), Entry("a/b", EntryKind.FILE)],
    [Entry("a", EntryKind.FILE), Entry("a/b/c", EntryKind.FILE)],
    [Entry("a", EntryKind.FILE), Entry("a", EntryKind.LINK, target="b")],
])  # fmt: skip
def test_nothing_lies_below_a_link_or_a_file(entries: list[Entry]) -> None:
    """The link that leads out is left out before: what lies below it is in a folder of ours."""
    try:
        contents = Contents(entries)
    except MediumError:
        return
    assert entries[0].target.startswith("/")
    assert [one.path for one in contents.entries] == ["a/b"]


@pytest.mark.parametrize(("path", "cleaned"), [
    ("./a/b/", "a/b"), (".", ""), ("a//b", "a/b"), ("/a", None), ("a/../b", None), ("..", None), ("a\0b",
     None),
])  # fmt: skip
def test_paths_of_archives(path: str, cleaned: str | None) -> None:
    assert clean(path) == cleaned
