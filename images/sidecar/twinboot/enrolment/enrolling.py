"""What `enroll` and `unenroll` change, or why they do not: each reason is a line, all are told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from twinboot.machines.unknown_machines import both_orders
from twinboot.planning.free_addresses import AddressPool, NoneFree, range_of, subnet_for
from twinboot.site.editing import flow
from twinboot.site.faults import did_you_mean
from twinboot.site.model.boot import Unknown
from twinboot.site.model.fields import Label
from twinboot.site.model.hardware import Macs
from twinboot.site.model.site import BalancingMode

from .change import SiteFileChange

if TYPE_CHECKING:
    from twinboot.site import Site
    from twinboot.site.model.site import Subnet

AUTO = "auto"
_COUNTED = re.compile(r"(.*?)(\d+)")
T = TypeVar("T")
Heard = Mapping[str, Mapping[str, Any]]
Answering = Callable[[Sequence[IPv4Address]], Mapping[IPv4Address, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """targets: MAC, or several of one machine parted by commas, and =NAME perhaps. name: of the first one
    that says none; its number counts up. subnet: of an address that is chosen; empty: where it asked."""

    targets: Sequence[str]
    name: str = ""
    address: str = AUTO
    profile: str = ""
    group: str = ""
    subnet: str = ""
    with_uuid: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """A machine to be."""

    name: str
    macs: tuple[str, ...]
    heard: Mapping[str, Any] | None
    address: IPv4Address | None = None


class Refused(Exception):
    """lines: each reason."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def enrol(site: Site, wish: Enrolment, server: str, *, heard: Heard, leased: set[IPv4Address],
          answering: Answering) -> SiteFileChange:
    """Refused. server: this one; beside it stands a machine whose requests come by no relay."""
    faults = list(_faults_of_wish(site, wish))
    machines = _machines(site, wish, heard, faults)
    pool = AddressPool(site, leased)
    if not faults:
        machines = _with_addresses(site, wish, server, machines, pool, answering, faults)
    if faults:
        raise Refused(faults)
    change = SiteFileChange()
    for one in machines:
        assert one.address is not None, "a machine without an address passed"
        entry = _entry(site, wish, one, pool)
        change.put["hosts", one.name] = entry
        change.lines.append(f"  + {one.name}: {flow(entry)}")
        if one.heard is None:
            change.lines.append(f"    NOTE: {', '.join(one.macs)} has not asked to boot yet")
    profiles = {_profile_of(site, wish, one.address) for one in machines if one.address is not None}
    change.lines.append(f"  at the next start from the network: {', '.join(sorted(map(str, profiles)))}. "
                        "AN INSTALL ERASES A DISK; `twinboot local HOST` has one start its own")  # fmt: skip
    return change


def unenrol(site: Site, names: Sequence[str], *, may_erase: bool = False) -> SiteFileChange:
    """Refused. Nothing on the machines is touched."""
    faults = [
        f"no host {name!r} in the site file; {did_you_mean(name, site.hosts)}"
        for name in names if name not in site.hosts
    ]  # fmt: skip
    if not names:
        faults.append("name a host")
    if not may_erase and not faults:
        faults += erased_without_an_entry(site, names)
    if faults:
        raise Refused(faults)
    names = list(dict.fromkeys(names))
    return SiteFileChange(drop=[("hosts", name) for name in names], lines=[f"  - {name}" for name in names])


def erased_without_an_entry(site: Site, names: Sequence[str]) -> Iterator[str]:
    """Hosts that the site would install, once it knows them no more."""
    for name in names:
        for address in site.hosts[name].all_addresses:
            subnet = site.subnet_of(address)
            if subnet is not None and subnet.range is not None and subnet.unknown is Unknown.INSTALL:
                yield (f"{name}: {subnet.network} says `unknown: install`: without an entry it would be "
                       "installed, and its disk erased, at its next start from the network; --may-erase says "
                       "that this is meant")  # fmt: skip
                break


def value_of(kind: Any, raw: object) -> Any:
    """ValueError: what is wrong with it, in the site file's words."""
    try:
        return TypeAdapter(kind).validate_python(raw)
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        raise ValueError(str(error.get("ctx", {}).get("error", error["msg"]))) from None


# One by one ---------------------------------------------------------------------------------------


def _faults_of_wish(site: Site, wish: Enrolment) -> Iterator[str]:
    if not wish.targets:
        yield "name a MAC address; `twinboot machines --unknown` lists those that have asked"
    if wish.profile and wish.profile not in site.profiles:
        yield f"no profile {wish.profile!r}; {_list(site.profiles)}"
    if wish.group and wish.group not in site.groups:
        yield f"no group {wish.group!r}; {_list(site.groups)}"
    elif wish.group and site.balancing.mode is not BalancingMode.PARITY:
        yield "--group is for `balancing: {mode: parity}`"
    if wish.subnet and _subnet_named(site, wish.subnet) is None:
        yield f"no subnet {wish.subnet!r}; {_list(str(one.network) for one in site.subnets)}"
    if wish.address != AUTO and len(wish.targets) > 1:
        yield "several machines: leave --address out, and each gets one of its own"


def _list(names: Any) -> str:
    return f"there are: {', '.join(names)}" if names else "there is none"


