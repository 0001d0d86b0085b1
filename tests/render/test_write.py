"""Generations: whole or not at all, what changed is named, few old ones stay."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from rendering import EXAMPLES, ROOT, rendered, site, with_profile
from twinboot.adapters.steer_links import INSTALL, LOCAL, SteerLinks, Way
from twinboot.daemons import DAEMONS
from twinboot.render import Rendered, apply, write
from twinboot.render.generations import read_current, read_zones
from twinboot.site import SiteError

ALL = sorted({*(one.etc for one in DAEMONS if one.etc), "sidecar"})
SMALL = Rendered({"a/one": "1\n", "b/two": "2\n"}, {"p/x": "x\n"})


@pytest.fixture
def dirs(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "etc", tmp_path / "pub"


def generations(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("g-*"))


def test_first_write_changes_every_service(dirs: tuple[Path, Path]) -> None:
    assert write(rendered(site()), *dirs) == ALL
    assert read_current(dirs[0]) == rendered(site()).etc
    found, made = read_current(dirs[1]), rendered(site())
    assert {path: text for path, text in found.items() if not path.startswith("ways/install/")} == {
        path: text for path, text in made.pub.items() if path not in made.steered
    }  # fmt: skip


def test_a_hosts_boot_files_are_what_its_one_link_says(dirs: tuple[Path, Path]) -> None:
    made = rendered(site())
    write(made, *dirs)
    links = SteerLinks(dirs[1] / "steer")
    own = [path for path in made.steered if "host.cli128" in path or "01-52-54-00-00-01-28" in path]
    assert {Path(path).suffix for path in own} >= {".cli128", ".ipxe"}, "of each loader"
    for path in own:
        assert not (dirs[1] / "current" / path).exists(), "nobody has said that it may be installed"
    for installs in (True, False, True):
        links.set({"cli128": Way(INSTALL if installs else LOCAL), "cli129": Way(LOCAL)})
        for path in own:
            text = (dirs[1] / "current" / path).read_text()
            loader = made.steered[path].rpartition("/")[2]
            assert text == made.pub[path if installs else f"ways/local/{loader}"]
    assert "LOCALBOOT 0" in made.pub["ways/local/pxelinux"]
    assert "APPEND" not in made.pub["ways/local/pxelinux"]
    other = next(path for path in made.steered if "pxelinux.cfg/host.cli129" in path)
    assert (dirs[1] / "current" / other).read_text() == made.pub["ways/local/pxelinux"]
    links.keep_only(["cli128"])
    assert sorted(path.name for path in (dirs[1] / "steer").iterdir()) == ["cli128"]
    assert write(rendered(with_profile(message="another")), *dirs) == ["sidecar"]
    assert "another" in (dirs[1] / "current/tftp/rh9.msg").read_text()
    assert (dirs[1] / "current" / own[0]).exists(), "the links outlive a generation"


def test_the_same_again_changes_nothing(dirs: tuple[Path, Path]) -> None:
    write(SMALL, *dirs)
    before = os.readlink(dirs[0] / "current")
    assert write(SMALL, *dirs) == []
    assert os.readlink(dirs[0] / "current") == before
    assert len(generations(dirs[0])) == 1


def test_changed_services_are_named(dirs: tuple[Path, Path]) -> None:
    write(SMALL, *dirs)
    assert write(Rendered({"a/one": "1\n", "b/two": "new\n"}, {"p/x": "y\n"}), *dirs) == ["b"]
    assert write(Rendered({"a/one": "1\n"}, {"p/x": "y\n"}), *dirs) == ["b"]
    assert write(Rendered({"a/one": "1\n", "a/more": ""}, {"p/x": "y\n"}), *dirs) == ["a"]
    assert (dirs[1] / "current/p/x").read_text() == "y\n"


def test_equal_files_have_equal_times_on_every_server(tmp_path: Path) -> None:
    """What HTTP's validators are made of, and what a taken-over download is compared by."""
    roots = [tmp_path / server / kind for server in ("server1", "server2") for kind in ("etc", "pub")]
    for etc, pub in (roots[:2], roots[2:]):
        write(rendered(site(), etc.parent.name), etc, pub)
    times = [
        {str(path.relative_to(root)): path.stat().st_mtime_ns for path in (root / "current/").rglob("*.ks")}
        for root in (roots[1], roots[3])
    ]
    assert times[0] == times[1]
    assert len(set(times[0].values())) == len(times[0]) > 2, "files that differ have other times"
    assert max(times[0].values()) < 1_800_000_000 * 10**9


