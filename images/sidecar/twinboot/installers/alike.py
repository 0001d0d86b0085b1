"""Sections of answer files that come again: most hosts of a profile have the same. Pure."""

from __future__ import annotations

from collections.abc import Callable

_KEPT = 512


class Alike:
    """make: writes a section of this name and value; called once for equal ones that come soon after each
    other. Values are told apart by repr(), which is quicker than writing them as JSON."""

    def __init__(self, make: Callable[[str, object], str]) -> None:
        self._make = make
        self._texts: dict[str, str] = {}

    def __call__(self, name: str, value: object) -> str:
        known = f"{name}: {value!r}"
        text = self._texts.get(known)
        if text is None:
            if len(self._texts) >= _KEPT:
                self._texts.clear()
            text = self._texts[known] = self._make(name, value)
        return text
