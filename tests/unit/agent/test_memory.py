"""What is there at the start is looked at no more by the collector; that a heap is trimmed hurts nobody."""

from __future__ import annotations

import gc

from twinboot.agent import memory


def test_what_is_there_stays_and_is_passed_over() -> None:
    before = gc.get_freeze_count()
    try:
        memory.settle()
        assert gc.get_freeze_count() > before
        memory.give_back()
    finally:
        gc.unfreeze()
