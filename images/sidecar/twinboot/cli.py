"""The command `twinboot`. Names the commands and their options; commands/ does the work.

Heavy modules are imported by the commands that need them: `status --health` runs every few seconds as
the container's health check and takes a way of its own, past everything but a socket.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from twinboot import paths

if TYPE_CHECKING:
    import typer

HEALTH = ["status", "--health"]
DOOR_HEALTH = ["door", "--health"]
_MOVE_TIMEOUT_S = 120


def main() -> None:
    """Entry point."""
    if sys.argv[1:] == HEALTH:
        from twinboot.commands.client import healthy

        well, text = healthy()
        print(text)
        sys.exit(0 if well else 1)
    if sys.argv[1:] in (["door"], DOOR_HEALTH):  # it has little memory: without typer
        door(health=sys.argv[1:] == DOOR_HEALTH)
    if sys.argv[1:] == ["adopter"]:
        adopter()
    if sys.argv[1:] == ["agent"]:
        from twinboot.agent.start import main as run_agent

        sys.exit(run_agent())
    _application()(prog_name="twinboot")


def _application() -> typer.Typer:
    import typer

    app = typer.Typer(
        name="twinboot", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Two or more install servers that act as one. Commands for this server's sidecar.",
    )
    for command in (
        agent, adopter, door, status, history, standby, resume, check, parts, render, key, schema,
    ):
        app.command()(command)
    return app


def agent() -> None:
    """Run the agent in the foreground. TERM makes it hand everything over and end."""
    from twinboot.agent.start import main as run_agent

    sys.exit(run_agent())


def adopter() -> None:
    """Run the adopter, a container of its own: it carries clients' connections over to this server."""
    from twinboot.adopter.start import main as run_adopter

    sys.exit(run_adopter(paths.ADOPTER_SOCKET))


def door(
    health: Annotated[bool, _option("--health", help="Only say whether the door answers.")] = False,
) -> None:
    """Run the door to the Docker engine, a container of its own: it alone has the engine's socket."""
    if not health:
        from twinboot.door.serve import main as run_door

        sys.exit(run_door(paths.DOOR_SOCKET))
    from twinboot.adapters.engine import Engine
    from twinboot.errors import ResourceError

    try:
        Engine(paths.DOOR_SOCKET).healthy()
    except ResourceError as exc:
        _fail(str(exc))
    print("the door answers")


def _option(*names: str, help: str, **more: Any) -> Any:
    import typer

    return typer.Option(*names, help=help, show_default=False, show_envvar=False, **more)


def _server() -> Any:
    return _option("--server", envvar="TWINBOOT_SERVER", help="This server's name ($TWINBOOT_SERVER).")


def _path(name: str, what: str, default: Path) -> Any:
    return _option(name, help=f"{what} ({default}).")


def status(
    json: Annotated[bool, _option("--json", help="One JSON object, for programs.")] = False,
    watch: Annotated[bool, _option("--watch", help="Show it again every half second; Ctrl-C ends.")] = False,
    health: Annotated[bool, _option("--health", help="Only say whether the agent answers.")] = False,
) -> None:
    """Show who holds what, which servers and links are alive, and what is wrong."""
    from twinboot.commands import client

    if health:
        well, text = client.healthy()
        print(text)
        sys.exit(0 if well else 1)
    try:
        reply = client.ask("status")
    except client.AgentDown as exc:
        _fail(str(exc))
    reply.pop("ok", None)
    if json:
        import json as codec

        print(codec.dumps(reply, indent=1))
        return
    from twinboot.commands import show

    if watch:
        show.watch(client.ask)
    else:
        show.once(reply)


def history(
    json: Annotated[bool, _option("--json", help="All moves as one JSON object, for programs.")] = False,
    every: Annotated[bool, _option("--all", help="A line for each move that is remembered.")] = False,
    move: Annotated[int, _option("--move", help="The move of this number; the last one when left out.")] = 0,
) -> None:
    """Show when what happened in a move of a group: last heartbeat, claim, announcement, first data.

    The last 20 moves are remembered, as this server saw them, those before the sidecar's last start too.
    Lines of clients' connections need the adopter.
    """
    from twinboot.commands import client

    try:
        reply = client.ask("history")
    except client.AgentDown as exc:
        _fail(str(exc))
    if not reply.get("ok"):
        _fail(f"history: {reply.get('error')}")
    moves = reply["moves"]
    if move:
        moves = [one for one in moves if one["number"] == move]
    if json:
        import json as codec

        print(codec.dumps({"server": reply["server"], "moves": moves}, indent=1))
        return
    if not moves:
        _fail(f"no move {move} is remembered" if move else "nothing has moved yet")
    from twinboot.commands import timeline

    timeline.show(moves if every else moves[-1:], every=every)


def standby(
    force: Annotated[bool, _option("--force", help="Also when no other server can take over.")] = False,
) -> None:
    """Hand everything over to the other servers and hold nothing until `resume`."""
    _command("standby", force=force)


