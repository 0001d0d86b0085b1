"""The heap after something big was read: what stays is looked at no more, and what is free goes back.

Source: gc.freeze() of Python's documentation; malloc_trim(3), which not every C library has.
"""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """Collect once, then exclude all objects that are there from later collections (gc.freeze)."""
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """Free memory between what is used goes back to the kernel: a site of thousands of hosts leaves much."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
