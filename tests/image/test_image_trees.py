"""`scripts/twinboot import` and `trees` as an operator calls them, with images that others' programs made."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import medialayouts as layouts
import pytest
from imagestack import COMPOSE, ROOT, docker, wait
from treesmade import published
from twinboot.render import check_files
from twinboot.site import load
from twinboot.trees.manifest import decode
from twinlab.host.images import VERSION, build_test_image

MEDIA_IMAGE = f"twinboot-test/media:{VERSION}"
KILLS = 50
MKISOFS = "xorriso -as mkisofs -quiet"
GENISOIMAGE = "genisoimage -quiet"


class Server:
    """An operator's copy of the project, with trees and site file of its own."""

    def __init__(self, folder: Path) -> None:
        self.project, self.trees, self.media = folder / "project", folder / "trees", folder / "media"
        self.site = self.project / "config/site.yaml"
        for name in ("scripts/twinboot", "scripts/trees.sh", "scripts/settings.sh", "images/versions.env"):
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.project / name)
        (self.project / "compose").mkdir()
        for name in ("compose.yaml", "services.yaml"):
            shutil.copy(COMPOSE / name, self.project / "compose")
        for place in (self.trees, self.media, self.site.parent):
            place.mkdir(exist_ok=True)
        shutil.copy(ROOT / "config/examples/parity.yaml", self.site)
        (self.project / "compose/.env").write_text(
            f"TWINBOOT_SERVER=server1\nTWINBOOT_VERSION={VERSION}\nTWINBOOT_CONFIG=../config\n"
            f"TWINBOOT_TREES={self.trees}\nTWINBOOT_OVERLAY=\n"
        )
        self.name = f"treestest-{os.getpid()}"
        self._env = os.environ | {"COMPOSE_PROJECT_NAME": self.name}

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ("sh", str(self.project / "scripts/twinboot"), *words), cwd=self.media, env=self._env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def call(self, *words: str, code: int | None = 0) -> str:
        """What it says; both ways together."""
        process = self.begin(*words)
        out, err = process.communicate(timeout=300)
        assert code is None or process.returncode == code, f"{words}: {process.returncode}\n{out}{err}"
        return out + err

    def containers(self) -> list[str]:
        return docker("ps", "-q", "--filter", f"label=com.docker.compose.project={self.name}").stdout.split()

    def tree(self, name: str) -> dict[str, bytes]:
        return published(self.trees / name)

    def iso(
        self, name: str, command: str, layout: layouts.Layout | None = None, *, then: str = "true"
    ) -> Path:
        """An image of a layout, or of the folder `name` that is there already."""
        if layout is not None:
            layouts.write(layout, self.media / name)
        docker(
            "run", "--rm", "--network", "none", "-v", f"{self.media}:/media", "-w", "/media",
            MEDIA_IMAGE, "sh", "-ec",
            f"{command} -o '{name}.iso' '{name}' && chmod 0644 '{name}.iso' && {then} '{name}.iso'",
            timeout_s=120,
        )  # fmt: skip
        return self.media / f"{name}.iso"


