"""The disk watch: what it says of a full disk, of a slow one, and of one that hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.adapters import disk
from twinboot.agent.health.disk import SLOW_S, DiskMonitor
from twinboot.errors import ResourceError


class Disk:
    """Writes that fail or take time on a clock of their own."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.takes_s = 0.0
        self.error = ""
        self.told: list[str] = []
        self.watch = DiskMonitor(self.write, lambda: self.now_s)

    def write(self) -> None:
        self.now_s += self.takes_s
        self.told.append(self.watch.fault)  # as status would see it while the write goes on
        if self.error:
            raise ResourceError("/var/lib/twinboot", self.error)


def test_a_full_disk_is_told_until_there_is_room() -> None:
    rig = Disk()
    rig.watch.check_once()
    assert rig.watch.fault == ""
    rig.error = "No space left on device"
    rig.watch.check_once()
    assert rig.watch.fault == "/var/lib/twinboot: No space left on device"
    rig.error = ""
    rig.watch.check_once()
    assert rig.watch.fault == ""


def test_a_write_that_hangs_is_told_while_it_hangs() -> None:
    rig = Disk()
    rig.takes_s = SLOW_S + 20
    rig.watch.check_once()
    assert rig.told == ["a small write has not ended after 22 s"]
    assert rig.watch.fault == "a small write took 21.5 s"
    rig.takes_s = 0.1
    rig.watch.check_once()
    assert rig.watch.fault == ""


def test_it_is_logged_once_when_it_begins_and_once_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="twinboot")
    rig = Disk()
    for error in ("", "Read-only file system", "Read-only file system", "", ""):
        rig.error = error
        rig.watch.check_once()
    assert [record.getMessage() for record in caplog.records] == ["disk-fault", "disk-recovered"]


def test_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    disk.try_writing(tmp_path / "probe")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="gone: No such file"):
        disk.try_writing(tmp_path / "gone" / "probe")
