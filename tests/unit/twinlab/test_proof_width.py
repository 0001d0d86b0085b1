"""The demo's proof on a narrow terminal: rows break between words, never into columns of two letters."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from twinlab.demo.proof import Proofs

ROWS = (
    ("cli129: SHA-256 of all packages", "9f86d081884c7d65", "9f86d081884c7d65"),
    ("cli129: bytes from server1 before the power-off", "100.0 %", "100 %"),
    ("192.168.0.253: power-off to announcement", "1532 ms", "about a second"),
)


@pytest.mark.parametrize("width", [80, 100])
def test_words_stay_whole(width: int) -> None:
    proofs = Proofs()
    for what, seen, wanted in ROWS:
        proofs.row(what, seen, wanted, ok=True)
    # as the demo's timeline prints it, whose own lines are not wrapped
    console = Console(file=io.StringIO(), width=width, soft_wrap=True)
    console.print(proofs.table, soft_wrap=False)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    words = {word for line in lines for word in line.split()}
    assert all(set(" ".join(row).split()) <= words for row in ROWS)
    assert all(len(line.rstrip()) <= width for line in lines)
    assert len(lines) <= 2 * len(ROWS) + 1
