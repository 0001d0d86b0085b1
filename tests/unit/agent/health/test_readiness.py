"""What the readiness monitor finds, has mended, and tells: its looks one by one, without its thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from alarmkinds import only_registered_here
from twinboot.agent.health import readiness
from twinboot.agent.health.readiness import MISSING_LOOKS, TRIAL_EVERY_S, ReadinessMonitor
from twinboot.alarms import Alarm, AlarmKind, kinds, register
from twinboot.alarms.registry import warning
from twinboot.core.events import Event, ReadinessObserved
from twinboot.core.model import Lack, LackKind
from twinboot.daemons import EVERYWHERE, names
from twinboot.errors import CONFIGURATION, ENGINE, ResourceError
from twinboot.wire.ipc.engine_proxy import NOT_UNDERSTOOD

ALL = names()
ALWAYS = names(EVERYWHERE)


@dataclass
class Engine:
    """The engine proxy: which containers there are, and what it says to a wish."""

    there: set[str] = field(default_factory=lambda: {*ALL, "render"})
    create_fault: ResourceError | None = None
    trial_fault: ResourceError | None = None
    silent: bool = False
    old: bool = False
    """It knows the daemons alone."""
    created: list[str] = field(default_factory=list)
    tried: int = 0

    def present(self, services: Iterable[str]) -> frozenset[str]:
        if self.silent:
            raise ResourceError(ENGINE, "does not answer")
        if self.old and not set(services) <= set(ALL):
            raise ResourceError(NOT_UNDERSTOOD, "no such service; there are: tftp")
        return frozenset(self.there & set(services))

    def create(self, service: str) -> None:
        if self.create_fault is not None:
            raise self.create_fault
        self.created.append(service)
        self.there.add(service)

    def try_configuration(self, service: str) -> None:
        self.tried += 1
        if self.trial_fault is not None:
            raise self.trial_fault


@dataclass
class Rig:
    engine: Engine = field(default_factory=Engine)
    alarms: list[Alarm] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    running: bool = False
    files: str = "generation 1"
    now: float = 0.0

    def __post_init__(self) -> None:
        self.monitor = ReadinessMonitor(
            self.engine, server="server1", everywhere=ALWAYS, managed=("dhcpd",), one_shots=("render",),
            tried=("dhcpd",), running=lambda _: self.running, files=lambda: self.files,
            alarms=lambda: self.alarms, handle=self.events.append, repair=self.repaired.append,
            now=lambda: self.now,
        )

    def looks(self, times: int = 1) -> tuple[Lack, ...]:
        for _ in range(times):
            self.now += readiness.LOOK_EVERY_S
            self.monitor._looked(self.monitor.look())
        told = self.events[-1]
        assert isinstance(told, ReadinessObserved)
        return told.lacks


@pytest.fixture
def rig() -> Iterable[Rig]:
    made = Rig()
    yield made
    made.monitor.close()


def test_all_is_there(rig: Rig) -> None:
    assert rig.looks() == ()
    assert rig.engine.created == []


@pytest.mark.parametrize("service", [*ALL, "render"])
def test_a_container_that_was_removed_is_made_again(rig: Rig, service: str) -> None:
    rig.engine.there.discard(service)
    assert rig.looks(MISSING_LOOKS) == ()
    assert rig.engine.created == [service]
    always = [service] if service in ALWAYS else []
    assert rig.repaired == always, "what always runs is started, too"


def test_an_older_engine_proxy_is_asked_for_what_it_knows(rig: Rig) -> None:
    rig.engine.old = True
    rig.engine.there -= {"dhcpd", "render"}
    assert rig.looks(MISSING_LOOKS + 3) == ()
    assert rig.engine.created == ["dhcpd"]


def test_a_one_shot_that_cannot_be_made_is_no_lack_for_a_take_over(rig: Rig) -> None:
    rig.engine.there.discard("render")
    rig.engine.create_fault = ResourceError("service render", "has no container in the project twinboot")
    assert rig.looks(MISSING_LOOKS + 3) == ()
    assert rig.engine.created == []


def test_one_that_is_being_replaced_is_left_alone(rig: Rig) -> None:
    rig.engine.there.discard("dhcpd")
    rig.looks(MISSING_LOOKS - 1)
    rig.engine.there.add("dhcpd")
    rig.looks()
    rig.engine.there.discard("dhcpd")
    rig.looks(MISSING_LOOKS - 1)
    assert rig.engine.created == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (ResourceError("service dhcpd", "has no container in the project twinboot"), LackKind.CONTAINER),
        (ResourceError("the engine proxy", "no such request; there are: states"), LackKind.CONTAINER),
        (ResourceError("engine: create dhcpd", "No such image: twinboot/dhcpd:1"), LackKind.IMAGE),
    ],
)
def test_one_that_cannot_be_made_is_a_lack_until_it_is_there(
    rig: Rig, fault: ResourceError, kind: LackKind
) -> None:
    rig.engine.there.discard("dhcpd")
    rig.engine.create_fault = fault
    assert rig.looks(MISSING_LOOKS) == (Lack("dhcpd", kind),)
    assert rig.looks(5) == (Lack("dhcpd", kind),)
    rig.engine.there.add("dhcpd")
    assert rig.looks() == ()


def test_an_engine_that_is_silent_proves_nothing_and_is_told_by_its_alarm(rig: Rig) -> None:
    rig.engine.silent = True
    assert rig.looks(5) == ()
    rig.alarms = [Alarm(kinds.ENGINE_SILENT.code, "server1", "", 0.0)]
    assert rig.looks() == (Lack("dhcpd", LackKind.ENGINE),)


def test_a_configuration_is_tried_when_it_changes_and_now_and_then(rig: Rig) -> None:
    rig.looks(20)
    assert rig.engine.tried == 1
    rig.files = "generation 2"
    rig.engine.trial_fault = ResourceError(CONFIGURATION, "line 3: semicolon expected")
    assert rig.looks(3) == (Lack("dhcpd", LackKind.CONFIGURATION),)
    assert rig.engine.tried == 2
    rig.engine.trial_fault = None
    rig.now += TRIAL_EVERY_S
    assert rig.looks() == ()
    assert rig.engine.tried == 3


def test_a_trial_that_could_not_be_made_says_nothing(rig: Rig) -> None:
    """An image of another maker does not know the command."""
    rig.engine.trial_fault = ResourceError("service dhcpd", "the trial ended with code 127")
    assert rig.looks(3) == ()


def test_where_it_runs_it_is_not_tried(rig: Rig) -> None:
    rig.running = True
    rig.engine.trial_fault = ResourceError(CONFIGURATION, "line 3")
    assert rig.looks(5) == ()
    assert rig.engine.tried == 0


@pytest.mark.parametrize(
    ("alarm", "lack"),
    [
        (Alarm(kinds.TREE_NOT_SERVED.code, "server1/rhel9", "", 0.0), Lack("", LackKind.TREES)),
        (Alarm(kinds.LEASES_NOT_KEPT.code, "server1", "", 0.0), Lack("dhcpd", LackKind.LEASES)),
        (Alarm(kinds.TAKEOVER_UNSHIELDED.code, "server1", "", 0.0), Lack("", LackKind.DOWNLOADS)),
        (Alarm(kinds.ARP_IGNORED.code, "server1", "", 0.0), Lack("", LackKind.NETWORK)),
    ],
)
def test_alarms_of_this_server_are_lacks_and_those_of_others_are_not(
    rig: Rig, alarm: Alarm, lack: Lack
) -> None:
    rig.alarms = [alarm]
    assert rig.looks() == (lack,)
    rig.alarms = [Alarm(alarm.code, alarm.subject.replace("server1", "server2"), "", 0.0)]
    assert rig.looks() == ()


def test_a_kind_from_elsewhere_says_what_its_server_lacks(rig: Rig) -> None:
    rig.alarms = [Alarm("toy", "server1", "", 0.0)]
    assert rig.looks() == ()
    with only_registered_here():
        register(AlarmKind("toy", "SERVER", "", "", warning(), lack="trees"))
        assert rig.looks() == (Lack("", LackKind.TREES),)
