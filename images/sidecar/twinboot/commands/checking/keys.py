"""The heartbeat keys: there, whole, and root's. Makes the first one where it is asked to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot.adapters import keys
from twinboot.errors import ResourceError

from .findings import Finding, Request, Severity, fault, ok

if TYPE_CHECKING:
    from twinboot.site import Site


def key_findings(site: Site, request: Request, *, make: bool) -> Iterator[Finding]:
    """A key is made only where nothing else is wrong: what to do with it is said that one time."""
    for at, name in enumerate(str(key) for key in site.heartbeat.keys):
        path = request.config / name
        if not path.resolve().is_relative_to(request.config.resolve()):
            yield fault("heartbeat key", f"{name} leads out of the config folder", "put the key itself there")
            continue
        if request.make_key and not make and at == 0 and not path.exists():
            yield ok("heartbeat key", f"{name} will be made when all else is right")
            continue
        if make and at == 0 and not path.exists():
            try:
                keys.generate(path)
            except ResourceError as exc:
                yield fault("heartbeat key", exc.reason, f"make {name} below the config directory by hand")
                continue
            yield ok("heartbeat key", f"made {name}, which every server must have; if another server has one "
                     "already, copy that one here instead. When this server runs it goes")
            yield from _copy_commands(site, request, name)
            continue
        try:
            keys.read(path)
        except ResourceError as exc:
            yield Finding(Severity.FAULT, "heartbeat key", f"{name}: {exc.reason}")
        else:
            yield _whose_key(path, name)


def _whose_key(path: Path, name: str) -> Finding:
    if who := keys.other_reader(path):
        on_host = f"config/{name}"
        return fault("heartbeat key", f"{name} {who}, who can speak for every server with it",
                     f"chown root:root {on_host} && chmod 600 {on_host}")
    return ok("heartbeat key", name)


def _copy_commands(site: Site, request: Request, name: str) -> Iterator[Finding]:
    folder = name.rpartition("/")[0] or name
    for peer, server in site.servers.items():
        if peer != request.server:
            command = f"rsync -a config/site.yaml config/{folder} {server.address}:{request.project}/config/"
            yield ok("heartbeat key", f"  to {peer}: scripts/twinboot invite {peer}; by hand: {command}")
