"""Backup and restore on folders: all is there again, what is in the way stays, nothing is half done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twinboot import kept
from twinboot.adapters.machine_store import MachineStore
from twinboot.bundle import sealed
from twinboot.bundle.parts import Bundle, BundleError, unpack
from twinboot.commands.backup import collecting, making, placing, restoring, settings
from twinboot.commands.backup.collecting import BackupPaths
from twinboot.commands.backup.restoring import InTheWayError, carried_out
from twinboot.machines.record import Record, Step, decode, encode
from twinboot.rollout.model import Committed, Version
from twinboot.rollout.record import Record as SiteRecord

EXAMPLE = (Path(__file__).parents[3] / "config/examples/parity.yaml").read_text()
PHRASE = "correct horse"
WRITES = 13
"""Of a restore: 4 files of the folder config, 9 of the volumes."""
DONE = Record(step=Step.DONE, token="t")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "SCRYPT", {"n": 1 << 4, "r": 8, "p": 1})


def place(top: Path) -> BackupPaths:
    made = BackupPaths(top / "config", top / "state", top / "leases", top / "compose/.env", top / "image")
    for folder in (made.config, made.state, made.leases, made.settings.parent, made.templates):
        folder.mkdir(parents=True)
    return made


def server(top: Path) -> BackupPaths:
    made = place(top)
    (made.config / "site.yaml").write_text(EXAMPLE)
    (made.config / "secrets/deep").mkdir(parents=True)
    for name in ("secrets/heartbeat.key", "secrets/deep/root.hash"):
        (made.config / name).write_text(f"the contents of {name}")
        (made.config / name).chmod(0o600)
    for folder, texts in ((made.templates, ("same", "a")), (made.config / "templates", ("same", "mine"))):
        (folder / "k").mkdir(parents=True)
        for number, text in enumerate(texts):
            (folder / f"k/{number}.j2").write_text(text)
    (made.config / "README.md").write_text("the project's")
    (made.config / "secrets" / (collecting.KEPT + "x")).mkdir()
    (made.config / "secrets" / (collecting.KEPT + "x") / "old").write_text("old")
    record = SiteRecord(Committed(Version(7, b"d"), EXAMPLE))
    (made.state / "site.json").write_bytes(record.encode())
    (made.state / "history.json").write_text("{}")
    (made.state / "audit.jsonl").write_text('{"id": "2"}\n')
    (made.state / "audit.jsonl.1").write_text('{"id": "1"}\n')
    (made.state / "unknown-machines.jsonl").write_text('{"mac": "52:54:00:00:00:01"}\n')
    (made.state / "peer-macs.json").write_text("{}")
    (made.state / "sites").mkdir(mode=0o700)
    (made.state / "sites/7").write_bytes(bytes(range(256)))
    (made.state / "logs").mkdir(mode=0o700)
    for at, name in enumerate(("cli128.log", "cli128.log.old", "cli128.new")):
        (made.state / "logs" / name).write_text(f"kernel: größer {name}\n")
        os.utime(made.state / "logs" / name, (1e9 + at, 1e9 + at))
    (made.leases / "twinboot.leases").write_text("twinboot-leases 1\n")
    made.settings.write_text(
        "TWINBOOT_SERVER=server1\nTWINBOOT_CONFIG=/else\nTWINBOOT_REGISTRY=here\nTWINBOOT_VERSION=9\n")
    store = MachineStore(made.state / "machines.sqlite")
    store.write({"cli128": encode(DONE)})
    store.close()
    return made


def read(place: BackupPaths) -> dict[str, Record]:
    store = MachineStore(place.state / "machines.sqlite")
    found = {name: decode(data) for name, data in store.read().items()}
    store.close()
    return found


def backed_up(source: BackupPaths) -> Bundle:
    data, words = making.made(source, PHRASE, "server1")
    assert words.startswith("server1 (site 7, 1 machines")
    return unpack(sealed.unseal(data, PHRASE))


def listing(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_all_is_there_again_on_an_empty_server(tmp_path: Path) -> None:
    source, target = server(tmp_path / "a"), place(tmp_path / "b")
    target.settings.write_text("# example\nTWINBOOT_SERVER=\nTWINBOOT_CONFIG=../config\nTWINBOOT_REGISTRY=\n")
    done = carried_out(backed_up(source), target, replace=False, keep_orders=False)
    config = listing(target.config)
    assert config.keys() == {
        "site.yaml", "secrets/heartbeat.key", "secrets/deep/root.hash", "templates/k/1.j2"}
    assert config["secrets/deep/root.hash"] == b"the contents of secrets/deep/root.hash"
    assert (target.config / "secrets/heartbeat.key").stat().st_mode & 0o777 == 0o600
    assert (target.config / "secrets").stat().st_mode & 0o077 == 0
    for one in kept.TABLE:
        if one.part and one not in (kept.MACHINES, kept.LOGS, kept.SITES):
            assert target.kept(one).read_bytes() == source.kept(one).read_bytes()
            assert target.kept(one).stat().st_mode & 0o777 == one.mode
    logs = target.kept(kept.LOGS)
    assert {path.name: (path.read_text(), path.stat().st_mtime) for path in logs.iterdir()} == {
        "cli128.log": ("kernel: größer cli128.log\n", 1e9),
        "cli128.log.old": ("kernel: größer cli128.log.old\n", 1e9 + 1),
    }
    assert {logs.stat().st_mode & 0o777, (logs / "cli128.log").stat().st_mode & 0o077} == {0o700, 0}
    assert (target.kept(kept.SITES) / "7").read_bytes() == bytes(range(256))
    assert not target.kept(kept.PEER_MACS).exists()
    assert done.waiting == ("cli129",), "its install was not heard of; cli128 is installed"
    found = read(target)
    assert found["cli128"] == DONE
    assert found["cli129"].restored
    assert "cli129" in "\n".join(restoring.told_lines(backed_up(source), done))
    assert target.settings.read_text() == (
        "# example\nTWINBOOT_CONFIG=../config\nTWINBOOT_SERVER=server1\nTWINBOOT_REGISTRY=here\n")


def test_orders_are_kept_when_that_is_asked_for(tmp_path: Path) -> None:
    source, target = server(tmp_path / "a"), place(tmp_path / "b")
    assert carried_out(backed_up(source), target, replace=False, keep_orders=True).waiting == ()
    assert read(target) == {"cli128": DONE}


def test_what_is_in_the_way_is_named_and_stays(tmp_path: Path) -> None:
    bundle, target = backed_up(server(tmp_path / "a")), server(tmp_path / "b")
    (target.config / "site.yaml").write_text("another: site\n")
    target.settings.write_text("TWINBOOT_SERVER=server2\n")
    before = listing(tmp_path / "b")
    with pytest.raises(InTheWayError) as refused:
        carried_out(bundle, target, replace=False, keep_orders=False)
    for words in ("config/site.yaml", "volume state", "volume leases", "this is server2"):
        assert words in str(refused.value)
    assert listing(tmp_path / "b") == before
    done = carried_out(bundle, target, replace=True, keep_orders=False)
    assert len(done.kept) == 3
    aside = {name: data for name, data in listing(tmp_path / "b").items() if collecting.KEPT in name}
    assert b"another: site\n" in aside.values()
    for one in kept.TABLE:
        if one.part:
            assert any(name.startswith(one.volume.value) and f"/{one.name}" in name for name in aside), one
    assert (target.config / "site.yaml").read_text() == EXAMPLE
    assert read(target)["cli129"].restored
    assert target.settings.read_text() == "TWINBOOT_SERVER=server2\n"


def test_an_interrupted_restore_leaves_no_server_without_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever write fails: there are no records at all only where there were none before any write."""
    bundle, real = backed_up(server(tmp_path / "a")), placing.write
    for number in range(WRITES):
        target, calls = server(tmp_path / f"b{number}"), iter(range(100))

        def failing(*arguments: Any, calls: Iterator[int] = calls, number: int = number) -> None:
            if next(calls) >= number:
                raise OSError("no space left")
            real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(placing, "write", failing)
            with pytest.raises(OSError, match="no space"):
                carried_out(bundle, target, replace=True, keep_orders=False)
        assert read(target)["cli129"].restored


