"""What a server finds in a proposal before it would work by it: here, whether it could write the files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from sitechange import EXAMPLES
from twinboot.agent.rollout.begin import version_of
from twinboot.agent.rollout.jobs import Jobs
from twinboot.errors import ENGINE, ResourceError
from twinboot.rollout.model import Checked, Committed, Event, Proposal
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


class NoFile:
    def read(self) -> bytes | None:
        return None

    def write(self, data: bytes) -> None:
        raise AssertionError


def faults(folder: Path, fault: ResourceError | None) -> Iterable[str]:
    """Of a proposal that nothing else is wrong with but that this machine is no server."""
    engine, told = Engine(fault), list[Event]()
    jobs = Jobs(server="server1", config=folder, current=folder, file=NoFile(), engine=engine,
                record=Record(Committed(version_of(TEXT, 1), TEXT)), post=told.append,
                before_render=lambda: None)  # fmt: skip
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
