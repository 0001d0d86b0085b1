"""Trees that clients cannot read are alarms, and the probes ask for files of the others, in turn."""

from __future__ import annotations

from pathlib import Path

from twinboot.agent.health.trees import TreeMonitor
from twinboot.agent.settings import settings_for
from twinboot.site import loads

EXAMPLE = Path(__file__).parents[4] / "config/examples/parity.yaml"


class Trees:
    """What is wrong with a file; nothing at first."""

    def __init__(self, top: Path, *names: str) -> None:
        self.reasons: dict[str, str] = {}
        files = {name: f"{name}/vmlinuz" for name in names}
        self.follows: bool | None = True
        self.monitor = TreeMonitor(
            top, files, lambda _top, file: self.reasons.get(file, ""), lambda _top: self.follows)
        self.choose = self.monitor.chooser()

    def alarms(self) -> list[tuple[str, str]]:
        self.monitor.check_once()
        return [(one.code, one.subject) for one in self.monitor.alarm_conditions("server1")]

    def asked(self, times: int) -> set[str]:
        return {self.choose() for _ in range(times)}


def test_each_tree_is_asked_for_in_turn(tmp_path: Path) -> None:
    it = Trees(tmp_path, "rh9", "rh8")
    assert it.asked(2) == {""}, "before the first look"
    assert it.alarms() == []
    assert it.asked(2) == {"trees/rh9/vmlinuz", "trees/rh8/vmlinuz"}


def test_a_tree_that_is_not_there_is_an_alarm_and_not_asked_for(tmp_path: Path) -> None:
    it = Trees(tmp_path, "rh9", "rh8")
    it.reasons["rh9/vmlinuz"] = "rh9: no such file or directory"
    assert it.alarms() == [("tree-not-served", "server1/rh9")]
    assert "no such file" in it.monitor.alarm_conditions("server1")[0].text
    assert it.asked(3) == {"trees/rh8/vmlinuz"}, "a restart of a daemon would not bring it"
    it.reasons["rh8/vmlinuz"] = "rh8: mode 0700 keeps clients out"
    assert len(it.alarms()) == 2
    assert it.asked(3) == {""}
    it.reasons.clear()
    assert it.alarms() == []
    assert len(it.asked(2)) == 2


def test_a_medium_that_is_taken_out_between_two_looks_is_not_asked_for(tmp_path: Path) -> None:
    """Three probes that fail in a row have a daemon restarted, and with it everybody's downloads."""
    it = Trees(tmp_path, "rh9", "rh8")
    assert it.alarms() == []
    it.reasons["rh9/vmlinuz"] = "rh9: no such file or directory"
    assert it.asked(4) == {"trees/rh8/vmlinuz"}
    it.reasons["rh8/vmlinuz"] = "rh8: no such file or directory"
    assert it.asked(4) == {""}


def test_where_later_mounts_are_not_seen_the_alarm_says_so(tmp_path: Path) -> None:
    it = Trees(tmp_path, "rh9")
    it.reasons["rh9/vmlinuz"] = "rh9/vmlinuz: no such file or directory"
    for follows, said in ((True, False), (None, False), (False, True)):
        it.follows = follows
        assert it.alarms() == [("tree-not-served", "server1/rh9")]
        assert ("docker compose restart" in it.monitor.alarm_conditions("server1")[0].text) is said


def test_where_no_trees_are_mounted_there_is_nothing_to_say(tmp_path: Path) -> None:
    it = Trees(tmp_path / "none", "rh9")
    it.reasons["rh9/vmlinuz"] = "not there"
    assert it.alarms() == []


def test_the_kernel_of_each_tree_that_is_installed_is_looked_at() -> None:
    settings = settings_for(loads(EXAMPLE.read_text()), "server1")
    assert settings.service_probes.trees == {"rh9": "rh9/images/pxeboot/vmlinuz"}
    unused = EXAMPLE.read_text().replace("trees:\n", "trees:\n  old: {path: old}\n")
    assert settings_for(loads(unused), "server1").service_probes.trees.keys() == {"rh9"}
