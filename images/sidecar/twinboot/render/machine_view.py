"""What each machine of a site gets: arguments and files, as they are rendered.

`show` prints it of one machine, `diff` of two sites side by side. Unknown machines stand for all of one
profile and group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from ..installers.base import Passwords
from ..loaders.base import PUBLISHED
from ..loaders.decision import Offer, Row, loaders_in_use, room_for, rows
from ..loaders.menu import menu_of
from ..planning.plan import Install, Machine, SitePlan
from ..site.model.site import BalancingMode
from .files import Rendered
from .own_answers import Readers, published_as


@dataclass(frozen=True, slots=True)
class MachineView:
    """facts: what it is told, by what it is. boot: what each firmware loads. files: its own, by URL path;
    copies: more names of the same, by the name shown."""

    facts: Mapping[str, str]
    boot: Mapping[str, str]
    files: Mapping[str, str]
    copies: Mapping[str, tuple[str, ...]]

    @property
    def known(self) -> bool:
        """Is it a host's?"""
        return "known by" in self.facts


def machine_view(plan: SitePlan, machine: Machine, published: Mapping[str, str]) -> MachineView:
    """What a host gets. published: Rendered.pub of any server: all publish the same."""
    files, copies = {}, {}
    for loader in loaders_in_use(plan.site):
        names = list(dict.fromkeys(path for path in loader.files_of(machine) if path in published))
        if names:
            files[url_path(names[0])] = published[names[0]]
            copies[url_path(names[0])] = tuple(map(url_path, names[1:]))
    for install, owner in plan.answers_of(machine):
        for path in _answer_paths(plan, install, owner):
            files[url_path(path)] = published_as(path, published, machine.host.all_addresses) or ""
    host, vip = machine.host, plan.vip(machine.group)
    facts = {
        "known by": ", ".join((*host.mac, *((host.uuid,) if host.uuid else ()), *host.client_id)),
        "address": ", ".join(map(str, host.all_addresses)),
        "boots from": f"{vip}, group {machine.group} ({why(plan, machine)})",
        **_install_facts(plan, machine.install),
    }
    table = {row.firmware.name: _told(row, vip) for row in rows(plan, machine.install.profile)}
    return MachineView(facts, table, files, copies)


def unknown_view(plan: SitePlan, install: Install, published: Mapping[str, str]) -> MachineView:
    """What unknown machines get: what all of one profile and group share."""
    readers = list(Readers(plan).of(install, None))
    texts = {path: published_as(path, published, readers) for path in _answer_paths(plan, install, None)}
    files = {url_path(path): text for path, text in texts.items() if text is not None}
    return MachineView(_install_facts(plan, install), {}, files, {})


def views(plan: SitePlan, rendered: Rendered) -> Iterator[tuple[str, MachineView]]:
    """What every host gets, by its name; then what unknown machines get, by the name of their answers."""
    for machine in plan.machines:
        yield machine.name, machine_view(plan, machine, rendered.pub)
    for install in dict.fromkeys(install for _, install in plan.dynamic()):
        yield install.answers, unknown_view(plan, install, rendered.pub)


def why(plan: SitePlan, machine: Machine) -> str:
    """By which rule a machine has its group."""
    if machine.host.group is not None:
        return f"pinned by hosts.{machine.name}.group"
    slots = len(plan.balance.slots)
    remainder = int(machine.host.address) % slots
    what = {
        BalancingMode.DNS: "its boot files alone",
        BalancingMode.LOAD: "its boot loader; its install is given a group by load when it asks",
    }.get(plan.site.balancing.mode, "its address")
    if slots == 2:
        return f"{what}: {'odd' if remainder else 'even'}"
    return f"{what}: {IPv4Address(int(machine.host.address))} modulo {slots} is {remainder}"


def url_path(path: str) -> str:
    """The URL path of a file below the published folder, as clients ask for it."""
    return f"{PUBLISHED}/{path.removeprefix('tftp/')}" if path.startswith("tftp/") else path


def _answer_paths(plan: SitePlan, install: Install, owner: Machine | None) -> Iterator[str]:
    kind = plan.installer(install)
    anything = Passwords.any_of(plan.site.profiles[install.profile])
    yield from kind.answers(plan, install, owner, anything)
    yield from kind.more_files(plan, install)


def _install_facts(plan: SitePlan, install: Install) -> dict[str, str]:
    menu = menu_of(plan, install, room=room_for(plan, install.profile))
    profile = plan.site.profiles[install.profile]
    return {
        "installs": f"{install.profile} ({' '.join(filter(None, (profile.installer, profile.version)))})",
        **({"answers": "to this machine alone, by HTTP"} if plan.is_private(install) else {}),
        "disks": ", ".join(plan.disks(install)),
        "kernel": menu.kernel,
        **({"initrd": " ".join(menu.initrds)} if menu.initrds else {}),
        "arguments": " ".join(menu.arguments),
    }


def _told(row: Row, vip: IPv4Address) -> str:
    gets = row.gets
    return f"{gets.file(vip)} ({gets.loader})" if isinstance(gets, Offer) else f"nothing: {gets.why}"
