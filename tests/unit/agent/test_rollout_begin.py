"""What an agent works by when it starts: the committed site, rendered; what it keeps over its death."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from sitechange import EXAMPLES, GOOD
from twinboot.agent.rollout.begin import begin, rendered_version, version_of
from twinboot.agent.rollout.edited import EditedFile, FileState
from twinboot.agent.rollout.pending import PendingRestarts
from twinboot.core.model import ServiceState
from twinboot.errors import ResourceError
from twinboot.render import apply
from twinboot.rollout.model import Committed
from twinboot.rollout.record import Record, decode_record
from twinboot.site import loads

TEXT = (EXAMPLES / "parity.yaml").read_text()


class Disk:
    def __init__(self, data: bytes | None = None) -> None:
        self.data = data

    def read(self) -> bytes | None:
        return self.data

    def write(self, data: bytes) -> None:
        self.data = data


class Render:
    """The service `render`: really renders what the record says, when it is started."""

    def __init__(self, folder: Path, disk: Disk, *, works: bool = True) -> None:
        self.folder, self.disk, self.works = folder, disk, works
        self.starts = 0

    def create(self, service: str) -> None:
        assert service == "render"

    def start(self, service: str) -> None:
        assert service == "render"
        self.starts += 1
        if self.works:
            self.render()

    def states(self, services: tuple[str, ...]) -> dict[str, ServiceState]:
        return dict.fromkeys(services, ServiceState.STOPPED)

    def render(self) -> None:
        record = decode_record(self.disk.data) if self.disk.data else None
        site = loads(record.committed.text) if record is not None else None
        number = record.committed.version.number if record is not None else 0
        apply(self.folder / "config", "server1", self.folder / "etc", self.folder / "pub", self.folder,
              site=site, number=number)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/site.yaml").write_text(TEXT)
    return tmp_path


def start(folder: Path, disk: Disk, render: Render, noted: list[str]) -> Record | None:
    begun = begin(disk, folder / "etc/current", folder / "config", render, lambda: noted.append("before"))
    assert not begun.fault
    return begun.record


def changed() -> str:
    site = yaml.safe_load(TEXT)
    host = next(iter(site["hosts"].values()))
    site["hosts"]["another"] = {**host, "mac": "52:54:00:00:09:09", "address": "192.168.0.99"}
    site["hosts"]["another"].pop("macs", None)
    return yaml.safe_dump(site, sort_keys=False)


def test_on_the_first_start_the_operators_file_is_the_site_with_its_comments(folder: Path) -> None:
    disk, noted = Disk(), list[str]()
    render = Render(folder, disk)
    render.render()
    record = start(folder, disk, render, noted)
    assert record is not None
    assert record.committed == Committed(version_of(TEXT, 0), TEXT)
    assert disk.data is not None
    assert decode_record(disk.data) == record
    assert not noted
    assert render.starts == 0


def test_a_file_that_was_edited_since_it_was_rendered_is_not_the_site(folder: Path) -> None:
    disk = Disk()
    render = Render(folder, disk)
    render.render()
    (folder / "config/site.yaml").write_text(changed())
    record = start(folder, disk, render, [])
    assert record is not None
    assert record.committed.version == version_of(TEXT, 0)
    render.render()
    assert rendered_version(folder / "etc/current") == version_of(TEXT, 0), "render reads the record"


def test_the_committed_site_is_rendered_before_anything_begins(folder: Path) -> None:
    disk, noted = Disk(), list[str]()
    render = Render(folder, disk)
    render.render()
    record = start(folder, disk, render, noted)
    assert record is not None
    wanted = version_of(changed(), 3)
    disk.write(record.keep(Committed(wanted, changed()), 3).encode())
    start(folder, disk, render, noted)
    assert rendered_version(folder / "etc/current") == wanted
    assert noted == ["before"]
    start(folder, disk, render, noted)
    assert render.starts == 1, "once"


def test_a_render_that_fails_is_told_and_what_stands_there_stays(folder: Path) -> None:
    disk = Disk()
    render = Render(folder, disk)
    render.render()
    record = start(folder, disk, render, [])
    assert record is not None
    disk.write(record.keep(Committed(version_of(changed(), 3), changed()), 3).encode())
    render.works = False
    begun = begin(disk, folder / "etc/current", folder / "config", render, lambda: None)
    assert "render ended without it" in begun.fault
    assert rendered_version(folder / "etc/current") == version_of(TEXT, 0)


@pytest.mark.parametrize("data", [b"{}", b"junk", b'{"committed": 7}'])
def test_a_record_that_cannot_be_read_is_no_site(folder: Path, data: bytes) -> None:
    begun = begin(Disk(data), folder / "etc/current", folder / "config", Render(folder, Disk()), lambda: None)
    assert begun.record is None
    assert begun.fault


def test_the_operators_file_is_the_same_an_earlier_an_edited_or_a_faulty_one(folder: Path) -> None:
    path = folder / "config/site.yaml"
    record = Record(Committed(version_of(TEXT, 0), TEXT))
    now = [record]
    looked = EditedFile(path, lambda: now[0], lambda job: job())
    assert looked.facts.state is FileState.UNKNOWN
    looked.look()
    assert looked.facts.state is FileState.SAME
    now[0] = record.keep(Committed(version_of(changed(), 2), changed()), 2)
    assert (looked.facts.state, looked.facts.number) == (FileState.EARLIER, 0)
    path.write_text(TEXT.replace("52:54:00:00:01:28", "52:54:00:0a:01:29", 1))
    looked.look()
    assert looked.facts.state is FileState.EDITED
    path.write_text(TEXT + "colour: red\n")
    looked.look()
    assert looked.facts.state is FileState.FAULTY
    assert "colour" in looked.facts.fault
    path.unlink()
    looked.look()
    assert looked.facts.state is FileState.FAULTY
    assert GOOD


class FullDisk(Disk):
    def write(self, data: bytes) -> None:
        raise ResourceError("the disk", "is full")


def test_what_is_to_be_restarted_is_remembered_until_it_was(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    assert PendingRestarts(disk).read() is None
    PendingRestarts(disk).note({"bind": "ab"})
    after = PendingRestarts(disk)
    assert after.read() == {"bind": "ab"}
    after.forget()
    assert PendingRestarts(disk).read() is None
    PendingRestarts(FullDisk()).note({"bind": "ab"})  # told in the log, and no more
