"""What `twinboot show` prints: what a machine gets, whatever its firmware is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from twinboot import paths

from .options import argument, fail, located

if TYPE_CHECKING:
    from twinboot.planning.plan import Machine, SitePlan


def show(
    host: Annotated[str, argument(help="The host, as below `hosts` of the site file.")],
    site: Annotated[Path, located("--site", "The site file", paths.SITE_FILE)] = paths.SITE_FILE,
    trees: Annotated[Path, located("--trees", "Directory of the install trees", paths.TREES)] = paths.TREES,
) -> None:
    """Show what a host of the site file gets: addresses, its boot file for every firmware, kernel and
    arguments."""
    from twinboot.planning.plan import SitePlan
    from twinboot.render.boot_files import boot_facts
    from twinboot.site import SiteError, load

    try:
        known = load(site)
    except SiteError as exc:
        fail(str(exc), code=2)
    plan = SitePlan(known, boot=boot_facts(known, trees))
    machine = next((one for one in plan.machines if one.name == host), None)
    if machine is None:
        from twinboot.site.faults import did_you_mean

        fail(f"hosts.{host}: no such host; {did_you_mean(host, known.hosts)}", code=2)
    print("\n".join(lines(plan, machine)))


def lines(plan: SitePlan, machine: Machine) -> Iterator[str]:
    """What is printed of a host."""
    from twinboot.loaders.base import BootLoader
    from twinboot.loaders.decision import Offer, rows
    from twinboot.loaders.menu import menu_of

    host, vip, profile = machine.host, plan.vip(machine.group), machine.install.profile
    yield f"{machine.name}: {', '.join(host.mac)}"
    yield f"address    {', '.join(map(str, host.all_addresses))}"
    yield f"boots from {vip} (group {machine.group}), installs {profile}"
    table = list(rows(plan, profile))
    width = max(len(row.firmware.name) for row in table)
    for row in table:
        gets = row.gets
        found = f"{gets.file(vip)} ({gets.loader})" if isinstance(gets, Offer) else f"nothing: {gets.why}"
        yield f"  {row.firmware.name:{width}}  {found}"
    menu = menu_of(plan, machine.install, room=BootLoader.room)
    yield f"kernel     {menu.kernel}"
    yield from (f"initrd     {one}" for one in menu.initrds)
    yield f"arguments  {' '.join(menu.arguments)}"
