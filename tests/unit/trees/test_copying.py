"""Files are hashed beside reading and writing, several pieces behind, and come out right."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from twinboot.trees.copying import Copier
from twinboot.trees.media.contents import BUFFERS

PIECE = 128 << 10


def test_the_reader_goes_ahead_and_never_over_what_is_not_hashed_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing begins when the reader has filled all buffers but one."""
    ahead, hashed, right = threading.Event(), [], hashlib.sha256()

    class Late:
        def __init__(self) -> None:
            self._of = hashlib.new("sha256")

        def update(self, piece: memoryview) -> None:
            assert ahead.wait(30), "the reader waits for each piece to be hashed"
            self._of.update(piece)
            hashed.append(len(piece))

        def hexdigest(self) -> str:
            return self._of.hexdigest()

    def pieces() -> Iterator[memoryview]:
        buffers = [bytearray(PIECE) for _ in range(BUFFERS)]
        for number in range(3 * BUFFERS):
            if number == BUFFERS - 1:
                ahead.set()
            assert len(hashed) > number - BUFFERS, "what is in the buffer is not hashed yet"
            buffers[number % BUFFERS][:] = bytes((number,)) * PIECE
            yield memoryview(buffers[number % BUFFERS])

    for number in range(3 * BUFFERS):
        right.update(bytes((number,)) * PIECE)
    monkeypatch.setattr(hashlib, "sha256", Late)
    with Copier(tmp_path, lambda _: None) as copier:
        file, _ = copier.file("big", 5, pieces(), None)
    assert file.sha256 == right.hexdigest()
