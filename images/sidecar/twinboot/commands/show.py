"""What `twinboot show` prints: what a machine gets, whatever its firmware is, and any of its files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from twinboot import paths

from . import client
from .options import argument, fail, located, option

if TYPE_CHECKING:
    from twinboot.planning.plan import Machine, SitePlan
    from twinboot.render.machine_view import MachineView
    from twinboot.site import Site

_AT = 11
"""The column where what is told begins."""


def show(
    machine: Annotated[str, argument(
        help="A host of the site file, or its MAC or IP address; an address of a range: an unknown machine."
    )],
    file: Annotated[str, option("--file", help="Print this file of it, or the one that ends so.")] = "",
    site: Annotated[Path, located("--site", "The site file", paths.SITE_FILE)] = paths.SITE_FILE,
    trees: Annotated[Path, located("--trees", "Directory of the install trees", paths.TREES)] = paths.TREES,
    etc: Annotated[Path, located("--etc", "Directory of the configuration", paths.ETC)] = paths.ETC,
) -> None:
    """Show every file and argument that a machine gets, from which server, and why."""
    from twinboot.render.generations import planned
    from twinboot.site import SiteError, load

    try:
        known = load(site)
        plan, rendered = planned(known, site.parent, etc, trees)
    except SiteError as exc:
        fail(str(exc), code=2)
    name, group, view = found(plan, machine, rendered.pub)
    if file:
        sys.stdout.write(file_of(view, name, file))
        return
    print("\n".join(lines(name, view, _holder(group))))


def found(plan: SitePlan, machine: str, published: Mapping[str, str]) -> tuple[str, str, MachineView]:
    """Title, group, and what it gets. Ends the process when there is no such machine."""
    from twinboot.render.machine_view import machine_view, unknown_view

    host = _host(plan, machine)
    if host is not None:
        return host.name, host.group, machine_view(plan, host, published)
    for address, install in plan.dynamic():
        if str(address) == machine:
            title = f"unknown machine that gets {address}"
            return title, plan.balance.group_of(address), unknown_view(plan, install, published)
    fail(_nobody(plan.site, machine), code=2)


def _host(plan: SitePlan, machine: str) -> Machine | None:
    mac = machine.lower().replace("-", ":")
    for one in plan.machines:
        if machine == one.name or mac in one.host.mac or machine in map(str, one.host.all_addresses):
            return one
    return None


def _nobody(site: Site, machine: str) -> str:
    from twinboot.site.faults import did_you_mean

    try:
        where = site.subnet_of(IPv4Address(machine))
    except ValueError:
        return f"hosts.{machine}: no such host; {did_you_mean(machine, site.hosts)}"
    if where is None or where.range is None or IPv4Address(machine) not in where.range:
        return f"{machine}: no host has this address, and it is in no range"
    return f"{machine}: unknown machines of {where.network} install nothing (unknown: {where.unknown})"


def _holder(group: str) -> str:
    """Who answers for the group now; empty when this server's agent does not say."""
    try:
        status = client.ask("status")
    except client.AgentDown:
        return ""
    return str(status.get("groups", {}).get(group, {}).get("holder") or "")


def lines(title: str, view: MachineView, holder: str = "") -> Iterator[str]:
    """What is printed of a machine. holder: the server that has its group's address now."""
    yield title
    for what, told in view.facts.items():
        now = f"; now {holder}" if what == "boots from" and holder else ""
        first, *others = told.split(" ") if what == "arguments" else [told]
        yield f"  {what:{_AT}}{first}{now}"
        yield from (f"  {'':{_AT}}{one}" for one in others)
    if view.boot:
        yield "boot file, as its firmware says what it is:"
        width = max(map(len, view.boot))
        yield from (f"  {firmware:{width}}  {told}" for firmware, told in view.boot.items())
    yield "files (--file NAME prints one):"
    for path, text in view.files.items():
        more = len(view.copies.get(path, ()))
        names = f", under {more + 1} names" if more else ""
        yield f"  {path}  {len(text.encode())} bytes{names}"


def file_of(view: MachineView, title: str, name: str) -> str:
    """Its text. Ends the process when there is no such file, or several."""
    names = {path: path for path in view.files}
    names |= {copy: path for path, copies in view.copies.items() for copy in copies}
    wanted = name.lstrip("/")
    matching = {names[wanted]} if wanted in names else {
        path for one, path in names.items() if one.endswith(f"/{wanted}") or one.endswith(wanted)
    }  # fmt: skip
    if len(matching) != 1:
        what = "no such file" if not matching else "several files end so"
        fail(f"{title}: {name}: {what}; it has {', '.join(view.files)}", code=2)
    return view.files[matching.pop()]
