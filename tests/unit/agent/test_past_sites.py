"""Sites that were in use: kept with who asked for them, bounded, and what each changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sitechange import EXAMPLES
from twinboot.adapters.records.site_texts import SiteTexts
from twinboot.agent.rollout.begin import version_of
from twinboot.agent.rollout.past import PastSites
from twinboot.errors import ResourceError
from twinboot.rollout.model import Committed
from twinboot.rollout.record import Record

TEXT = (EXAMPLES / "parity.yaml").read_text()
NEXT = TEXT.replace("failback_delay_s: 5.0", "failback_delay_s: 7.0")


def head(number: int, text: str = TEXT, who: str = "") -> dict[str, object]:
    return {"number": number, "digest": version_of(text, number).digest.hex(), "who": who, "at": 5.0}


def test_who_applied_which_and_what_it_changed(tmp_path: Path) -> None:
    kept = SiteTexts(tmp_path / "sites")
    past = PastSites(kept, lambda: Record(Committed(version_of(NEXT, 2), NEXT)))
    assert asyncio.run(past.listed())["sites"] == []
    kept.add(head(0), TEXT)
    kept.add(head(2, NEXT, "token anna"), NEXT)
    kept.add(head(2, NEXT, "token somebody"), NEXT)
    told = asyncio.run(past.listed())["sites"]
    found = [(one["number"], one["who"], one["before"]) for one in told]
    assert found == [(2, "token anna", 0), (0, "", None)]
    change = asyncio.run(past.change(2))
    assert (change["before"], change["who"]) == (0, "token anna")
    assert [one["after"] for one in change["changes"]] == ["7.0"]
    assert [one[0] for one in change["diff"] if "failback_delay_s" in one] == ["-", "+"]
    assert asyncio.run(past.change(0))["status"] == asyncio.run(past.change(9))["status"] == 404
    assert asyncio.run(past.text(number=0)) == asyncio.run(past.text(digest=str(head(0)["digest"]))) == TEXT
    assert asyncio.run(past.text(number=7)) is None


def test_the_oldest_go_and_the_last_two_stay_however_large(tmp_path: Path) -> None:
    few = SiteTexts(tmp_path / "few", max_files=3)
    for number in range(6):
        few.add(head(number), TEXT)
    assert [one["number"] for one in few.heads()] == [5, 4, 3]
    small = SiteTexts(tmp_path / "small", max_bytes=10)
    for number in range(4):
        small.add(head(number), TEXT)
    assert [one["number"] for one in small.heads()] == [3, 2]


def test_a_file_that_is_broken_is_none_and_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    kept = SiteTexts(tmp_path / "sites")
    kept.add(head(1), TEXT)
    (tmp_path / "sites/00000002-ab.site").write_bytes(b"\xff\xfe")
    (tmp_path / "sites/00000003-cd.site").write_bytes(b'{"number": 3, "digest": "cd"}\nnot packed')
    assert [one["number"] for one in kept.heads()] == [3, 1]
    assert kept.text(number=3) is None
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError):
        SiteTexts(tmp_path / "file/sites").add(head(1), TEXT)
