"""`twinboot member`: the operator's site file with a server more, or without one; `twinboot apply` follows.

For `scripts/twinboot invite --address` and `make leave`. The file that stood there is kept beside until the
new one is applied.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from twinboot import paths

from ..backup import placing
from ..changing import in_use
from ..options import argument, fail, option
from . import membership
from .membership import MembershipError

if TYPE_CHECKING:
    import typer

WHAT = "The site file with a server more, or without one (for `invite --address` and `make leave`)."
KEPT = "site.yaml.before"
NOT_A_MEMBER = 3


def application() -> typer.Typer:
    import typer

    app = typer.Typer(no_args_is_help=True)
    for command in (add, remove, undo, settle, is_one):
        app.command("is" if command is is_one else None)(command)
    return app


def add(
    name: Annotated[str, argument(help="The new server's name.")],
    address: Annotated[str, option("--address", help="Its own address on the LAN.")],
    interface: Annotated[str, option("--interface", help="Its LAN interface.")],
    link: Annotated[
        list[str] | None, option("--link", help="NAME=ADDRESS@INTERFACE: its end of another link.")
    ] = None,
) -> None:
    """Put a server into config/site.yaml, last in the order of each group."""
    _edit(lambda text: membership.with_server(text, name, address, interface, _links(link or [])))


def remove(name: Annotated[str, argument(help="A server of the site.")]) -> None:
    """Take a server out of config/site.yaml."""
    _edit(lambda text: membership.without_server(text, name))


def undo() -> None:
    """Put the file back that stood there before."""
    kept = paths.CONFIG / KEPT
    if kept.exists():
        kept.replace(paths.SITE_FILE)


def settle() -> None:
    """The new file is in use: forget the former one."""
    (paths.CONFIG / KEPT).unlink(missing_ok=True)


def is_one(name: Annotated[str, argument(help="A server.")]) -> None:
    """End with 3 when the site in use does not name it."""
    known = in_use.committed_site()
    if known is not None and name not in known[0].servers:
        sys.exit(NOT_A_MEMBER)


def base_text(config: Path = paths.CONFIG, record_file: Path = paths.SITE_RECORD) -> str:
    """The site in use, as it was applied. MembershipError while an edited file waits beside it."""
    from twinboot.site import SiteError, identity, load

    record = in_use.read_record(record_file)
    if record is None:
        raise MembershipError("no site is in use here yet: make up")
    try:
        digest = identity.digest(load(config / "site.yaml"))
    except SiteError as exc:
        raise MembershipError(f"config/site.yaml has faults ({exc.faults[0]}): mend it, or scripts/twinboot "
                              "site > config/site.yaml") from exc
    if digest == record.committed.version.digest:
        return (config / "site.yaml").read_text(encoding="utf-8")
    if digest.hex() not in record.past:
        raise MembershipError("config/site.yaml is edited and not in use: scripts/twinboot apply it first, "
                              "or take it back: scripts/twinboot site > config/site.yaml")
    return record.committed.text


def _edit(change: object) -> None:
    from twinboot.site import SiteError

    assert callable(change)
    file = paths.SITE_FILE
    try:
        new = change(base_text())
        state = file.stat()
        old, kept = file.read_bytes(), file.with_name(KEPT)
        if not kept.exists():
            placing.write(kept, old, state.st_mode & 0o777, (state.st_uid, state.st_gid))
        placing.write(file, new.encode(), state.st_mode & 0o777, (state.st_uid, state.st_gid))
    except MembershipError as exc:
        fail(f"{exc}; nothing was changed", 2)
    except SiteError as exc:
        for fault in exc.faults:
            print(f"FAULT   {fault}", file=sys.stderr)
        fail("nothing was changed", 2)
    except OSError as exc:
        fail(f"config/site.yaml: {exc}; nothing was changed")


def _links(words: list[str]) -> dict[str, dict[str, str]]:
    found = {}
    for word in words:
        name, equals, end = word.partition("=")
        address, at, interface = end.partition("@")
        if not (name and equals and address and at and interface):
            raise MembershipError(f"--link '{word}' is not NAME=ADDRESS@INTERFACE")
        found[name] = {"address": address, "interface": interface}
    return found
