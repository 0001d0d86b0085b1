"""Answers that hold secrets: each machine gets its own, by its address, over HTTP alone.

Owns where they are published: once for each address that may read them, below PRIVATE. The HTTP service looks
there first, by the address of whoever asks; FTP and TFTP may not read the folder (its group is the HTTP
service's). What a neighbour asks for is not there. And the check that answers of every kind lie where they
count as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from ..machines.observing import is_answer
from ..planning.plan import Install, Machine, SitePlan
from ..site.faults import Fault

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


def misplaced(plan: SitePlan, install: Install, paths: Iterable[str]) -> Iterator[Fault]:
    """Files that an installer kind publishes elsewhere than Installer.answer_path() says: one fault, with the
    first path. paths: of all that it publishes for an install, as it is fetched."""
    wrong = next((path for path in paths if not is_answer(path)), None)
    if wrong is not None:
        yield Fault(
            f"profiles.{install.profile}.installer", wrong, f"the installer {plan.installer(install).name} "
            "publishes this file neither below ks/ nor below answers/, where FTP and HTTP show it "
            "(installers/base.py, answer_path)"
        )  # fmt: skip
