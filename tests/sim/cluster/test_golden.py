"""Golden transcripts of scenarios, compared line by line.

`make generated` writes the transcripts anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..runs import kept_in
from .scenario import parse, play

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", kept_in(GOLDEN))
def test_the_transcript_is_as_written(name: str) -> None:
    world = play(parse((GOLDEN / f"{name}.scn").read_text()))
    told = "\n".join(world.transcript) + "\n"
    transcript = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        transcript.write_text(told)
    assert told == transcript.read_text(), "`make generated` when it should differ"


def test_the_transcripts_are_there() -> None:
    assert len(list(GOLDEN.glob("*.scn"))) >= 7
