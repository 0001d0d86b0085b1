"""The options of `twinboot enroll`, `unenroll` and `hosts`. Light: every command of twinboot reads this.

`yes` and `without` are read by scripts/hosts.sh, which asks and applies; they stand here for --help.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

from twinboot.commands.options import argument, fail, option

if TYPE_CHECKING:
    import typer

    from twinboot.enrolment.change import SiteFileChange
    from twinboot.site import Site

    from .proposal import ProposalOptions

WHAT = "The machines of the site file as a table: export, import."
_DRY = option("--dry-run", help="Only show what would change; ends with 3 if anything.")
_NO_APPLY = option("--no-apply", help="Write config/site.yaml, and leave `twinboot apply` to you.")
_ALL = option("--all", help="Other changes of config/site.yaml, not applied yet, go along.")
_YES = option("--yes", help="Do not ask.")
_WITHOUT = option("--without", help="A server that is away; it takes the site when it is back.")
_NO_ASK = option("--no-ask", help="Do not ask the LAN whether somebody has an address.")
_MAY_ERASE = option("--may-erase", help="Also where the subnet installs machines without an entry.")
_SUBNET = option("--subnet", help="Where addresses are chosen; where the machine asked, when left out.")


def application() -> typer.Typer:
    import typer

    made = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    made.command("export")(export_hosts)
    made.command("import")(import_hosts)
    made.command("proposal", hidden=True)(take_proposal)
    made.command("write", hidden=True)(write_site)
    return made


def enroll(
    targets: Annotated[list[str], argument(
        help="MAC addresses; MAC=NAME; several cards of one machine as MAC,MAC.")],
    name: Annotated[str, option("--name", help="Its host name; of several its number counts up.")] = "",
    address: Annotated[str, option("--address", help="A free one is chosen when left out (auto).")] = "auto",
    profile: Annotated[str, option("--profile", help="What to install; the subnet's when left out.")] = "",
    group: Annotated[str, option("--group", help="Whose server it installs from; by parity alone.")] = "",
    subnet: Annotated[str, _SUBNET] = "",
    uuid: Annotated[bool, option("--uuid", help="The entry has the UUID that it has told, too.")] = False,
    no_ask: Annotated[bool, _NO_ASK] = False,
    dry_run: Annotated[bool, _DRY] = False,
    no_apply: Annotated[bool, _NO_APPLY] = False,
    everything: Annotated[bool, _ALL] = False,
    without: Annotated[list[str] | None, _WITHOUT] = None,
    yes: Annotated[bool, _YES] = False,
) -> None:
    """Give machines an entry in the site file, and apply it on all servers.

    They get their profile at their next start from the network: AN INSTALL ERASES A DISK.
    """
    from twinboot.enrolment import enrolling

    from . import lan

    enrolment = enrolling.Enrolment(
        targets=targets, name=name, address=address, profile=profile, group=group, subnet=subnet,
        with_uuid=uuid,
    )  # fmt: skip

    def change(site: Site) -> SiteFileChange:
        server = _server(site.servers)
        return enrolling.enrol(
            site, enrolment, server, heard=lan.unknown_machines(), leased=lan.leased(),
            answering=lambda some: {} if no_ask else lan.answering(site, server, some),
        )  # fmt: skip

    _propose("enroll", change, _wish(dry_run, no_apply, everything))


def unenroll(
    hosts: Annotated[list[str], argument(help="Hosts of the site file.")],
    may_erase: Annotated[bool, _MAY_ERASE] = False,
    dry_run: Annotated[bool, _DRY] = False,
    no_apply: Annotated[bool, _NO_APPLY] = False,
    everything: Annotated[bool, _ALL] = False,
    without: Annotated[list[str] | None, _WITHOUT] = None,
    yes: Annotated[bool, _YES] = False,
) -> None:
    """Take machines out of the site file again. Nothing on them is touched."""
    from twinboot.enrolment import enrolling

    _propose("unenroll", lambda site: enrolling.unenrol(site, hosts, may_erase=may_erase),
             _wish(dry_run, no_apply, everything))


def export_hosts(
    csv: Annotated[bool, option("--csv", help="As CSV, for a spreadsheet (when nothing is said).")] = False,
    json: Annotated[bool, option("--json", help="As JSON: all that the entries say.")] = False,
) -> None:
    """Print the machines of the site in use as a table that `hosts import` reads."""
    from twinboot.enrolment import merging, rows

    from ..changing import in_use

    if csv and json:
        fail("hosts export: --csv or --json", 2)
    known = in_use.committed_site()
    if known is None:
        fail("no site is in use here yet: `make up`")
    hosts = ((name, merging.entry_of(host)) for name, host in known[0].hosts.items())
    sys.stdout.write(rows.as_json(hosts) if json else rows.as_csv(hosts))


def import_hosts(
    file: Annotated[str, argument(help="CSV or JSON; - for the standard input.")],
    replace: Annotated[bool, option("--replace", help="Machines that it does not name go.")] = False,
    subnet: Annotated[str, option("--subnet", help="Where `auto` chooses addresses; this server's.")] = "",
    no_ask: Annotated[bool, _NO_ASK] = False,
    may_erase: Annotated[bool, _MAY_ERASE] = False,
    dry_run: Annotated[bool, _DRY] = False,
    no_apply: Annotated[bool, _NO_APPLY] = False,
    everything: Annotated[bool, _ALL] = False,
    without: Annotated[list[str] | None, _WITHOUT] = None,
    yes: Annotated[bool, _YES] = False,
) -> None:
    """Merge a table of machines into the site file by their names, and apply it on all servers.

    All faults are told with their lines, and nothing is changed while there is one. What the table does not
    say stays.
    """
    from twinboot.enrolment import merging, rows

    from . import lan, proposal

    command = "hosts import"
    data = _data(file)
    wish = _wish(dry_run, no_apply, everything)
    found = rows.read(data)
    given = proposal.base(command, wish)
    server = _server(given.site.servers)
    site = given.site
    near = site.subnet_of(site.servers[server].address)
    if subnet:
        near = next((one for one in site.subnets if str(one.network) == subnet), None)
        if near is None:
            known = ", ".join(str(one.network) for one in site.subnets)
            fail(f"{command}: no subnet {subnet!r}; there are: {known}", 2)
    made = merging.merge(
        site, found.rows, subnet=near, replace=replace and not found.faults, may_erase=may_erase,
        leased=lan.leased, answering=lambda some: {} if no_ask else lan.answering(site, server, some),
    )  # fmt: skip
    faults = [*found.faults, *made.faults]
    if faults:
        proposal.end_with(command, faults, f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in {file}")
    proposal.propose(command, given, made.change, wish, made.places)


def take_proposal() -> None:
    """Print what a command has left to be written."""
    from . import proposal

    proposal.take()


def write_site(
    back: Annotated[bool, option("--back", help="Take it back, unless it is in use by now.")] = False,
) -> None:
    """Write the site file by the proposal on the standard input."""
    from . import proposal

    proposal.write(back=back)


def _wish(dry_run: bool, no_apply: bool, everything: bool) -> ProposalOptions:
    from .proposal import ProposalOptions

    return ProposalOptions(dry_run=dry_run, apply=not no_apply, everything=everything)


def _server(servers: object) -> str:
    """This server's name, by the environment."""
    name = os.environ.get("TWINBOOT_SERVER", "")
    if name not in servers:  # type: ignore[operator]
        fail(f"TWINBOOT_SERVER={name}: not a server of the site", 2)
    return name


def _data(file: str) -> bytes:
    from twinboot.enrolment.rows import MAX_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with open(file, "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as exc:
        fail(f"hosts import: {file}: {exc.strerror}", 2)


def _propose(command: str, change: Callable[[Site], SiteFileChange], wish: ProposalOptions) -> NoReturn:
    """Shows and leaves what `change` makes of the site; or says why it does not."""
    from twinboot.enrolment import enrolling

    from . import proposal

    given = proposal.base(command, wish)
    try:
        made = change(given.site)
    except enrolling.Refused as exc:
        for line in exc.lines:
            print(f"twinboot: {command}: {line}", file=sys.stderr)
        sys.exit(2)
    proposal.propose(command, given, made, wish)
