"""Trees that are not here yet: a warning where another server has them, else the fault that it always was."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.commands.checking import trees_on_peers
from twinboot.site import load, loads

EXAMPLE = Path(__file__).parents[3] / "config/examples/parity.yaml"


def test_each_address_of_the_others_is_asked_until_one_has_it(tmp_path: Path) -> None:
    questions: list[tuple[str, str]] = []

    def ask(address: str, folder: str) -> bool:
        questions.append((address, folder))
        return address == "10.0.0.2"

    assert trees_on_peers.trees_that_come(load(EXAMPLE), "server1", tmp_path, ask) == {"rh9": "server2"}
    assert questions == [("192.168.0.252", "rh9"), ("10.0.0.2", "rh9")]


@pytest.mark.parametrize("more", ["", "tree_sync: off\n"])
def test_who_has_it_or_keeps_trees_otherwise_asks_nobody(tmp_path: Path, more: str) -> None:
    if not more:
        (tmp_path / "rh9").mkdir()
    site = loads(EXAMPLE.read_text() + "\n" + more)

    def ask(address: str, folder: str) -> bool:
        raise AssertionError(address)

    assert trees_on_peers.trees_that_come(site, "server1", tmp_path, ask) == {}
