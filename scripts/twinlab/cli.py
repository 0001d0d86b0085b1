"""`scripts/lab`: the lab for people. Commands only; all work is done by lab.py and its neighbours."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from twinlab.faults import faults
from twinlab.host import images, netboot, vm
from twinlab.host.engine import LabError, check_engine
from twinlab.lab import NAME, Lab

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="A whole Twinboot site on this machine: servers, LAN, clients and faults.",
)  # fmt: skip
console = Console(highlight=False)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
Name = Annotated[str, typer.Option("--name", help="Which lab; several can stand side by side.")]


class Progress:
    """Progress lines with the seconds since the start."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __call__(self, text: str) -> None:
        console.print(f"[dim]{time.monotonic() - self.started:6.1f} s[/]  {text}")


@app.command()
def up(
    servers: Annotated[int, typer.Option(help="How many servers.", min=2, max=16)] = 2,
    site: Annotated[Path | None, typer.Option(help="Site file; config/examples/parity.yaml if none.")] = None,
    trees: Annotated[Path | None, typer.Option(help="Folder of install trees; build/trees if none.")] = None,
    disk: Annotated[bool, typer.Option("--disk", help="Disks that the faults disk-* can break.")] = False,
    name: Name = NAME,
) -> None:
    """Build what is missing, start, and wait until every group has one owner."""
    lab = Lab(name, Progress())
    lab.up(servers, site, trees.resolve() if trees else None, disk=disk)
    _table(lab)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Each server's own view, unchanged.")] = False,
    name: Name = NAME,
) -> None:
    """Each server's view of who holds what."""
    lab = Lab(name)
    if as_json:
        print(json.dumps(lab.status(), indent=2))
    else:
        _table(lab)


@app.command("exec", context_settings=PASS_ON)
def exec_(ctx: typer.Context, server: str, name: Name = NAME) -> None:
    """Run a command in a server: exec server1 -- CMD ..."""
    command = _command(ctx)
    target = Lab(name).server(server)
    tty = ("-it",) if sys.stdin.isatty() and sys.stdout.isatty() else ("-i",)
    raise typer.Exit(subprocess.run(("docker", "exec", *tty, target.container, *command)).returncode)


@app.command(context_settings=PASS_ON)
def client(
    ctx: typer.Context,
    mac: Annotated[str | None, typer.Option(help="Hardware address of the client.")] = None,
    ip: Annotated[str | None, typer.Option(help="Address that Docker gives it.")] = None,
    name: Name = NAME,
) -> None:
    """Run a throw-away client on the LAN: client -- CMD ..."""
    lab = Lab(name)
    names = tuple(lab.addresses.values())
    said = lab.client(*_command(ctx), check=False, mac=mac, ip=ip, dns=names, timeout_s=3600)
    sys.stdout.write(said.out)
    sys.stderr.write(said.err)
    raise typer.Exit(said.code)


@app.command()
def boot(
    host: Annotated[str, typer.Argument(help="A host of the site file, for instance cli128.")],
    firmware: Annotated[str, typer.Option(help=f"{', '.join(vm.FIRMWARES)}.")] = "bios",
    nic: Annotated[str, typer.Option(help=f"Its network card: {', '.join(vm.CARDS)}.")] = "virtio",
    name: Name = NAME,
) -> None:
    """Boot a virtual machine over the network; its serial console is shown until it ends."""
    for word, known in ((firmware, vm.FIRMWARES), (nic, vm.CARDS)):
        if word not in known:
            raise LabError(f"'{word}' is none of {', '.join(known)}")
    machine = Lab(name, Progress()).boot(host, firmware, NIC=nic)
    try:
        code = subprocess.run(("docker", "logs", "-f", machine.container)).returncode
    finally:
        machine.remove()
    raise typer.Exit(code)


@app.command(
    help=f"Break a server; `heal` puts it right.\n\n\b\nFaults:\n{faults.listing()}",
    context_settings={"max_content_width": 120},
)
def fault(
    fault: Annotated[str, typer.Argument(metavar="NAME", help="One of the faults above.")],
    server: Annotated[str, typer.Argument(help="server1, server2 ...")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[ARGUMENTS]", help="As listed.")] = None,
    name: Name = NAME,
) -> None:
    lab = Lab(name)
    faults.inject(lab, fault, lab.server(server), *(words or ()))


@app.command()
def heal(
    server: Annotated[str | None, typer.Argument(help="Default: all.")] = None,
    name: Name = NAME,
) -> None:
    """Undo every fault."""
    lab = Lab(name)
    if server is None:
        lab.heal()
    else:
        faults.heal(lab, lab.server(server))


@app.command()
def logs(
    server: Annotated[str, typer.Argument(help="server1, server2 ...")] = "server1",
    service: Annotated[str, typer.Argument(help="A service of the stack.")] = "sidecar",
    name: Name = NAME,
) -> None:
    """The log of a server's service, by default the sidecar's log."""
    print(Lab(name).server(server).logs(service), end="")


@app.command()
def down(name: Name = NAME) -> None:
    """Remove the lab and all that is in it."""
    check_engine()
    Lab(name).down()


@app.command()
def build() -> None:
    """Build every image of the lab anew (what did not change comes from the cache)."""
    progress = Progress()
    images.ensure(progress, again=True, more=(images.VM_IMAGE, images.NETNS_IMAGE))
    netboot.build_netboot(progress)


def _command(ctx: typer.Context) -> list[str]:
    if not ctx.args:
        raise LabError("no command: put it after --")
    return ctx.args


def _table(lab: Lab) -> None:
    views = lab.status()
    table = Table("server", "power", "state", *(f"{g} {a}" for g, a in lab.addresses.items()), "alarms")
    for server, view in views.items():
        power = lab.servers[server].power
        if view is None:
            table.add_row(server, power, "no answer", *("" for _ in lab.addresses), "")
            continue
        cells = [_group(view["groups"].get(group, {})) for group in lab.addresses]
        alarms = "\n".join(f"{one['code']} {one['subject']}" for one in view["alarms"])
        table.add_row(server, power, str(view["state"]), *cells, alarms)
    console.print(table)


def _group(view: dict[str, Any]) -> str:
    services = " ".join(f"{s} {state}" for s, state in (view.get("services") or {}).items())
    return f"{view.get('state', '?')} {services}".strip()


def main() -> None:
    """Run the command line; faults of the lab are one message, not a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(prog_name="scripts/lab")
    except LabError as exc:
        print(f"lab: {exc}", file=sys.stderr)
        raise SystemExit(1) from exc
    except KeyboardInterrupt:
        print("lab: stopped", file=sys.stderr)
        raise SystemExit(130) from None
