"""What each machine of a site gets: its group, its boot file's contents, its kickstart. Pure.

Owns the two ways of balancing as decisions; what files look like is the templates' business.
parity: everything a machine is told names the virtual address of its group.
dns: everything names the install name, so machines of one profile share one kickstart; only TFTP, which needs
an address, goes by the machine's address still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from ..site.balance import Balance, balance_of
from ..site.model.site import BalancingMode, Host, Method, Site, Subnet
from ..site.subnets import SubnetIndex

MAX_MIRRORS = 2


@dataclass(frozen=True, slots=True)
class Install:
    """How one kind of machine is installed; equal ones share a boot file."""

    profile: str
    method: Method
    authority: str  # virtual address or install name
    kickstart: str  # file name without .ks
    mirrors: tuple[str, ...] = ()  # other virtual addresses, to be tried after the authority
    mirror_kickstarts: tuple[
        str, ...
    ] = ()  # likewise, for each mirror: there every URL begins with the mirror

    def url(self, path: str) -> str:
        """Where a path is fetched from."""
        return f"{self.method}://{self.authority}/{path}"

    def urls(self, path: str) -> list[str]:
        """The same, then every other place that has it."""
        return [f"{self.method}://{authority}/{path}" for authority in (self.authority, *self.mirrors)]

    def kickstart_urls(self) -> list[str]:
        """The kickstart file, then at each other place the one that names that place first."""
        names = (self.kickstart, *self.mirror_kickstarts)
        places = (self.authority, *self.mirrors)
        return [f"{self.method}://{place}/ks/{name}.ks" for place, name in zip(places, names, strict=False)]


@dataclass(frozen=True, slots=True)
class MirrorList:
    """A package repository that is at several addresses, and the published file that lists them."""

    name: str
    path: str  # of that file
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of the site and what it gets."""

    name: str
    host: Host
    subnet: Subnet
    group: str
    install: Install


class SitePlan:
    """Decisions for one site. repositories: of each tree, as treeinfo.repositories() finds them."""

    def __init__(self, site: Site, repositories: Mapping[str, Sequence[str]] | None = None) -> None:
        self.site = site
        self._repositories = repositories or {}
        self.balance: Balance = balance_of(site)
        self.parity = site.balancing.mode is BalancingMode.PARITY
        self.install_name = f"{site.balancing.name}.{site.domain}"
        self._subnets = SubnetIndex((subnet, subnet.network) for subnet in site.subnets)
        self._machines: tuple[Machine, ...] = tuple(self._hosts())

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Every host, in the order of the site file."""
        return self._machines

    def vip(self, group: str) -> IPv4Address:
        """The virtual address of a group."""
        return self.site.groups[group].address

    def shared_install(self, profile: str, group: str) -> Install:
        """What machines of a profile without a kickstart of their own get."""
        values = self.site.profiles[profile]
        method = values.method
        if self.parity:
            wanted = values.version.supports_mirrors if values.mirror is None else values.mirror
            others = self._others(group) if wanted else []
            mirrors = tuple(str(self.vip(other)) for other in others)
            again = tuple(f"{profile}-{other}" for other in others)
            return Install(profile, method, str(self.vip(group)), f"{profile}-{group}", mirrors, again)
        return Install(profile, method, self.install_name, profile)

    def mirror_lists(self, install: Install) -> tuple[MirrorList, ...]:
        """The repositories of its tree, when there are addresses to choose from."""
        if not install.mirrors:
            return ()
        tree = self.site.profiles[install.profile].tree
        found = []
        for path in self._repositories.get(tree, ()):
            name = path.rpartition("/")[2]
            file = f"{tree}-{install.method}-{install.authority}-{path.replace('/', '-')}"
            found.append(MirrorList(name, f"ks/mirrors/{file}", tuple(install.urls(f"trees/{path}/"))))
        return tuple(found) if len({one.name for one in found}) == len(found) else ()

    def shared_installs(self) -> Iterator[Install]:
        """Every shared kickstart of the site, each once."""
        for profile in self.site.profiles:
            if self.parity:
                for group in self.site.groups:
                    yield self.shared_install(profile, group)
            else:
                yield self.shared_install(profile, self.site.dhcpd_group)

    def kickstarts(self) -> Iterator[tuple[Install, Machine | None]]:
        """Every kickstart file: how it installs, and whose it is when it is one machine's own."""
        for install in self.shared_installs():
            yield install, None
        for machine in self._machines:
            own = machine.install
            if own.kickstart == machine.name:
                yield own, machine
                for other, name in zip(self._others(machine.group), own.mirror_kickstarts, strict=False):
                    yield replace(self.shared_install(own.profile, other), kickstart=name), machine

    @property
    def default(self) -> Install | None:
        """What a machine of an address that nothing else names gets; None without any profile."""
        profile = next((subnet.profile for subnet in self.site.subnets if subnet.profile), None)
        profile = profile or next(iter(self.site.profiles), None)
        return self.shared_install(profile, self.site.dhcpd_group) if profile else None

    def dynamic(self) -> Iterator[tuple[IPv4Address, Install]]:
        """Addresses of the ranges whose boot file differs from the default one."""
        for subnet in self.site.subnets:
            if subnet.range is None or subnet.profile is None:
                continue
            for number in range(int(subnet.range.first), int(subnet.range.last) + 1):
                address = IPv4Address(number)
                install = self.shared_install(subnet.profile, self.balance.group_of(address))
                if self.parity or install != self.default:
                    yield address, install

    def _others(self, group: str) -> list[str]:
        """The groups after this one, the first again after the last; a few, for lines are short."""
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
            install = self.shared_install(profile, group)
            if self.parity or host.static:
                again = tuple(f"{mirror}/{name}" for mirror in install.mirrors)
                install = replace(install, kickstart=name, mirror_kickstarts=again)
            yield Machine(name, host, subnet, group, install)
