"""The command `twinboot`. Names the commands and their options; commands/ does the work.

Heavy modules are imported by the commands that need them: `status --health` runs every few seconds as
the container's health check and takes a way of its own, past everything but a socket.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from twinboot import paths
from twinboot.commands.options import argument, fail, option

if TYPE_CHECKING:
    import typer

HEALTH = ["status", "--health"]
ENGINE_PROXY_HEALTH = ["engine-proxy", "--health"]
TAKEOVER_HEALTH = ["takeover", "--health"]
TREE_SYNC_HEALTH = ["tree-sync", "--health"]
_MOVE_TIMEOUT_S = 120
_HERE = ""
_COMMANDS = {
    "agent": _HERE, "takeover": _HERE, "tree-sync": _HERE, "engine-proxy": _HERE, "status": _HERE,
    "machines": _HERE, "machine": _HERE, "logs": _HERE, "install": _HERE, "local": _HERE, "power": _HERE,
    "enroll": "hosts.command", "unenroll": "hosts.command", "apply": _HERE, "site": "changing.in_use",
    "diff": _HERE, "history": _HERE, "standby": _HERE, "resume": _HERE, "ready": _HERE, "check": "site",
    "show": "show", "parts": "site", "render": "site", "forget-site": "changing.in_use", "key": "site",
    "schema": "site", "backup": "backup.making", "restore": "backup.restoring", "invite": "joining.inviting",
    "join": "joining.join", "token": "access", "audit": "access", "import": "trees.command",
}
"""In the order of --help; each with the module below commands/ that has it."""
_GROUPS = {
    "member": "joining.member", "hosts": "hosts.command", "trees": "trees.command",
    "webhooks": "webhooks.command",
}
"""Commands that have commands of their own: modules with application() and WHAT."""
_FUNCTIONS = {"import": "import_medium"}
"""Functions that are not called as their command."""


def main() -> None:
    """Entry point."""
    if sys.argv[1:] == HEALTH:
        from twinboot.commands.client import healthy

        _say_health(*healthy())
    if sys.argv[1:] in (["engine-proxy"], ENGINE_PROXY_HEALTH):  # it has little memory: without typer
        engine_proxy(health=sys.argv[1:] == ENGINE_PROXY_HEALTH)
    if sys.argv[1:] in (["takeover"], TAKEOVER_HEALTH):
        takeover(health=sys.argv[1:] == TAKEOVER_HEALTH)
    if sys.argv[1:] in (["tree-sync"], TREE_SYNC_HEALTH):
        tree_sync(health=sys.argv[1:] == TREE_SYNC_HEALTH)
    if sys.argv[1:] == ["agent"]:
        from twinboot.agent.start import main as run_agent

        sys.exit(run_agent())
    _application(sys.argv[1] if sys.argv[1:] else "")(prog_name="twinboot")


def _application(word: str) -> typer.Typer:
    """With all commands, or without those of other modules that `word` does not name: they cost half a second
    of imports, and operators and scripts ask for `status` all the time."""
    app: typer.Typer = _typer().Typer(
        name="twinboot", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Two or more install servers that act as one. Commands for this server's sidecar.",
    )
    known = word in _COMMANDS or word in _GROUPS
    for name, where in _COMMANDS.items():
        if where == _HERE:
            app.command(name)(globals()[name.replace("-", "_")])
        elif name == word or not known:
            app.command(name)(getattr(_module(where), _FUNCTIONS.get(name, name.replace("-", "_"))))
    for name, where in _GROUPS.items():
        if name == word or not known:
            group = _module(where)
            app.add_typer(group.application(), name=name, help=group.WHAT)
    return app


def _typer() -> ModuleType:
    """Typer as where there is no Rich: nothing here has its markup, and it is half of the import."""
    if "rich" in sys.modules or "typer" in sys.modules:
        return import_module("typer")
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        return import_module("typer")
    finally:
        del sys.modules["rich"]


def _module(where: str) -> Any:
    return import_module(f"twinboot.commands.{where}")


def agent() -> None:
    """Run the agent in the foreground. TERM makes it hand everything over and end."""
    from twinboot.agent.start import main as run_agent

    sys.exit(run_agent())


def takeover(
    health: Annotated[bool, option("--health", help="Only say whether the process answers.")] = False,
) -> None:
    """Run connection takeover, a container of its own: it carries clients' connections over to this
    server."""
    if not health:
        from twinboot.takeover.host.start import main as run_takeover

        sys.exit(run_takeover(paths.TAKEOVER_SOCKET))
    from twinboot.commands.client import takeover_healthy

    _say_health(*takeover_healthy())


def tree_sync(
    health: Annotated[bool, option("--health", help="Only say whether the process answers.")] = False,
) -> None:
    """Run what keeps the install trees the same on all servers, a container of its own."""
    if health:
        from twinboot.commands.client import tree_sync_healthy

        _say_health(*tree_sync_healthy())
    from twinboot.tree_sync.host import start

    sys.exit(start.main(paths.TREE_SYNC_SOCKET, paths.TREES))


def engine_proxy(
    health: Annotated[bool, option("--health", help="Only say whether the engine proxy answers.")] = False,
) -> None:
    """Run the proxy to the Docker engine, a container of its own: it alone has the engine's socket."""
    if not health:
        from twinboot.engine_proxy.serve import main as run_engine_proxy

        sys.exit(run_engine_proxy(paths.ENGINE_PROXY_SOCKET))
    from twinboot.commands.client import engine_proxy_healthy

    _say_health(*engine_proxy_healthy())


