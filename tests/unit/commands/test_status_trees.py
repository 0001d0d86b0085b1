"""Trees on their way, as `twinboot status` shows them, on a terminal of 80 columns too."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, Group
from twinboot.commands import status

STATUS: dict[str, Any] = {
    "server": "server1",
    "trees": {"rh9": {"server1": "as imported", "server2": "copying"}},
    "tree_copies": {"server2": {"rh9": {"from": "server1", "done": 430_000_000, "size": 1_000_000_000,
                                        "left_s": 95.0}}},
    "tree_reading": ["rh9", 5_000_000, 20_000_000],
}  # fmt: skip


@pytest.mark.parametrize("width", [80, 160])
def test_bytes_percent_and_time_are_shown(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(Group(*status._trees(STATUS)))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert all(len(line.rstrip()) <= width for line in said.splitlines())
    for words in ("server2: rh9 from server1", "43 %", "430 MB of 1.0 GB", "1m35s left", "25 %"):
        assert words in said, said


def test_a_sidecar_of_the_release_before_says_nothing_of_it() -> None:
    assert len(status._trees({"server": "server1", "trees": STATUS["trees"]})) == 1
    assert status._trees({"server": "server1"}) == []
