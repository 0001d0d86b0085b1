"""What the takeover process may read, whatever a client asks for: plain files of the published tree, and
loaders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import PublishedTree as Published
from twinboot.takeover.host.published import listing
from twinboot.takeover.host.published.boot_files import BootFiles
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.plan import ClientPosition, Rebuild, Reset, plan_takeover
from twinboot.takeover.logic.protocols.ftp import ListingFormat
from twinboot.takeover.logic.protocols.http import DIRECTORY
from twinboot.takeover.logic.protocols.http_heads import Response
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp import seq

SECRET = b"not published"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedTree]:
    base = tmp_path_factory.mktemp("files")
    root = base / "root"
    (root / "trees/rh9").mkdir(parents=True)
    (root / "trees/rh9/big.bin").write_bytes(b"0123456789")
    (base / "secret").write_bytes(SECRET)
    (root / "trees/ok").symlink_to("/trees/rh9/big.bin")
    (root / "trees/up").symlink_to("../../../../secret")
    (root / "trees/out").symlink_to(base / "secret")
    (root / "trees/fd").symlink_to("/proc/self/fd/0")
    (root / "trees/loop").symlink_to("loop")
    (root / "trees/shut").write_bytes(SECRET)
    (root / "trees/shut").chmod(0o600)
    os.mkfifo(root / "trees/pipe")
    tree = PublishedTree(root)
    yield tree
    tree.close()


@pytest.mark.parametrize("path", [
    b"../secret", b"/../secret", b"trees/../../secret", b"/trees/rh9/../../../../secret", b"trees/up",
    b"trees/out",
    b"trees/fd", b"trees/loop", b"trees/shut", b"trees/pipe", b"trees", b"", b"/", b"trees/rh9/big.bin\0",
    b"trees/none", b"x" * 5000, b"/" * 300, b"a/" * 3000, b"/proc/self/environ", b"/etc/passwd",
])
def test_what_is_no_published_file_is_not_there(tree: PublishedTree, path: bytes) -> None:
    assert tree.open(path) is None
    assert tree.file_facts(path) is None


@pytest.mark.parametrize("path", [
    b"trees/rh9/big.bin", b"/trees/rh9/big.bin", b"/trees/../trees/./rh9//big.bin", b"/../../trees/ok",
    b"trees/ok",
])
def test_published_files_are_found_by_every_name_they_have(tree: PublishedTree, path: bytes) -> None:
    found = tree.file_facts(path)
    assert found is not None
    assert found[0] == 10


PARTS = (b"..", b".", b"trees", b"rh9", b"up", b"out", b"ok", b"fd", b"secret", b"big.bin", b"", b"%2e%2e")


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_no_path_leads_out(tree: PublishedTree, parts: list[bytes]) -> None:
    found = tree.open(b"/".join(parts))
    if found is None:
        return
    with os.fdopen(found, "rb") as file:
        assert file.read() == b"0123456789"


HEAD = b"HTTP/1.1 200 OK\r\nLast-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n"
KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)


@pytest.mark.parametrize("target", [
    b"/../secret", b"/trees/out", b"/%2e%2e/secret", b"/trees/..%2f..%2fsecret", b"http://x/../secret",
    b"/trees/up",
])
def test_a_request_for_what_lies_outside_is_never_gone_on_with(tree: PublishedTree, target: bytes) -> None:
    """Even when a broken (or lying) server had answered it."""
    response = Response(start=0, head=HEAD, target=target, offset=0, length=len(SECRET), size=len(SECRET),
                        status=200, is_file_range=True)
    record = ConnectionRecord(
        KEY, ConnectionKind.HTTP, 1000, 5000, 1500, SynOptions(), SynOptions(), responses=(response,)
    )
    answer = ClientPosition(1500, seq.add(5000, len(HEAD) + 3), 1000)
    assert isinstance(plan_takeover(record, answer, tree), Reset)
    honest = replace(response, target=b"/trees/ok", length=10, size=10)
    moved = tree.file_facts(b"/trees/ok")
    assert moved is not None
    found = plan_takeover(
        replace(record, responses=(honest,)), answer, Published({b"/trees/ok": (10, 1795377600)})
    )
    assert isinstance(found, Rebuild), "the test itself is right"


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[BootFiles]:
    """/srv/tftp and /srv/loaders, as compose and the TFTP image lay them out."""
    place, loaders = tmp_path / "tftp", tmp_path / "loaders"
    (place / "site/current/tftp/pxelinux.cfg").mkdir(parents=True)
    (place / "site/current/tftp/pxelinux.cfg/default").write_bytes(b"menu")
    (place / "trees/rh9").mkdir(parents=True)
    (place / "trees/rh9/vmlinuz").write_bytes(b"kernel")
    (place / "pxelinux.cfg").symlink_to("site/current/tftp/pxelinux.cfg")
    (loaders / "17/trees").mkdir(parents=True)
    (loaders / "17/pxelinux.cfg").symlink_to("site/current/tftp/pxelinux.cfg")
    (loaders / "17/pxelinux.0").write_bytes(b"loader")
    (loaders / "17/first.0").symlink_to("pxelinux.0")
    (loaders / "17/out").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(SECRET)
    (loaders / "current").symlink_to("17")
    made = BootFiles(place, loaders)
    yield made
    made.close()


def content(boot: BootFiles, path: bytes) -> bytes | None:
    found = boot.open(path)
    if found is None:
        return None
    with os.fdopen(found, "rb") as file:
        return file.read()


@pytest.mark.parametrize(("path", "expected"), [
    (b"pxelinux.cfg/default", b"menu"), (b"/pxelinux.cfg/default", b"menu"),
    (b"trees/rh9/vmlinuz", b"kernel"), (b"pxelinux.0", b"loader"), (b"/pxelinux.0", b"loader"),
    (b"first.0", b"loader"), (b"../pxelinux.0", None), (b"none", None), (b"pxelinux.cfg/none", None),
    (b"out", None), (b"../../secret", None), (b"", None),
])
def test_boot_files_are_found_as_tftpd_finds_them(
    boot: BootFiles, path: bytes, expected: bytes | None
) -> None:
    assert content(boot, path) == expected
    found = boot.file_facts(path)
    assert (found and found[0]) == (expected and len(expected))


def test_a_boot_loader_is_known_by_its_content_and_not_by_its_time(boot: BootFiles, tmp_path: Path) -> None:
    before = boot.file_facts(b"pxelinux.0")
    for name, text in (("18", b"loader"), ("19", b"lOader")):
        (tmp_path / "loaders" / name).mkdir()
        loader = tmp_path / "loaders" / name / "pxelinux.0"
        loader.write_bytes(text)
        os.utime(loader, (1, 1))
        os.replace(_link(tmp_path / "loaders/next", name), tmp_path / "loaders/current")
        assert (boot.file_facts(b"pxelinux.0") == before) is (text == b"loader")
    assert all(0 <= number < 2**63 for number in (before or (-1,))[:2]), "it has room in a record"


def test_without_the_images_copies_there_is_no_loader(tmp_path: Path) -> None:
    boot = BootFiles(tmp_path, tmp_path)
    assert boot.file_facts(b"pxelinux.0") is None
    boot.close()


def _link(path: Path, target: str) -> Path:
    path.symlink_to(target)
    return path


NOW = 1_795_467_600  # 2026-11-23, 21:00
ENTRIES = """\
drwxr-xr-x{links:5} 0        0        {size:8} Nov 23 18:13 .
drwxr-xr-x{above:5} 0        0        {top:8} Nov 23 18:13 ..
-rw-r--r--    1 0        0               0 Nov 23 18:13 .hidden
-rw-r--r--    1 0        0               0 Nov 23 18:13 B
-rw-r--r--    1 0        0        5000000000 Jan 02  2020 a-b
-rw-------    1 0        0               3 Nov 26  2026 a.b
lrwxrwxrwx    1 0        0               3 Nov 23 18:13 link -> a.b
-rw-r--r--    1 0        0               0 May 25 21:00 ün
"""


def test_a_listing_is_that_of_vsftpd(tmp_path: Path) -> None:
    """As vsftpd 3.0.5 showed it; the numbers of directories differ between file systems."""
    for name, size, time in ((".hidden", 0, NOW - 9999), ("B", 0, NOW - 9999), ("a.b", 3, NOW + 190_000),
                             ("a-b", 5_000_000_000, 1577934240), ("\udcfcn", 0, NOW - 182 * 86400)):
        path = tmp_path / "dir" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.truncate(path, size)
        os.utime(path, (time, time))
    (tmp_path / "dir/a.b").chmod(0o600)
    (tmp_path / "dir/link").symlink_to("a.b")
    os.utime(tmp_path / "dir/link", (NOW - 9999,) * 2, follow_symlinks=False)
    for folder in (tmp_path / "dir", tmp_path):
        folder.chmod(0o755)
        os.utime(folder, (NOW - 9999,) * 2)
    here, above = os.stat(tmp_path / "dir"), os.stat(tmp_path)
    lines = ENTRIES.format(links=here.st_nlink, size=here.st_size, above=above.st_nlink, top=above.st_size)
    whole = lines.replace("\n", "\r\n").encode("latin-1")
    directory, parent = (os.open(one, os.O_RDONLY) for one in (tmp_path / "dir", tmp_path))
    assert (
        listing.directory_listing(directory, ListingFormat.LONG | ListingFormat.DOTS, NOW, parent=parent)
        == whole
    )
    plain = b"".join(one for one in whole.splitlines(keepends=True) if b" ." not in one[-10:])
    assert listing.directory_listing(directory, ListingFormat.LONG, NOW) == plain
    assert (
        listing.directory_listing(directory, ListingFormat.SHORT, NOW)
        == b"B\r\na-b\r\na.b\r\nlink\r\n\xfcn\r\n"
    )
    assert listing.directory_listing(directory, ListingFormat.LONG, NOW, limit=5) is None, "there are six"
    (tmp_path / "dir/new\nline").touch()
    assert listing.directory_listing(directory, ListingFormat.SHORT, NOW) is None, (
        "vsftpd shows it in another way"
    )
    os.close(directory)
    os.close(parent)


def test_the_digest_of_a_web_listing_is_of_what_it_shows(tmp_path: Path) -> None:
    """Not of what differs between servers with the same tree, such as a directory's own size."""
    for name in ("one", "two"):
        folder = tmp_path / name / "trees"
        (folder / "sub").mkdir(parents=True)
        (folder / "a").write_bytes(b"12345")
        (folder / ".hidden").write_bytes(name.encode())
        (folder / "link").symlink_to("a")
        for entry in ("a", "sub"):
            os.utime(folder / entry, (NOW, NOW))
    one, two = PublishedTree(tmp_path / "one"), PublishedTree(tmp_path / "two")
    facts = one.web_listing_facts(b"/trees/")
    assert facts is not None
    assert facts[0] == DIRECTORY
    assert two.web_listing_facts(b"/trees/") == facts
    assert one.web_listing_facts(b"/trees") == FileFacts(DIRECTORY, 0), "a redirection"
    assert one.web_listing_facts(b"/trees/a") is None
    assert one.web_listing_facts(b"/none/") is None
    changes = (
        lambda folder: (folder / "a").write_bytes(b"123456"), lambda folder: (folder / "new").touch(),
        lambda folder: os.utime(folder / "sub", (NOW, NOW + 60)),
        lambda folder: (folder / "a").rename(folder / "b"),
    )
    for change in changes:
        before = two.web_listing_facts(b"/trees/")
        change(tmp_path / "two/trees")
        assert two.web_listing_facts(b"/trees/") not in (None, before)
    for number in range(1001):
        (tmp_path / f"two/trees/{number}").touch()
    assert two.web_listing_facts(b"/trees/") is None, "too many to be looked at in the event loop"
