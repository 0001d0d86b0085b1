"""What `twinboot diff` prints: in what the other servers' site files differ from this one's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines(reply: Mapping[str, Any]) -> Iterator[str]:
    """One block for each server that was asked for."""
    here = reply["server"]
    for name, peer in reply["peers"].items():
        if not peer["known"]:
            yield f"{name}: its site file is not known here (not heard yet, or of an older release)"
        elif not peer["differences"]:
            yield f"{name}: the same site file"
        else:
            yield f"{name}: another site file"
            for one in peer["differences"]:
                yield f"  {one['path']}: {one['here']} on {here}, {one['there']} on {name}"
            if peer["left_out"]:
                yield f"  and {peer['left_out']} more"


def same_everywhere(reply: Mapping[str, Any]) -> bool:
    return all(peer["known"] and not peer["differences"] for peer in reply["peers"].values())