def _machines(site: Site, wish: Enrolment, heard: Heard, faults: list[str]) -> list[New]:
    """Those with a sound MAC and name."""
    known = {mac: name for name, host in site.hosts.items() for mac in host.mac}
    uuids = {text: name for name, host in site.hosts.items() for text in both_orders(host.uuid or "")}
    taken = {name.lower(): f"hosts.{name}" for name in site.hosts}
    taken |= {name.lower(): f"servers.{name}" for name in site.servers}
    taken[site.balancing.name.lower()] = "the install name"
    found: list[New] = []
    names = _names(wish, taken)
    for target in wish.targets:
        written, _, own = target.partition("=")
        try:
            macs: tuple[str, ...] = value_of(Macs, written.split(","))
        except ValueError as exc:
            faults.append(str(exc) if written in str(exc) else f"{written!r}: {exc}")
            continue
        faults += [f"{mac} is known already, as host {known[mac]}" for mac in macs if mac in known]
        said = next((heard[mac] for mac in macs if mac in heard), None)
        if said is not None and said["uuid"] in uuids:
            faults.append(f"{written} has the UUID of host {uuids[said['uuid']]}: add it to that one's `mac`")
            continue
        name = own or next(names, "")
        if not name:
            faults.append(f"{written}: --name says what it is to be called (or {written}=NAME)")
            continue
        try:
            value_of(Label, name)
        except ValueError as exc:
            faults.append(f"name {name!r}: {exc}")
            continue
        if name.lower() in taken:
            faults.append(f"the name {name} is taken by {taken[name.lower()]}")
        taken[name.lower()] = f"{written}, in this command"
        known |= dict.fromkeys(macs, name)
        found.append(New(name, macs, said))
    return found


def _names(wish: Enrolment, taken: Mapping[str, str]) -> Iterator[str]:
    """One: as it is said. Several: its number counts up, past those that are taken."""
    if not wish.name:
        return
    yield wish.name
    counted = _COUNTED.fullmatch(wish.name)
    if counted is None:
        return
    number = int(counted[2])
    while True:
        number += 1
        name = f"{counted[1]}{number:0{len(counted[2])}}"
        if name.lower() not in taken:
            yield name


def _with_addresses(site: Site, wish: Enrolment, server: str, machines: list[New], pool: AddressPool,
                    answering: Answering, faults: list[str]) -> list[New]:
    if wish.address != AUTO:
        return [_at_address(site, wish, one, pool, answering, faults) for one in machines]
    done: dict[str, New] = {}
    subnets: dict[str, Subnet] = {}
    for one in machines:
        subnet = _subnet(site, wish, server, one)
        if isinstance(subnet, str):
            faults.append(f"{one.name}: {subnet}")
        else:
            subnets[one.name] = subnet
    left = [one for one in machines if one.name in subnets]
    try:
        while left:
            for one in left:
                address = pool.next(subnets[one.name], wish.group or None)
                pool.use(address, f"hosts.{one.name}")
                done[one.name] = replace(one, address=address)
            asked = [done[one.name].address for one in left]
            used = answering([address for address in asked if address is not None])
            left = [one for one in left if done[one.name].address in used]
    except NoneFree as exc:
        faults.append(str(exc))
    faults += [
        line for one in done.values() if (line := _without_profile(site, wish, one.address)) is not None
    ]  # fmt: skip
    return list(done.values())


def _subnet(site: Site, wish: Enrolment, server: str, one: New) -> Subnet | str:
    """The subnet where the machine is to have its address; or why it is not known."""
    if wish.subnet:
        named = _subnet_named(site, wish.subnet)
        assert named is not None, "a subnet that was checked"
        return named
    relay = str(one.heard["relay"]) if one.heard is not None else ""
    found = subnet_for(site, relay=IPv4Address(relay) if relay else None, near=site.servers[server].address)
    return found or f"its request came by {relay or 'no relay'}, which is in no subnet: --subnet names one"


def _subnet_named(site: Site, text: str) -> Subnet | None:
    try:
        network = IPv4Network(text)
    except ValueError:
        return None
    return next((one for one in site.subnets if one.network == network), None)


def _at_address(site: Site, wish: Enrolment, one: New, pool: AddressPool, answering: Answering,
                faults: list[str]) -> New:
    try:
        address = IPv4Address(wish.address)
    except ValueError:
        faults.append(f"{wish.address!r} is no IPv4 address; write one such as 192.168.0.50, or auto")
        return one
    subnet, within = site.subnet_of(address), range_of(site, address)
    if subnet is None:
        faults.append(f"{address} is in no subnet; {_list(str(each.network) for each in site.subnets)}")
    elif address in pool.users:
        faults.append(f"{address} is that of {pool.users[address]}; `--address auto` chooses a free one")
    elif within is not None:
        faults.append(f"{address} is in the range of {within.network}, for machines without an entry")
    elif (mac := answering([address]).get(address)) is not None and mac not in one.macs:
        faults.append(f"{address} is in use: {mac} answers for it; --no-ask takes it all the same")
    elif (line := _without_profile(site, wish, address)) is not None:
        faults.append(line)
    return replace(one, address=address)


def _without_profile(site: Site, wish: Enrolment, address: IPv4Address | None) -> str | None:
    if address is None or _profile_of(site, wish, address) is not None:
        return None
    return f"--profile says what to install; {_list(site.profiles)}"


def _profile_of(site: Site, wish: Enrolment, address: IPv4Address) -> str | None:
    subnet = site.subnet_of(address)
    return wish.profile or (subnet.profile if subnet is not None else None)


def _entry(site: Site, wish: Enrolment, one: New, pool: AddressPool) -> dict[str, object]:
    entry: dict[str, object] = {"mac": one.macs[0] if len(one.macs) == 1 else list(one.macs)}
    if wish.with_uuid and one.heard is not None and one.heard["uuid"]:
        entry["uuid"] = one.heard["uuid"]
    entry["address"] = str(one.address)
    if wish.profile:
        entry["profile"] = wish.profile
    if wish.group and one.address is not None and pool.group_of(one.address) != wish.group:
        entry["group"] = wish.group
    return entry
