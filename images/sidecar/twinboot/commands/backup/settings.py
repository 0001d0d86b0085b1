"""Settings of compose/.env that go from one setting-up of a server to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME = "TWINBOOT_SERVER"
OF_THIS_FOLDER = frozenset({
    "TWINBOOT_CONFIG", "TWINBOOT_VERSION", "TWINBOOT_VERSION_BEFORE", "TWINBOOT_TREES_PROPAGATION",
})  # fmt: skip
"""What follows from the checkout and the machine that are there now."""
OF_ALL_SERVERS = re.compile(r"TWINBOOT_REGISTRY|TWINBOOT_\w+_IMAGE|TWINBOOT_HEALTH_INTERVAL")
"""What a server that joins takes over."""


def read(text: str) -> dict[str, str]:
    rows = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value for name, value in rows}


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with these settings; each line that is no setting stays."""
    lines = [line for line in text.splitlines() if line.split("=", 1)[0] not in values]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in values.items())]) + "\n"


def of_a_backup(text: str) -> dict[str, str]:
    """What a server that is set up again takes over of its former settings."""
    return {name: value for name, value in read(text).items() if name not in OF_THIS_FOLDER}


def of_a_peer(text: str) -> dict[str, str]:
    """What a server that joins takes over of a peer's settings."""
    return {name: value for name, value in read(text).items() if OF_ALL_SERVERS.fullmatch(name) and value}
