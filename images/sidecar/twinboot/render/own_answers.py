"""Answers that hold secrets: each machine gets its own, by its address, over HTTP alone.

Owns where they are published: once for each address that may read them, below PRIVATE. The HTTP service looks
there first, by the address of whoever asks; FTP and TFTP may not read the folder (its group is the HTTP
service's). What a neighbour asks for is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from ..planning.plan import Install, Machine, SitePlan

PRIVATE = "private"
"""The folder; the name stands in config/templates/httpd/nginx.conf.j2, too."""
READERS_GID = 33
"""www-data, in Debian's base system: the group of the HTTP service (images/httpd)."""


class Readers:
    """Who reads the answers of a site."""

    def __init__(self, plan: SitePlan) -> None:
        self._shared: dict[str, list[IPv4Address]] = {}
        for address, install in plan.dynamic():
            for name in (install.answers, *install.mirror_answers):
                self._shared.setdefault(name, []).append(address)

    def of(self, install: Install, owner: Machine | None) -> Iterable[IPv4Address | str]:
        """The addresses of those whose answers these are."""
        return self._shared.get(install.answers, ()) if owner is None else owner.addresses


def private_paths(path: str, readers: Iterable[IPv4Address | str]) -> list[str]:
    """Where an answer file is published that is fetched as `path`."""
    return [f"{PRIVATE}/{address}/{path}" for address in readers]


def published_as(path: str, published: Mapping[str, str], readers: Iterable[IPv4Address | str]) -> str | None:
    """The text of an answer file, wherever it is published; None: it is not."""
    places = (path, *private_paths(path, readers))
    return next((published[place] for place in places if place in published), None)
