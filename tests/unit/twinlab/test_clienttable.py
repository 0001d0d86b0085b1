"""The client matrix as it is printed."""

from __future__ import annotations

from typing import Any

from twinlab.programs.clienttable import table, verdict_cell


def verdict(
    code: int = 0, right: bool = True, silence_s: float | None = 1.1, resets: int = 0
) -> dict[str, Any]:
    return {"code": code, "right": right, "silence_s": silence_s, "resets": resets}


def test_a_cell_says_how_it_ended() -> None:
    assert verdict_cell(verdict()) == "ok 1.10"
    assert verdict_cell(verdict(silence_s=None)) == "ok"
    assert verdict_cell(verdict(code=56, right=False, silence_s=None, resets=2)) == "**fails**, 2 RST"
    assert verdict_cell(verdict(code=124, right=False)) == "**hangs** 1.10"
    assert verdict_cell(verdict(right=False)) == "**wrong bytes** 1.10"


def test_the_worst_run_stands_for_all() -> None:
    clients = [verdict(), verdict(code=1, right=False, silence_s=0.5), verdict(silence_s=9.0)]
    runs = {"standby": [{"claim_s": number, "clients": {"curl": one}} for number, one in enumerate(clients)]}
    assert table(runs, ["curl", "wget"]) == [
        ["client", "standby"],
        ["claimed after", "1.00"],
        ["curl", "**fails** 0.50 (2 of 3 ok)"],
        ["wget", ""],
    ]
    del runs["standby"][1]
    assert table(runs, ["curl"])[2] == ["curl", "ok 9.00"]