def status(
    json: Annotated[bool, option("--json", help="One JSON object, for programs.")] = False,
    watch: Annotated[bool, option("--watch", help="Show it again every half second; Ctrl-C ends.")] = False,
    health: Annotated[bool, option("--health", help="Only say whether the agent answers.")] = False,
) -> None:
    """Show who holds what, which servers and links are alive, and what is wrong."""
    from twinboot.commands import client

    if health:
        _say_health(*client.healthy())
    try:
        reply = client.ask("status")
    except client.AgentDown as exc:
        fail(str(exc))
    reply.pop("ok", None)
    if json:
        import json as codec

        print(codec.dumps(reply, indent=1))
        return
    from twinboot.commands import status as show

    if watch:
        show.watch_status(client.ask)
    else:
        show.print_status(reply)


def machines(
    names: Annotated[list[str] | None, argument(help="Hosts; all of them when left out.")] = None,
    state: Annotated[str, option("--state", help="Only those in this state: waiting, done, failed ...")] = "",
    profile: Annotated[str, option("--profile", help="Only those with this profile.")] = "",
    json: Annotated[bool, option("--json", help="A JSON list, for programs.")] = False,
    watch: Annotated[bool, option("--watch", help="Show it again every second; Ctrl-C ends.")] = False,
    unknown: Annotated[bool, option("--unknown", help="Machines without an entry that have asked.")] = False,
) -> None:
    """Show every machine of the site file: how far its install is, and what it boots next."""
    from twinboot.commands import machines as show

    if unknown:
        show.print_unknown(as_json=json)
        return
    show.print_machines(names=names or (), state=state, profile=profile, as_json=json, watch=watch)


