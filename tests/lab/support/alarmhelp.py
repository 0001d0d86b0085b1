"""The alarms of a status reply, to be compared by code and subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def alarm_texts(status: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Texts by code and subject."""
    return {(alarm["code"], alarm["subject"]): alarm["text"] for alarm in status["alarms"]}


def alarm_keys(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Code and subject of each, in their order."""
    return list(alarm_texts(status))