def test_a_site_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    source, target = server(tmp_path / "a"), place(tmp_path / "b")
    record = SiteRecord(Committed(Version(7, b"d"), EXAMPLE + "colour: red\n"))
    (source.state / "site.json").write_bytes(record.encode())
    with pytest.raises(BundleError, match="colour"):
        carried_out(backed_up(source), target, replace=False, keep_orders=False)
    assert listing(tmp_path / "b") == {}


def test_a_backup_is_written_whole_and_replaces_only_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, _ = making.made(server(tmp_path / "a"), PHRASE, "server1")
    path = tmp_path / "one.backup"
    making.write(path, data)
    assert path.stat().st_mode & 0o777 == 0o600
    making.write(path, data)
    (tmp_path / "thesis").write_text("years of work")
    with pytest.raises(BundleError, match="is no backup"):
        making.write(tmp_path / "thesis", data)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        making.write(tmp_path / "two.backup", data)
    assert {one.name for one in tmp_path.iterdir()} == {"a", "one.backup", "thesis"}


def test_of_too_many_logs_those_that_were_heard_last_go_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = server(tmp_path / "a")
    monkeypatch.setattr(kept, "LOG_BYTES", 40)
    found = collecting.texts_of(backed_up(source).parts[kept.LOGS.part].data)
    assert [one.name for one in found] == ["cli128.log.old"]
    with pytest.raises(ValueError, match="no name of a file"):
        collecting.texts_of(b'["../site.json", 1, "x"]\n')


def test_a_server_that_was_never_set_up_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="never set up"):
        making.made(place(tmp_path), PHRASE, "")


def test_settings_of_a_peer_are_those_of_all_servers() -> None:
    text = "TWINBOOT_SERVER=server1\nTWINBOOT_TFTP_IMAGE=mine\nTWINBOOT_BIND_IMAGE=\nTWINBOOT_TREES=/a\n"
    assert settings.of_a_peer(text) == {"TWINBOOT_TFTP_IMAGE": "mine"}