def machine(
    name: Annotated[str, argument(help="A host of the site file.")],
    json: Annotated[bool, option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Show all that is known of one machine, with the last words of its installer."""
    from twinboot.commands import machines as show

    show.print_machine(name, as_json=json)


def logs(
    name: Annotated[str, argument(help="A host of the site file.")],
    follow: Annotated[bool, option("--follow", help="Go on with what is heard here, until Ctrl-C.")] = False,
) -> None:
    """Print what a machine's installer has said, as all servers have heard it: times in UTC."""
    from twinboot.commands import logs as show

    show.run(name, follow=follow)


def install(
    hosts: Annotated[list[str] | None, argument(help="Hosts of the site file.")] = None,
    profile: Annotated[str, option("--profile", help="All hosts with this profile.")] = "",
    yes: Annotated[bool, option("--yes", help="Do not ask.")] = False,
    now: Annotated[bool, option("--now", help="Restart them for it at once, by their BMCs.")] = False,
    force: Annotated[bool, option("--force", help="--now: those that are being installed, too.")] = False,
) -> None:
    """Have machines installed at their next start from the network: THEIR DISKS ARE ERASED.

    A host that was never installed needs no such order: its entry in the site file asks for one install.
    """
    from twinboot.commands import machines as orders

    orders.order("install", hosts or (), profile, yes=yes, now=now, force=force)


def power(
    host: Annotated[str, argument(help="A host of the site file that has `power`.")],
    what: Annotated[str, argument(help="on, off, cycle or status; status when left out.")] = "status",
    force: Annotated[bool, option("--force", help="Also while it is being installed.")] = False,
) -> None:
    """Switch a machine on or off by its BMC, or off and on again (cycle); or ask if it is on.

    `off` is at once, whatever runs on it. Ends with 1 when it could not be done.
    """
    from twinboot.commands import power as switching

    switching.switch(host, what, force=force)


def local(
    hosts: Annotated[list[str] | None, argument(help="Hosts of the site file.")] = None,
    profile: Annotated[str, option("--profile", help="All hosts with this profile.")] = "",
) -> None:
    """Have machines start from their disks, also when they start from the network. Takes `install` back."""
    from twinboot.commands import machines as orders

    orders.order("local", hosts or (), profile, yes=True)


def apply(
    yes: Annotated[bool, option("--yes", help="Do not ask.")] = False,
    without: Annotated[
        list[str] | None, option("--without", help="A server that is away; it takes the site when back.")
    ] = None,
    previous: Annotated[bool, option("--previous", help="The site before this one again.")] = False,
    full: Annotated[bool, option("--full", help="Show the lines of each file that change.")] = False,
    dry_run: Annotated[
        bool, option("--dry-run", help="Only show what would change; ends with 3 if anything.")
    ] = False,
    status: Annotated[bool, option("--status", help="Only show which server works by which site.")] = False,
) -> None:
    """Change the site on all servers, or on none: show what changes, let every server check it, switch.

    The site is config/site.yaml of this server. Each server looks at it with its own disks, interfaces and
    ports. When all have accepted they go over one after the other; addresses and DHCP move in order.
    Ends with 1 when nothing was changed, 2 for a site file with faults.
    """
    from twinboot.commands.changing import apply as applying

    applying.run(applying.ApplyOptions(
        yes=yes, without=tuple(without or ()), previous=previous, full=full, dry_run=dry_run, status=status,
    ))


def diff(
    name: Annotated[str, argument(help="A host, or another server; all of them when left out.")] = "",
) -> None:
    """Show what the edited site file would change for each machine, and in what the other servers' files
    differ from this one's. Ends with 1 when anything does."""
    from twinboot.commands.changing import diff as show

    show.run(name)


def history(
    json: Annotated[bool, option("--json", help="All moves as one JSON object, for programs.")] = False,
    as_list: Annotated[bool, option("--all", help="A line for each move that is remembered.")] = False,
    move: Annotated[int, option("--move", help="The move of this number; the last one when left out.")] = 0,
) -> None:
    """Show when what happened in a move of a group: last heartbeat, claim, announcement, first data.

    The last 20 moves are remembered, as this server saw them, those before the sidecar's last start too.
    Lines of clients' connections need the takeover process.
    """
    from twinboot.commands import client

    try:
        reply = client.ask("history")
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"history: {reply.get('error')}")
    moves = reply["moves"]
    if move:
        moves = [one for one in moves if one["number"] == move]
    if json:
        import json as codec

        print(codec.dumps({"server": reply["server"], "moves": moves}, indent=1))
        return
    if not moves:
        fail(f"no move {move} is remembered" if move else "nothing has moved yet")
    from twinboot.commands import history as timeline

    timeline.print_moves(moves if as_list else moves[-1:], as_list=as_list)


def standby(
    force: Annotated[bool, option("--force", help="Also when no other server can take over.")] = False,
    ask: Annotated[bool, option("--ask", help="Only say whether it would be refused.")] = False,
) -> None:
    """Hand everything over to the other servers and hold nothing until `resume`.

    Refused while something would not be served then: the text names what is missing, where, and the command.
    """
    _command("standby", force=force, ask=ask)


def resume() -> None:
    """Take part again after `standby`, and wait until this server's own groups are back."""
    _command("resume")


def ready(
    version: Annotated[str, option("--version", help="The version that must run; any when left out.")] = "",
    wait: Annotated[float, option("--wait", help="For how many seconds it may become ready.")] = 0.0,
) -> None:
    """Say whether this server is well: state, daemons, peers, its own alarms. Ends with 1 when it is not."""
    from twinboot.commands import client
    from twinboot.commands import ready as judge

    def ask() -> judge.Status | None:
        try:
            return client.ask("status")
        except client.AgentDown:
            return None

    found = judge.wait_ready(ask, version, wait)
    if found:
        fail("not ready: " + "; ".join(found))
    print("ready")


def _say_health(well: bool, text: str) -> NoReturn:
    """The end of a container's health check."""
    print(text)
    sys.exit(0 if well else 1)


def _command(name: str, **options: bool) -> None:
    from twinboot.commands import client

    try:
        reply = client.ask(name, options, timeout_s=_MOVE_TIMEOUT_S)
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"{name}: {reply.get('error')}")
    print(reply.get("message", "done"))


if __name__ == "__main__":
    if os.environ.get("TWINBOOT_DEBUG", "") not in ("", "0"):
        import faulthandler

        faulthandler.enable()
    main()
