"""What a server finds in a proposal before it would work by it: here, whether it could write the files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from sitechange import EXAMPLES
from twinboot.agent.rollout.begin import version_of
from twinboot.agent.rollout.jobs import Jobs
from twinboot.errors import ENGINE, ResourceError
from twinboot.rollout.model import Checked, Committed, Event, Judged, Proposal, Version
from twinboot.rollout.record import Record
from twinboot.wire.ipc.engine_proxy import NOT_UNDERSTOOD

TEXT = (EXAMPLES / "parity.yaml").read_text()
CHANGED = TEXT.replace("failback_delay_s: 5.0", "failback_delay_s: 7.0")


class Engine:
    def __init__(self, fault: ResourceError | None) -> None:
        self.fault = fault
        self.made: list[str] = []

    def create(self, service: str) -> None:
        self.made.append(service)
        if self.fault is not None:
            raise self.fault

    def start(self, service: str) -> None:
        raise AssertionError

    def states(self, services: tuple[str, ...]) -> object:
        raise AssertionError


class Renders(Engine):
    """One whose `render` may be started."""

    def start(self, service: str) -> None:
        self.made.append(service)


class NoFile:
    def read(self) -> bytes | None:
        return None

    def write(self, data: bytes) -> None:
        raise AssertionError


def jobs_of(server: str, folder: Path, engine: Engine, told: list[Event]) -> Jobs:
    return Jobs(server=server, config=folder, current=folder, file=NoFile(), engine=engine,
                record=Record(Committed(version_of(TEXT, 1), TEXT)), post=told.append,
                before_render=lambda: None)  # fmt: skip


def faults(folder: Path, fault: ResourceError | None) -> Iterable[str]:
    """Of a proposal that nothing else is wrong with but that this machine is no server."""
    engine, told = Engine(fault), list[Event]()
    jobs = jobs_of("server1", folder, engine, told)
    try:
        jobs._check(Proposal(version_of(CHANGED, 2), CHANGED, "server2", ("server1", "server2")), TEXT)
    finally:
        jobs.close()
    assert engine.made == ["render"]
    (checked,) = told
    assert isinstance(checked, Checked)
    return checked.vote.faults


@pytest.mark.parametrize(
    "fault",
    [
        ResourceError("service render", "has no container in the project twinboot"),
        ResourceError("engine: create render", "No such image: twinboot/sidecar:1"),
        ResourceError(ENGINE, "the engine proxy does not answer within 14 s"),
    ],
)
def test_without_what_writes_the_files_it_is_refused_with_the_remedy(
    tmp_path: Path, fault: ResourceError
) -> None:
    (found,) = faults(tmp_path, fault)
    assert fault.reason in found
    assert "`make up` on server1" in found


@pytest.mark.parametrize(
    "fault", [None, ResourceError(NOT_UNDERSTOOD, "no such service; there are: tftp, vsftpd")]
)
def test_where_it_is_there_or_an_older_engine_proxy_does_not_know_the_rest_is_checked(
    tmp_path: Path, fault: ResourceError | None
) -> None:
    found = list(faults(tmp_path, fault))
    assert found
    assert not any("new files" in one for one in found), found


def test_the_files_are_written_again_for_a_tree_that_came_after_them(tmp_path: Path) -> None:
    """Boot loaders are copied out of trees: what was written before it came lacks them."""
    engine, noted = Renders(None), list[str]()
    current, trees = tmp_path / "current", tmp_path / "trees"
    (trees / "old").mkdir(parents=True)
    before = (trees / "old").stat().st_ctime
    current.symlink_to(tmp_path)
    os.utime(current, (before + 5, before + 5), follow_symlinks=False)
    jobs = Jobs(server="server1", config=tmp_path, current=current, file=NoFile(), engine=engine,
                record=Record(Committed(version_of(TEXT, 1), TEXT)), post=lambda _event: None,
                before_render=lambda: noted.append("noted"), trees=trees)  # fmt: skip
    try:
        jobs._render_for_trees(("old",))
        assert engine.made == []
        os.utime(current, (before - 5, before - 5), follow_symlinks=False)
        jobs._render_for_trees(("old",))
        assert (engine.made, noted) == (["render"], ["noted"])
        jobs._render_for_trees(("gone",))
        assert engine.made == ["render"]
    finally:
        jobs.close()


def test_what_is_judged_is_told_with_the_servers_that_the_site_names(tmp_path: Path) -> None:
    told = list[Event]()
    jobs = jobs_of("server3", tmp_path, Engine(None), told)
    committed = Committed(version_of(CHANGED, 2), CHANGED)
    jobs.judge(committed)
    unreadable = Committed(Version(3, b"none"), "no: site")
    jobs.judge(unreadable)
    jobs._disk.close(60.0)
    jobs.close()
    assert told == [
        Judged(committed.version, False, ("server1", "server2")), Judged(unreadable.version, False, ())
    ]
