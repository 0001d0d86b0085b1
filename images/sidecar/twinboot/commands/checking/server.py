"""All checks of a server, in the order an operator would look.

Runs in a container with host networking, before anything else does. Looks, and changes nothing; only
--make-key writes.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from twinboot.adapters import trees

from .bmcs import power_findings
from .findings import Finding, Request, Severity, fault, ok, warning
from .keys import key_findings
from .network import network_findings
from .trees_on_peers import trees_that_come
from .webhooks import webhook_findings

if TYPE_CHECKING:
    from twinboot.site import Site

_PROGRESS_EVERY_S = 2.0


def check(request: Request) -> Iterator[Finding]:
    """Every finding, in the order an operator would look."""
    from twinboot.site import SiteError, load

    yield from _clock(request)
    try:
        site = load(request.site_file)
    except SiteError as exc:
        for one in exc.faults:
            yield Finding(Severity.FAULT, "site file", str(one))
        return
    yield ok("site file", f"{request.site_file}: {len(site.servers)} servers, {len(site.groups)} groups, "
             f"{len(site.hosts)} hosts")
    sound = not request.without_trees
    for finding in _all_but_keys(site, request):
        sound = sound and finding.severity is not Severity.FAULT
        yield finding
    yield from key_findings(site, request, make=request.make_key and sound)


def _all_but_keys(site: Site, request: Request) -> Iterator[Finding]:
    from twinboot.site import advice

    for one in advice(site):
        yield Finding(Severity.WARNING, "site file", str(one))
    yield from _files(site, request)
    yield from power_findings(site, request.config)
    yield from webhook_findings(site, request.config)
    if not request.server:
        yield fault("this server", "has no name", "make up SERVER=name, with one of: "
                    + ", ".join(site.servers))
    elif request.server not in site.servers:
        yield fault("this server", f"{request.server} is not in the site file",
                    "make up SERVER=name, with one of: " + ", ".join(site.servers))
    else:
        yield from network_findings(site, request)


def _clock(request: Request) -> Iterator[Finding]:
    """A clock that is wrong spoils logs, certificates and package signatures; heartbeats do not mind."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    try:
        written = request.site_file.stat().st_mtime
    except OSError:
        return
    if now + 60 < written:
        yield warning("clock", f"says {stamp}, but the site file is newer", "timedatectl set-ntp true")
    else:
        yield ok("clock", stamp)


def _files(site: Site, request: Request) -> Iterator[Finding]:
    from twinboot.render import Places, check_secrets, look_at_files

    places = Places(trees=request.trees, templates=request.templates, trees_on_host=request.trees_on_host,
                    without_trees=request.without_trees)
    found = look_at_files(site, places, _Progress("trees").tell)
    coming = trees_that_come(site, request.server, request.trees) if request.trees_come else {}
    faults = tuple(
        one for one in (*found.faults, *check_secrets(site, request.config))
        if not any(one.path.startswith(f"trees.{name}.") for name in coming)
    )
    for name, server in coming.items():
        yield warning("files", f"trees.{name}: the tree is not here yet, {server} has it",
                      "it is fetched when the stack runs (make status shows how far it is); until then this "
                      "server is not ready to take over")
    for one in faults:
        yield Finding(Severity.FAULT, "files", str(one))
    for one in found.warnings:
        yield Finding(Severity.WARNING, "files", str(one))
    if not faults:
        told = f"{len(site.trees)} trees below {request.trees_on_host or request.trees}, " \
            f"{found.entries} files and folders, "
        yield ok("files", f"{'' if request.without_trees else told}all templates")
    for line in found.signed:
        yield ok("Secure Boot", line)
    if not request.without_trees:
        yield from _later_mounts(request)


def _later_mounts(request: Request) -> Iterator[Finding]:
    """Services that run see a medium that is mounted below the trees folder, unless the folder's own mount is
    private: Docker passes nothing on then."""
    shown = shlex.quote(request.trees_on_host or str(request.trees))
    if trees.follows_mounts(request.trees) is False:
        yield warning("trees", f"what is mounted below {shown} later is not seen by services that run",
                      f'mount --make-rshared "$(findmnt -no TARGET --target {shown})" and make up; or mount '
                      "first, and docker compose restart in compose/ afterwards")


class _Progress:
    """Says on standard error how far a long look has come; a short one says nothing."""

    def __init__(self, what: str) -> None:
        self._what, self._at = what, time.monotonic() + _PROGRESS_EVERY_S

    def tell(self, number: int) -> None:
        if time.monotonic() >= self._at:
            self._at = time.monotonic() + _PROGRESS_EVERY_S
            print(f"looking at the {self._what}: {number} files and folders so far", file=sys.stderr)
