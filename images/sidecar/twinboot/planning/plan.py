"""Assigns each machine of a site its group, its server (address or name), and its answer file. Pure.

Owns what the balancing modes decide beforehand; the templates own the text of files.
parity: everything that a machine is given names the virtual address of its group.
dns: everything names the install name; only TFTP, which needs an address, is still chosen by the machine's
address.
load: as with parity, and a host has a set of files for each group, since it is given one only when it asks
(machines.by_load); the group that parity picks is its home, where its boot loader comes
from. In all of them a host has an answer file of its own, and those of a profile are for machines that are
not known.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from pydantic import JsonValue

from ..kinds import INSTALLERS
from ..site.balance import Balance, balance_of
from ..site.model.site import BalancingMode, Console, Host, Method, Site, Subnet, Unknown, Wiring
from ..site.subnets import SubnetIndex
from .boot_facts import BootFacts

if TYPE_CHECKING:
    from ..installers.base import Installer

MAX_MIRRORS = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Install:
    """How one kind of machine is installed; equal ones share a boot file."""

    profile: str
    method: Method
    authority: str  # virtual address or install name
    answers: str  # name of the answer file, as the installer's kind makes a path of it
    mirrors: tuple[str, ...] = ()  # other virtual addresses, to be tried after the authority
    mirror_answers: tuple[str, ...] = ()  # for each mirror, the answer file whose URLs name it first
    host: str | None = None  # whose own it is; None: of machines that are not known

    def url(self, path: str) -> str:
        """URL of a path."""
        return f"{self.method}://{self.authority}/{path}"

    def urls(self, path: str) -> list[str]:
        """URL of a path, then those of the mirrors."""
        return [f"{self.method}://{authority}/{path}" for authority in (self.authority, *self.mirrors)]


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of the site and what it gets. ethernet, addresses: the host's, as texts; each loader's files are
    named after them, more than once."""

    name: str
    host: Host
    subnet: Subnet
    group: str
    install: Install
    ethernet: tuple[str, ...] = field(init=False, compare=False)
    addresses: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ethernet", self.host.ethernet)
        object.__setattr__(self, "addresses", tuple(map(str, self.host.all_addresses)))