def resume() -> None:
    """Take part again after `standby`, and wait until this server's own groups are back."""
    _command("resume")


def check(
    server: Annotated[str, _server()] = "",
    site: Annotated[Path, _path("--site", "The site file", paths.SITE_FILE)] = paths.SITE_FILE,
    trees: Annotated[Path, _path("--trees", "The directory of the install trees", paths.TREES)] = paths.TREES,
    running: Annotated[
        str, _option("--running", help="Services of this stack that run now, whose ports are in use by them.")
    ] = "",
    make_key: Annotated[bool, _option("--make-key", help="Make the heartbeat key if there is none.")] = False,
    sockets: Annotated[
        str, _option("--sockets", help="File with the host's `ss -Hlntup`, or -: names who has a port.")
    ] = "",
    project: Annotated[str, _option("--project", help="Where the project is.")] = "/opt/twinboot",
    without_trees: Annotated[bool, _option("--without-trees", help="Leave the trees out.")] = False,
) -> None:
    """Is this server ready? Each finding is one line, with what to do. Exit code 2 when there is a FAULT."""
    from twinboot.commands import check as checks

    request = checks.Request(
        site_file=site, config=site.parent, trees=trees,
        templates=(site.parent / "templates", paths.TEMPLATES), server=server,
        running=frozenset(running.replace(",", " ").split()), make_key=make_key,
        sockets=_text_of(sockets), project=project, without_trees=without_trees,
    )
    faults = 0
    for finding in checks.check(request):
        print(finding, flush=True)
        faults += finding.weight is checks.Weight.FAULT
    if faults:
        print(f"{faults} fault{'s' if faults > 1 else ''}: this server is not ready")
        sys.exit(2)
    print("this server is ready")


def _text_of(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    return Path(name).read_text(encoding="utf-8") if name else ""


def parts(
    server: Annotated[str, _server()] = "",
    site: Annotated[Path, _path("--site", "The site file", paths.SITE_FILE)] = paths.SITE_FILE,
) -> None:
    """Print the parts of the stack that this site needs beside the usual: serial, adopter (for `make up`)."""
    from twinboot.site import SiteError, load
    from twinboot.site.model import SerialLink

    try:
        found = load(site)
        links = found.servers[server].links.values()
    except SiteError as exc:
        _fail(str(exc), code=2)
    except KeyError:
        _fail(f"TWINBOOT_SERVER={server}: not a server of the site", code=2)
    if any(isinstance(link, SerialLink) for link in links):
        print("serial")
    if found.adopt.wanted:
        print("adopter")


def render(
    server: Annotated[str, _server()] = "",
    config: Annotated[Path, _path("--config", "Directory of the site file", paths.CONFIG)] = paths.CONFIG,
    out_etc: Annotated[Path, _path("--out-etc", "Where the daemons' files go", paths.ETC)] = paths.ETC,
    out_pub: Annotated[Path, _path("--out-pub", "Where files for clients go", paths.PUB)] = paths.PUB,
) -> None:
    """Make every configuration file of this server from the site file, and switch to them in one step."""
    from twinboot.site import SiteError, apply

    if not server:
        _fail("TWINBOOT_SERVER is not set: give it this server's name in compose/.env", code=2)
    try:
        changed = apply(config, server, out_etc, out_pub)
    except SiteError as exc:
        for fault in exc.faults:
            print(f"FAULT   {fault}", file=sys.stderr)
        sys.exit(2)
    except OSError as exc:
        _fail(f"cannot write: {exc}")
    print(f"rendered for {server}; changed: {', '.join(changed) or 'nothing that needs a restart'}")


def key(
    path: Annotated[Path, _path("--out", "Where to write it", paths.HEARTBEAT_KEY)] = paths.HEARTBEAT_KEY,
) -> None:
    """Make a heartbeat key: one file, the same on every server, readable by root alone."""
    from twinboot.adapters import keys
    from twinboot.errors import ResourceError

    try:
        keys.generate(path)
    except ResourceError as exc:
        _fail(str(exc))
    print(f"made {path}; copy it to every other server of the site")


def schema() -> None:
    """Print the JSON schema of the site file, for editors."""
    from twinboot.site.schema import schema_text

    print(schema_text(), end="")


def _command(name: str, **options: bool) -> None:
    from twinboot.commands import client

    try:
        reply = client.ask(name, options, timeout_s=_MOVE_TIMEOUT_S)
    except client.AgentDown as exc:
        _fail(str(exc))
    if not reply.get("ok"):
        _fail(f"{name}: {reply.get('error')}")
    print(reply.get("message", "done"))


def _fail(text: str, code: int = 1) -> NoReturn:
    print(f"twinboot: {text}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    if os.environ.get("TWINBOOT_DEBUG"):
        import faulthandler

        faulthandler.enable()
    main()
