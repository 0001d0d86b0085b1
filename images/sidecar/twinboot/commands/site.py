"""Commands about the site file: check, parts, render, key, schema. They need no running agent."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from twinboot import paths

from .options import fail, located, option, server_option


def check(
    server: Annotated[str, server_option()] = "",
    site: Annotated[Path, located("--site", "The site file", paths.SITE_FILE)] = paths.SITE_FILE,
    config: Annotated[
        Path | None, option("--config", help="Directory of secrets and templates (the site file's).")
    ] = None,
    trees: Annotated[Path, located("--trees", "Directory of the install trees", paths.TREES)] = paths.TREES,
    running: Annotated[
        str, option("--running", help="Services of this stack that run now, whose ports are in use by them.")
    ] = "",
    make_key: Annotated[bool, option("--make-key", help="Make the heartbeat key if there is none.")] = False,
    sockets: Annotated[
        str, option("--sockets", help="File with the host's `ss -Hlntup`, or -: names who has a port.")
    ] = "",
    project: Annotated[str, option("--project", help="Where the project is.")] = "/opt/twinboot",
    without_trees: Annotated[bool, option("--without-trees", help="Leave the trees out.")] = False,
) -> None:
    """Is this server ready? Each finding is one line, with what to do. Exit code 2 when there is a FAULT."""
    from twinboot.commands import checking as checks

    request = checks.Request(
        site_file=site, config=config or site.parent, trees=trees,
        templates=((config or site.parent) / "templates", paths.TEMPLATES), server=server,
        running=frozenset(running.replace(",", " ").split()), make_key=make_key,
        sockets=_text_of(sockets), project=project, without_trees=without_trees,
        trees_on_host=os.environ.get("TWINBOOT_TREES", ""),
        trees_come=os.environ.get("TWINBOOT_TREES_COME") == "1",
    )
    faults = 0
    for finding in checks.check(request):
        print(finding, flush=True)
        faults += finding.severity is checks.Severity.FAULT
    if faults:
        print(f"{faults} fault{'s' if faults > 1 else ''}: this server is not ready")
        sys.exit(2)
    print("this server is ready")


def _text_of(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    return Path(name).read_text(encoding="utf-8") if name else ""


def parts(
    server: Annotated[str, server_option()] = "",
    site: Annotated[Path, located("--site", "The site file", paths.SITE_FILE)] = paths.SITE_FILE,
    record: Annotated[Path, located("--record", "The site in use", paths.SITE_RECORD)] = paths.SITE_RECORD,
    kernel: Annotated[bool, option("--kernel", help="And settings of the kernel.")] = False,
) -> None:
    """Print the settings of compose/.env that follow from the site in use, one a line (for `make up`).

    --kernel: and those of the kernel (net/...=value), for cards that the site file names.
    """
    from twinboot.commands import stack
    from twinboot.commands.changing import in_use
    from twinboot.commands.checking import cards
    from twinboot.site import SiteError, load

    settings: dict[str, object] = {}
    try:
        committed = in_use.committed_site(record)
        known = committed[0] if committed is not None else load(site)
        settings |= stack.wanted(known, server)
        if kernel:
            settings |= cards.kernel_settings(known, server)
    except SiteError as exc:
        fail(str(exc), code=2)
    except KeyError:
        fail(f"TWINBOOT_SERVER={server}: not a server of the site", code=2)
    for name, value in settings.items():
        print(f"{name}={value}")


def render(
    server: Annotated[str, server_option()] = "",
    config: Annotated[Path, located("--config", "Directory of the site file", paths.CONFIG)] = paths.CONFIG,
    out_etc: Annotated[Path, located("--out-etc", "Where the daemons' files go", paths.ETC)] = paths.ETC,
    out_pub: Annotated[Path, located("--out-pub", "Where files for clients go", paths.PUB)] = paths.PUB,
    trees: Annotated[Path, located("--trees", "Where the install trees are", paths.TREES)] = paths.TREES,
    record: Annotated[Path, located("--record", "The site in use", paths.SITE_RECORD)] = paths.SITE_RECORD,
) -> None:
    """Make every configuration file of this server from the site in use, and switch to them in one step.

    That is the site that was applied last; on the first start the site file.
    """
    from twinboot.commands import stack
    from twinboot.commands.changing import in_use
    from twinboot.render import apply
    from twinboot.site import SiteError, load

    if not server:
        fail("TWINBOOT_SERVER is not set: give it this server's name in compose/.env", code=2)
    try:
        committed = in_use.committed_site(record)
        site, number = committed if committed is not None else (load(config / paths.SITE_FILE.name), 0)
        if stale := stack.stale(site, server, os.environ):
            if not number:
                fail(f"nothing was changed: {stale}", code=2)
            print(f"WARNING {stale}", file=sys.stderr)
        changed = apply(config, server, out_etc, out_pub, trees, site=site, number=number)
    except SiteError as exc:
        for fault in exc.faults:
            print(f"FAULT   {fault}", file=sys.stderr)
        sys.exit(2)
    except OSError as exc:
        fail(f"cannot write: {exc}")
    print(f"rendered for {server}; changed: {', '.join(changed) or 'nothing that needs a restart'}")


def key(
    path: Annotated[Path, located("--out", "Where to write it", paths.HEARTBEAT_KEY)] = paths.HEARTBEAT_KEY,
) -> None:
    """Make a heartbeat key: one file, the same on every server, readable by root alone."""
    from twinboot.adapters import keys
    from twinboot.errors import ResourceError

    try:
        keys.generate(path)
    except ResourceError as exc:
        fail(str(exc))
    print(f"made {path}; copy it to every other server of the site")


def schema() -> None:
    """Print the JSON schema of the site file, for editors."""
    from twinboot.site.schema import schema_text

    print(schema_text(), end="")