@pytest.fixture(scope="module")
def server(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    build_test_image(MEDIA_IMAGE, print, again=True)
    made = Server(tmp_path_factory.mktemp("trees"))
    yield made
    subprocess.run(
        ("docker", "compose", "-f", str(made.project / "compose/compose.yaml"), "down", "--volumes",
         "--remove-orphans"),
        env=made._env, capture_output=True, check=False,
    )  # fmt: skip
    docker(
        "run",
        "--rm",
        "-v",
        f"{made.trees}:/trees",
        MEDIA_IMAGE,
        "sh",
        "-c",
        "rm -rf /trees/* /trees/.twinboot",
    )


@pytest.mark.parametrize(("name", "command"), [
    ("joliet", f"{GENISOIMAGE} -J -joliet-long -V X"), ("bridge", f"{GENISOIMAGE} -R -udf -V X"),
    ("with a space", f"{MKISOFS} -R -V X"),
    pytest.param("rockridge", f"{MKISOFS} -R -V X", marks=pytest.mark.long),
    pytest.param("both", f"{MKISOFS} -R -J -joliet-long -V X", marks=pytest.mark.long),
    pytest.param("level4", f"{GENISOIMAGE} -iso-level 4 -V X", marks=pytest.mark.long),
])  # fmt: skip
def test_images_of_every_form_become_the_same_tree(server: Server, name: str, command: str) -> None:
    layout = dict(layouts.alma9())
    server.iso(name, command, layout)
    said = server.call("import", f"{name}.iso", "--name", name.replace(" ", "-"))
    assert "AlmaLinux 9.4" in said
    assert server.tree(name.replace(" ", "-")) == {path: text.encode() for path, text in layout.items()}


def test_plain_iso_9660_is_taken_in_lower_case(server: Server) -> None:
    server.iso("plain", f"{GENISOIMAGE} -V PLAIN", {"BOOT/KERNEL": "kernel", "Data.Txt": "data"})
    said = server.call("import", "plain.iso", "--kernel", "boot/kernel")
    assert "plain ISO 9660" in said
    assert server.tree("plain") == {"boot/kernel": b"kernel", "data.txt": b"data"}


def test_the_iso_of_ubuntu_is_kept_whole(server: Server) -> None:
    iso = server.iso("ubuntu", f"{MKISOFS} -R -J -V Ubuntu-Server", layouts.ubuntu())
    said = server.call("import", "ubuntu.iso")
    assert "checked with the medium's own checksums" in said
    tree = server.tree("ubuntu-24-04")
    assert tree["medium.iso"] == iso.read_bytes()
    assert tree["casper/vmlinuz"] == b"kernel"
    assert "pool/main/b/bash/bash.deb" not in tree
    data = iso.read_bytes().replace(b"a file system", b"A file system")
    (server.media / "damaged ubuntu.iso").write_bytes(data)
    said = server.call("import", "damaged ubuntu.iso", "--name", "damaged", code=1)
    assert "ubuntu-server-minimal.squashfs" in said
    assert not (server.trees / "damaged").exists()


def test_debian_with_its_netboot_archive(server: Server) -> None:
    server.iso("debian", f"{MKISOFS} -R -J -V Debian", layouts.debian13())
    layouts.write(layouts.debian13_netboot(), server.media / "netboot")
    with tarfile.open(server.media / "netboot.tar.gz", "w:gz") as archive:
        archive.add(server.media / "netboot", ".")
    said = server.call("import", "debian.iso", "--netboot", "netboot.tar.gz")
    assert "kernel: debian-installer/amd64/linux" in said
    tree = server.tree("debian-13")
    assert tree["debian-installer/amd64/initrd.gz"] == b"netboot initrd"
    assert tree["pool/main/b/bash/bash_5.2.deb"] == b"deb"
    assert os.readlink(server.trees / "debian-13/pxelinux.0") == "debian-installer/amd64/pxelinux.0"
    server.call("trees", "verify", "debian-13")


def test_an_implanted_md5_is_compared(server: Server) -> None:
    iso = server.iso("implanted", f"{MKISOFS} -R -V X", layouts.fedora41(), then="implantisomd5")
    server.call("import", "implanted.iso", "--name", "implanted")
    data = bytearray(iso.read_bytes())
    data[-100_000] ^= 1  # in the padding, which no checksum of a file covers
    (server.media / "rotten.iso").write_bytes(data)
    checked = subprocess.run(("docker", "run", "--rm", "-v", f"{server.media}:/m:ro",
    MEDIA_IMAGE, "checkisomd5",
                              "/m/rotten.iso"), check=False)  # fmt: skip
    said = server.call("import", "rotten.iso", "--name", "rotten", code=1)
    assert checked.returncode == 1
    odd = {**layouts.fedora41(), "images/install.img": "changed after .treeinfo was written"}
    server.iso("odd", f"{MKISOFS} -R -V X", odd, then="implantisomd5")
    assert "do not hold for images/install.img" in server.call("import", "odd.iso", "--name", "odd")
    server.iso("odd2", f"{MKISOFS} -R -V X", odd)
    assert "damaged" in server.call("import", "odd2.iso", "--name", "odd2", code=1)
    assert "implanted MD5" in said


def test_what_is_no_medium_is_refused_in_one_line(server: Server) -> None:
    whole = server.iso("whole", f"{MKISOFS} -R -V X", layouts.alma9() | {"big": "x" * 3_000_000}).read_bytes()
    (server.media / "short.iso").write_bytes(whole[:-2_000_000])
    (server.media / "little-short.iso").write_bytes(whole[:-400_000])
    (server.media / "text.iso").write_text("I am no ISO\n" * 10_000)
    (server.media / "empty.iso").write_bytes(b"")
    for name, word in {"short.iso": "cut short", "little-short.iso": "", "text.iso": "no ISO",
    "empty.iso": "no ISO",
                       "gone.iso": "not there", "/dev/null": "no ISO"}.items():  # fmt: skip
        said = server.call("import", name, "--name", "none", code=None)
        assert word in said
        assert "Traceback" not in said
        assert len(said.strip().splitlines()) <= 8
        assert not (server.trees / "none").exists()
    server.iso("foreign", f"{MKISOFS} -R -V X", layouts.alma9("ppc64le"))
    assert "ppc64le" in server.call("import", "foreign.iso", code=1)
    server.iso("pictures", f"{MKISOFS} -R -J -V HOLIDAY", {"a b/beach.jpg": "sand", "index.html": "<p>"})
    said = server.call("import", "pictures.iso", code=1)
    for word in (".treeinfo", ".disk/info", "media.1", "LiveOS", "--kernel", "index.html"):
        assert word in said, "what was looked for, and what is there"


def test_links_of_an_image_that_lead_out_of_it_are_left_out(server: Server) -> None:
    links = {
        "in": "Packages/b/bash.rpm", "absolute": "/etc/passwd", "out": "../../outside", "here": ".",
        "round": "here/../../etc/passwd",
    }  # fmt: skip
    layout = {**layouts.fedora41(), **{name: f"->{target}" for name, target in links.items()}}
    server.iso("links", f"{MKISOFS} -R -V X", layout)
    said = server.call("import", "links.iso", "--name", "links", "--unchecked")
    for name in ("absolute", "out", "round"):
        assert f"{name} is left out" in said
        assert not os.path.lexists(server.trees / "links" / name)
    for name in ("in", "here"):
        assert os.readlink(server.trees / "links" / name) == links[name]


def test_names_that_differ_in_case_alone_are_two_files(server: Server) -> None:
    layout = {**layouts.fedora41(), "README": "loud", "readme": "low", "Dir/x": "1", "dir/x": "2"}
    server.iso("cases", f"{MKISOFS} -R -V X", layout)
    server.call("import", "cases.iso", "--name", "cases")
    tree = server.tree("cases")
    assert [tree[one] for one in ("README", "readme", "Dir/x", "dir/x")] == [b"loud", b"low", b"1", b"2"]


def test_a_tree_goes_into_the_site_file_and_out_again(server: Server) -> None:
    server.iso("site", f"{MKISOFS} -R -V X", layouts.without_loaders(layouts.alma9()))
    before = server.site.read_text()
    said = server.call("import", "site.iso", "--add", "--name", "mine")
    assert "profiles.mine" in said
    rows = server.site.read_text().splitlines()
    for row in before.splitlines():
        rows.remove(row)
    assert "  mine:" in rows
    assert "mine" in server.call("import", "site.iso", "--add", "--name", "mine", code=1)
    listed = server.call("trees", "list")
    assert "kickstart RHEL9" in listed
    assert "mine" in server.call("trees", "remove", "mine", "--yes", code=1)
    server.site.write_text(before)
    server.call("trees", "remove", "mine", "--yes")
    assert not (server.trees / "mine").exists()


@pytest.mark.parametrize(("name", "layout", "words"), [
    pytest.param("rhel", layouts.without_loaders(layouts.alma9()), (), marks=pytest.mark.long),
    pytest.param("debian", layouts.without_loaders(layouts.debian13() | layouts.debian13_netboot()), (),
                 marks=pytest.mark.long),
    ("ubuntu", layouts.without_loaders(layouts.ubuntu()), ()),
    ("leap15", layouts.without_loaders(layouts.leap15()), ()),
    pytest.param("sles16", layouts.without_loaders(layouts.sles16()), (), marks=pytest.mark.long),
    ("memtest", {"boot/memtest": "kernel"}, ("--kernel", "boot/memtest")),
])  # fmt: skip
def test_images_of_every_kind_go_into_the_site_file(
    server: Server, name: str, layout: layouts.Layout, words: tuple[str, ...]
) -> None:
    """What is added has no fault; comments and all other lines stay."""
    before = server.site.read_text()
    server.iso(f"add-{name}", f"{MKISOFS} -R -J -V X", layout)
    try:
        server.call("import", f"add-{name}.iso", "--add", "--unchecked", "--name", name, *words)
        rows = server.site.read_text().splitlines()
        for row in before.splitlines():
            rows.remove(row)
        assert rows.count(f"  {name}:") == 2
        faults = check_files(load(server.site), server.trees, (ROOT / "config/templates",))
        assert [one for one in faults if name in one.path] == []
    finally:
        server.site.write_text(before)


def test_what_was_changed_is_named(server: Server) -> None:
    server.iso("verify", f"{MKISOFS} -R -V X", layouts.alma9())
    server.call("import", "verify.iso", "--name", "verify")
    server.call("trees", "verify", "verify")
    docker("run", "--rm", "-v", f"{server.trees}:/t", MEDIA_IMAGE, "sh", "-ec",
           "cd /t/verify; touch -r .treeinfo /tmp/t; printf 'stage 3' >images/install.img; "
           "touch -r /tmp/t images/install.img; rm AppStream/Packages/*; echo >'BaseOS/a new'")  # fmt: skip
    said = server.call("trees", "verify", "verify", code=1)
    for word in ("images/install.img", "AppStream/Packages/a b.rpm", "BaseOS/a new"):
        assert word in said
    docker("run", "--rm", "-v", f"{server.trees}:/t", MEDIA_IMAGE, "sed", "-i", "s/RHEL9/RHEL8/",
           "/t/verify/.twinboot.json")  # fmt: skip
    assert "was changed" in server.call("trees", "verify", "verify", code=1)
    assert "verify" in server.call("trees", "remove", "verify", "--yes", code=1)


@pytest.fixture(scope="module")
def big(server: Server) -> dict[str, bytes]:
    """The content of big.iso, which takes a while."""
    folder = server.media / "big"
    for number in range(40):
        place = folder / f"packages {number % 4}/{number}.rpm"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(random.Random(number).randbytes(40_000 * number))
    (folder / "kernel").write_bytes(b"kernel")
    server.iso("big", f"{MKISOFS} -R -V BIG")
    return published(folder)


@pytest.mark.parametrize("kills", [3, pytest.param(KILLS, marks=pytest.mark.long)])
def test_kills_at_random_moments_leave_no_half_tree_and_lose_none(
    server: Server, big: dict[str, bytes], kills: int
) -> None:
    """A machine that was busy while `took` was measured is quicker afterwards: then it is taken for less, and
    there are more kills, until one was in the midst."""
    chance, number, ended = random.Random(2008), 0, 0
    took = _time(server, f"t{kills}")
    while number < kills or ended == number:
        assert number < kills + 10, "each import ended before it was killed"
        process = server.begin("import", "big.iso", "--kernel", "kernel", "--name", "t")
        time.sleep(chance.uniform(0.2, took * (1.1 if kills == KILLS else 0.8)))
        if number % 2:
            process.kill()  # scripts/twinboot itself: the container ends by itself
        else:
            for one in server.containers():
                docker("kill", one, check=False)
        process.communicate(timeout=60)
        wait("no container is left", lambda: not server.containers(), 20)
        if (server.trees / "t").exists():
            ended, took = ended + 1, 0.8 * took
            assert server.tree("t") == big
            decode((server.trees / "t/.twinboot.json").read_text())
        if number % 10 == 9 or (server.trees / "t").exists():
            server.call("import", "big.iso", "--kernel", "kernel", "--name", "t")
            assert server.tree("t") == big
            server.call("trees", "remove", "t", "--yes")
        number += 1
    # what the last kill left is cleared away
    server.call("import", "big.iso", "--kernel", "kernel", "--name", "t")
    assert server.tree("t") == big
    server.call("trees", "remove", "t", "--yes")
    left = docker("run", "--rm", "-v", f"{server.trees}:/t:ro", MEDIA_IMAGE, "ls", "/t/.twinboot").stdout
    assert not [one for one in left.split() if one.startswith("t.")]


def _time(server: Server, name: str) -> float:
    began = time.monotonic()
    server.call("import", "big.iso", "--kernel", "kernel", "--name", name)
    return time.monotonic() - began


def test_two_at_once_and_the_second_is_refused(server: Server, big: dict[str, bytes]) -> None:
    calls = [server.begin("import", "big.iso", "--kernel", "kernel", "--name", "twice") for _ in range(2)]
    said = [call.communicate(timeout=120) for call in calls]
    codes = sorted(call.returncode for call in calls)
    assert codes in ([0, 1], [0, 0]), said  # the second may find it done
    if codes == [0, 1]:
        assert any("another import" in err for _, err in said)
    assert server.tree("twice") == big


FILLED_MEANWHILE = """
twinboot "$@" & import=$!
at() { [ -e "$1" ]; }
until at /srv/trees/.twinboot/t.importing/*0; do :; done
kill -STOP $import
cat /dev/zero >/srv/trees/others 2>/dev/null
kill -CONT $import
wait $import
"""


def test_a_disk_that_fills_up_meanwhile(server: Server, big: dict[str, bytes]) -> None:
    """A tmpfs in place of the disk; the import stands still while somebody else takes the room."""
    volume, image = f"{server.name}-full", f"twinboot/sidecar:{VERSION}"
    size = sum(map(len, big.values())) + 4_000_000
    docker("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", f"o=size={size}", volume)
    run = (
        "run", "--network", "none", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "-v",
        f"{volume}:/srv/trees", "-v", f"{server.media}:/m:ro", "-v", f"{server.site.parent}:/config:ro",
    )  # fmt: skip
    words = ("import", "/m/big.iso", "--kernel", "kernel", "--name", "t")
    # a tmpfs is there for as long as somebody has it mounted
    keeper = docker(*run, "-d", "--entrypoint", "sleep", image, "600").stdout.strip()
    try:
        shell = (*run, "--rm", "--entrypoint", "sh", image, "-c", FILLED_MEANWHILE, "sh")
        filled = docker(*shell, *words, check=False, timeout_s=300)
        assert filled.returncode == 1, filled.stdout + filled.stderr
        assert "is full" in filled.stderr
        assert docker("exec", keeper, "ls", "/srv/trees").stdout.split() == ["others"]
        again = docker(*run, "--rm", image, *words, check=False, timeout_s=300)
        assert again.returncode == 1
        assert "no room" in again.stderr
        docker("exec", keeper, "rm", "/srv/trees/others")
        docker(*run, "--rm", image, *words, timeout_s=300)
        listed = json.loads(docker("exec", keeper, "cat", "/srv/trees/t/.twinboot.json").stdout)
        assert len(listed["files"]) == len(big)
    finally:
        users = docker("ps", "-aq", "--filter", f"volume={volume}").stdout.split()
        docker("rm", "-f", *users, check=False)
        docker("volume", "rm", "-f", volume, check=False)


def test_a_trees_folder_that_cannot_be_written_is_told(server: Server) -> None:
    server.iso("ro", f"{MKISOFS} -R -V X", layouts.alma9())
    done = docker("run", "--rm", "-v", f"{server.media}:/m:ro", "-v", f"{server.trees}:/srv/trees:ro",
                  f"twinboot/sidecar:{VERSION}", "import", "/m/ro.iso", "--name", "ro",
                  check=False)  # fmt: skip
    assert done.returncode == 1
    assert "read-only" in done.stderr