class SitePlan:
    """The decisions for one site. repositories: of each tree, as its installer kind finds them. boot: the
    boot loaders and kernels that were found."""

    def __init__(
        self, site: Site, repositories: Mapping[str, Sequence[str]] | None = None,
        boot: BootFacts | None = None,
    ) -> None:
        self.site = site
        self.boot = boot or BootFacts()
        self._repositories = repositories or {}
        self._made: dict[Hashable, object] = {}
        self.balance: Balance = balance_of(site)
        self.by_address = site.balancing.mode is not BalancingMode.DNS
        self.by_load = site.balancing.mode is BalancingMode.LOAD
        self.install_name = f"{site.balancing.name}.{site.domain}"
        self._subnets = SubnetIndex((subnet, subnet.network) for subnet in site.subnets)
        self._machines: tuple[Machine, ...] = tuple(self._hosts())
        self._by_name = {machine.name: machine for machine in self._machines}

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Every host, in the order of the site file."""
        return self._machines

    def vip(self, group: str) -> IPv4Address:
        """The virtual address of a group."""
        return self.site.groups[group].address

    def shared_install(self, profile: str, group: str) -> Install:
        """What machines of a profile without an answer file of their own get."""
        key = (SitePlan.shared_install, profile, group)
        return self.once(key, lambda: self._shared_install(profile, group))

    def _shared_install(self, profile: str, group: str) -> Install:
        values = self.site.profiles[profile]
        method = values.method or INSTALLERS.get(values.installer).methods[0]
        if self.by_address:
            wanted = values.mirror
            if wanted is None:
                wanted = INSTALLERS.get(values.installer).takes_mirrors(values.version)
            others = self._others(group) if wanted else []
            mirrors = tuple(str(self.vip(other)) for other in others)
            again = tuple(f"{profile}-{other}" for other in others)
            return Install(profile, method, str(self.vip(group)), f"{profile}-{group}", mirrors, again)
        return Install(profile, method, self.install_name, profile)

    def is_private(self, install: Install) -> bool:
        """Do the answers of an install go to their own machine alone, and by HTTP?"""
        profile = self.site.profiles[install.profile]
        hashes = profile.rootpw_file is not None or any(user.password_file for user in profile.users)
        return hashes if profile.private is None else profile.private

    def installer(self, install: Install) -> Installer:
        """The installer kind that reads the answers of an install."""
        return INSTALLERS.get(self.site.profiles[install.profile].installer)

    def repositories(self, tree: str) -> Sequence[str]:
        """Package repositories that the tree itself names, as paths below the trees directory."""
        return self._repositories.get(tree, ())

    def tree_urls(self, install: Install) -> list[str]:
        """The URL of the install tree, then those of its mirrors."""
        tree = self.site.trees[self.site.profiles[install.profile].tree]
        return install.urls(f"trees/{tree.path}/")

    def tree_url(self, install: Install) -> str:
        """The URL of the install tree."""
        return self.tree_urls(install)[0]

    def answer_urls(self, install: Install) -> list[str]:
        """The URL of the answer file, then at each mirror that of the file that names this mirror first."""
        path = self.installer(install).answer_path
        names = (install.answers, *install.mirror_answers)
        places = (install.authority, *install.mirrors)
        method = Method.HTTP if self.is_private(install) else install.method
        return [f"{method}://{place}/{path(name)}" for place, name in zip(places, names, strict=False)]

    def shared_installs(self) -> Iterator[Install]:
        """Every shared answer file of the site, each once."""
        for profile in self.site.profiles:
            if self.by_address:
                for group in self.site.groups:
                    yield self.shared_install(profile, group)
            else:
                yield self.shared_install(profile, self.site.dhcpd_group)

    def answer_files(self) -> Iterator[tuple[Install, Machine | None]]:
        """Every answer file: its install, and the machine that it belongs to, None when it is shared."""
        for install in self.shared_installs():
            yield install, None
        for machine in self._machines:
            yield from self.answers_of(machine)

    def answers_of(self, machine: Machine) -> Iterator[tuple[Install, Machine]]:
        """The answer files of a machine; where it may be given several groups, those of each are also the
        mirrors' of the others."""
        installs = self.installs(machine)
        yield from ((one, machine) for one in installs.values())
        if len(installs) == 1:
            yield from self._mirror_installs(machine)

    def installs(self, machine: Machine) -> Mapping[str, Install]:
        """What a machine gets of each group that it may be given, its home group first."""
        own = {machine.group: machine.install}
        if not self.by_load or machine.host.group is not None:
            return own
        others = [group for group in self.site.groups if group != machine.group]
        profile = machine.install.profile
        return own | {
            group: self._install_of(machine.name, profile, group, machine.group) for group in others
        }

    def is_for(self, install: Install, machine: Machine) -> bool:
        """May the machine be started with this one? Not with an answer file for another address' turn."""
        return install == machine.install or (self.by_load and install in self.installs(machine).values())

    def server_of(self, install: Install) -> str:
        """The address that the boot files of an install name for kernel and initrds; empty: they come from
        where the boot file itself came from."""
        return install.authority if self.by_load and install.host is not None else ""

    def _mirror_installs(self, machine: Machine) -> Iterator[tuple[Install, Machine]]:
        """The answer files of a machine that name another address first."""
        own = machine.install
        for other, name in zip(self._others(machine.group), own.mirror_answers, strict=False):
            shared = self.shared_install(own.profile, other)
            yield replace(shared, answers=name, host=machine.name), machine

    def dynamic(self) -> Iterator[tuple[IPv4Address, Install]]:
        """Every address of the ranges, and what an unknown machine that gets it installs."""
        for subnet, address in self._range_addresses(Unknown.INSTALL):
            assert subnet.profile is not None, "a range without a profile passed the checks"
            yield address, self.shared_install(subnet.profile, self.balance.group_of(address))

    def unknown_addresses(self, unknown: Unknown) -> Iterator[IPv4Address]:
        """Every address of the ranges where an unknown machine does this."""
        for _subnet, address in self._range_addresses(unknown):
            yield address

    def variables(self, install: Install) -> Mapping[str, JsonValue]:
        """The variables of an install's templates: the host's before the profile's before the site's."""
        host = self.host_of(install)
        return {
            **self.site.vars, **self.site.profiles[install.profile].vars, **(host.vars if host else {}),
        }

    def disks(self, install: Install) -> tuple[str, ...]:
        """The disks that an install may see and erase."""
        host = self.host_of(install)
        own = host.disks if host else None
        return self.site.profiles[install.profile].disks if own is None else own

    def wiring(self, install: Install) -> Wiring | None:
        """How an install's machine is wired; None: the card that has booted."""
        host = self.host_of(install)
        own = host.network if host else None
        return self.site.profiles[install.profile].network if own is None else own

    def console(self, install: Install) -> Console | None:
        """The serial console of an install's machine."""
        host = self.host_of(install)
        own = host.console if host else None
        return own or self.site.profiles[install.profile].console or self.site.console

    def console_arguments(self, install: Install) -> tuple[str, ...]:
        """The screen, and last, where the installer speaks, the serial console (the kernel's
        serial-console.rst); none, where kernel_args name some."""
        console, host = self.console(install), self.host_of(install)
        named = (*self.site.profiles[install.profile].kernel_args, *(host.kernel_args if host else ()))
        if console is None or any(one.startswith("console=") for one in named):
            return ()
        return ("console=tty0", f"console={console.device},{console.speed}n8")

    def host_of(self, install: Install) -> Host | None:
        """The host whose own the install is; None when it is of machines that are not known."""
        return self.site.hosts[install.host] if install.host else None

    def machine_of(self, install: Install) -> Machine | None:
        """The same with what it gets."""
        return self._by_name.get(install.host) if install.host else None

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, made when this key is first asked for: thousands of hosts have much in common.
        A key begins with a function, and names all that the value depends on."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]  # type: ignore[return-value]

    def _range_addresses(self, unknown: Unknown) -> Iterator[tuple[Subnet, IPv4Address]]:
        """Addresses of the ranges in subnets that do this with machines without an entry."""
        for subnet in self.site.subnets:
            if subnet.range is not None and subnet.unknown is unknown:
                for number in range(int(subnet.range.first), int(subnet.range.last) + 1):
                    yield subnet, IPv4Address(number)

    def _others(self, group: str) -> list[str]:
        """The groups after this one in cyclic order; at most MAX_MIRRORS, for lines are short."""
        groups = list(self.site.groups)
        at = groups.index(group)
        return (groups[at + 1 :] + groups[:at])[:MAX_MIRRORS]

    def _hosts(self) -> Iterator[Machine]:
        for name, host in self.site.hosts.items():
            subnet = self._subnets.find(host.address)
            profile = host.profile or (subnet.profile if subnet else None)
            if subnet is None or profile is None:
                raise AssertionError(f"host {name} passed the checks without subnet or profile")
            group = host.group or self.balance.group_of(host.address)
            yield Machine(name, host, subnet, group, self._install_of(name, profile, group, group))

    def _install_of(self, name: str, profile: str, group: str, home: str) -> Install:
        """What a host gets of a group. home: the group whose answer file has the host's plain name."""
        install = self.shared_install(profile, group)
        at_home = str(self.vip(home))

        def answers_at(place: str) -> str:
            return name if place == at_home or not self.by_address else f"{place}/{name}"

        again = tuple(map(answers_at, install.mirrors))
        return replace(install, answers=answers_at(install.authority), mirror_answers=again, host=name)
