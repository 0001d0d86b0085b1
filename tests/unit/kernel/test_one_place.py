"""What speaks to the kernel by number stands in kernel/ alone: packet sockets, ioctls, socket filters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "images" / "sidecar" / "twinboot"


@pytest.mark.parametrize(
    ("what", "places"),
    [
        (r"\bAF_PACKET\b", {"kernel/packet_socket.py"}),
        (r"\bSIOCGIF|_SIOCGIF", {"kernel/interface.py"}),
        (r"\bSO_ATTACH_FILTER\b|\bSO_DETACH_FILTER\b", {"kernel/socket_options.py"}),
        (r"\bInstruction\(\s*0x", set()),
        (r"\bAF_NETLINK\b", {"kernel/netlink.py"}),
    ],
)
def test_it_stands_in_one_place(what: str, places: set[str]) -> None:
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if re.search(what, path.read_text())
    }
    assert found == places