def test_everyone_may_read_whatever_the_umask(dirs: tuple[Path, Path]) -> None:
    old = os.umask(0o077)
    try:
        write(SMALL, *dirs)
    finally:
        os.umask(old)
    for root in dirs:
        for path in (root / "current").resolve().rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)
        assert stat.S_IMODE((root / "current").resolve().stat().st_mode) == 0o755


def test_few_old_generations_stay(dirs: tuple[Path, Path]) -> None:
    for number in range(8):
        write(Rendered({"a/n": f"{number}\n"}, {"p/n": f"{number}\n"}), *dirs)
    for root in dirs:
        assert len(generations(root)) == 3
    assert (dirs[0] / "current/a/n").read_text() == "7\n"


def test_links_stay_within_their_directory(dirs: tuple[Path, Path]) -> None:
    """The pub directory is mounted elsewhere, below a chroot: an absolute link would lead nowhere."""
    write(SMALL, *dirs)
    for root in dirs:
        assert "/" not in os.readlink(root / "current")


@pytest.mark.parametrize("fails", ["write", "rename"])
def test_a_full_disk_leaves_the_old_generation(
    dirs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """The second directory fails: the first must not have been switched either."""
    write(SMALL, *dirs)
    real_open, real_rename = Path.open, Path.rename

    def full(path: Path, *args: object, **options: object) -> object:
        if path.name == "two":
            raise OSError(28, "No space left on device")
        return real_open(path, *args, **options)  # type: ignore[call-overload]

    def no_rename(path: Path, target: Path) -> Path:
        if target.parent == dirs[0] and path.name.startswith(".new-"):
            raise OSError(28, "No space left on device")
        return real_rename(path, target)

    monkeypatch.setattr(Path, "open", full) if fails == "write" else monkeypatch.setattr(
        Path, "rename", no_rename
    )
    with pytest.raises(OSError, match="No space"):
        write(Rendered({"a/one": "new\n", "b/two": "new\n"}, {"p/x": "new\n"}), *dirs)
    monkeypatch.undo()
    assert read_current(dirs[0]) == SMALL.etc
    assert read_current(dirs[1]) == SMALL.pub
    assert write(SMALL, *dirs) == []
    assert not list(dirs[0].glob(".new-*"))


def test_leavings_of_a_crash_are_cleared(dirs: tuple[Path, Path]) -> None:
    for root in dirs:
        (root / ".new-g-0123/x").mkdir(parents=True)
    dirs[0].joinpath(".current-new").symlink_to("g-nowhere")
    write(SMALL, *dirs)
    assert read_current(dirs[0]) == SMALL.etc
    assert [path.name for root in dirs for path in root.glob(".new-*")] == []


def test_a_damaged_generation_is_replaced(dirs: tuple[Path, Path]) -> None:
    """After a power cut files may be empty: the next write must notice, though the name is right."""
    write(SMALL, *dirs)
    (dirs[0] / "current/a/one").write_text("")
    assert write(SMALL, *dirs) == ["a"]
    assert read_current(dirs[0]) == SMALL.etc


def test_unreadable_leftovers_do_not_stop_a_write(dirs: tuple[Path, Path]) -> None:
    write(SMALL, *dirs)
    (dirs[0] / "current/a/one").write_bytes(b"\xff\xfe")
    assert write(SMALL, *dirs) == ["a"]


def test_apply_renders_a_config_directory(tmp_path: Path, dirs: tuple[Path, Path]) -> None:
    config = tmp_path / "config"
    (config / "templates/vsftpd").mkdir(parents=True)
    (config / "site.yaml").write_text((EXAMPLES / "parity.yaml").read_text())
    assert apply(config, "server1", *dirs, tmp_path) == ALL
    assert "url --url=" in (dirs[1] / "current/ks/cli128.ks").read_text()
    own, local = ("example.lan", "0.168.192.in-addr.arpa"), ("localhost", "127.in-addr.arpa")
    assert read_zones(dirs[0]).keys() == {f"bind/{name}.zone" for name in own + local}
    assert apply(config, "server1", *dirs, tmp_path) == []

    mine = config / "templates/vsftpd/vsftpd.conf.j2"
    mine.write_text((ROOT / "config/templates/vsftpd/vsftpd.conf.j2").read_text() + "max_clients=9\n")
    assert apply(config, "server1", *dirs, tmp_path) == ["vsftpd"]
    assert "max_clients=9" in (dirs[0] / "current/vsftpd/vsftpd.conf").read_text()

    text = (config / "site.yaml").read_text()
    (config / "site.yaml").write_text(
        text.replace("type: A, value: 192.168.0.20", "type: A, value: 192.168.0.21")
    )
    assert apply(config, "server1", *dirs, tmp_path) == ["bind", "sidecar"]
    assert "  2 ; serial" in (dirs[0] / "current/bind/example.lan.zone").read_text()


def test_apply_looks_into_the_trees(tmp_path: Path, dirs: tuple[Path, Path]) -> None:
    (tmp_path / "site.yaml").write_text((EXAMPLES / "parity.yaml").read_text())
    (tmp_path / "trees/rh9/repodata").mkdir(parents=True)
    (tmp_path / "trees/rh9/repodata/repomd.xml").touch()
    (tmp_path / "trees/rh9/.treeinfo").write_text("[general]\nrepository = .\n")
    apply(tmp_path, "server1", *dirs, tmp_path / "trees")
    assert "url --mirrorlist=" in (dirs[1] / "current/ks/cli128.ks").read_text()


def test_apply_reads_secrets_and_names_those_that_are_missing(
    tmp_path: Path, dirs: tuple[Path, Path]
) -> None:
    config = tmp_path / "config"
    (config / "secrets").mkdir(parents=True)
    text = (EXAMPLES / "parity.yaml").read_text()
    (config / "site.yaml").write_text(text.replace("method: ftp", "rootpw_file: secrets/root.hash"))
    with pytest.raises(SiteError, match=r"profiles\.rh9\.rootpw_file"):
        apply(config, "server1", *dirs, tmp_path)
    assert not dirs[0].exists()
    (config / "secrets/root.hash").write_text("$6$s$h\n")
    apply(config, "server1", *dirs, tmp_path)
    own = dirs[1] / "current/private/192.168.0.128/ks/cli128.ks"
    assert "rootpw --iscrypted $6$s$h\n" in own.read_text()


def test_a_wrong_template_is_named_with_its_line(tmp_path: Path, dirs: tuple[Path, Path]) -> None:
    config = tmp_path / "config"
    (config / "templates/kickstart").mkdir(parents=True)
    (config / "site.yaml").write_text((EXAMPLES / "parity.yaml").read_text())
    own = config / "templates/kickstart/default.ks.j2"
    own.write_text("text\n{% if x %}\n{% endfor %}\n")
    with pytest.raises(SiteError, match=r"kickstart/default\.ks\.j2:3"):
        apply(config, "server1", *dirs, tmp_path)
    own.write_text("{{ nothing_of_this_name }}")
    with pytest.raises(SiteError, match="nothing_of_this_name"):
        apply(config, "server1", *dirs, tmp_path)
