"""What a table of machines changes, or every fault of it. Machines are told apart by their names: what the
table does not say of one, and machines that it does not name, stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from twinboot.planning.free_addresses import AddressPool, NoneFree, range_of
from twinboot.site.editing import flow
from twinboot.site.faults import did_you_mean
from twinboot.site.model.fields import Label
from twinboot.site.model.site import Host
from twinboot.site.subnets import SubnetIndex

from .change import SiteFileChange
from .enrolling import AUTO, erased_without_an_entry
from .rows import Row, shown

if TYPE_CHECKING:
    from twinboot.site import Site
    from twinboot.site.model.site import Subnet

Answering = Callable[[Sequence[IPv4Address]], Mapping[IPv4Address, str]]
_ORDER = ("mac", "uuid", "client_id", "address", "addresses", "profile", "group")
_NO_ADDRESS = "0.0.0.1"
"""Stands for one that is chosen later, while the rest of an entry is checked."""


@dataclass(slots=True)
class Merged:
    """places: of hosts in the table."""

    change: SiteFileChange = field(default_factory=SiteFileChange)
    faults: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(slots=True)
class _One:
    row: Row
    entry: dict[str, Any]
    host: Host

    @property
    def chosen_later(self) -> bool:
        return self.entry.get("address") == AUTO


def entry_of(host: Host) -> dict[str, Any]:
    """A host as the site file says it, without what is as by default."""
    said = host.model_dump(mode="json", exclude_defaults=True)
    if len(said["mac"]) == 1:
        said["mac"] = said["mac"][0]
    order = {name: at for at, name in enumerate(_ORDER)}
    return dict(sorted(said.items(), key=lambda one: order.get(one[0], len(order))))


def merge(
    site: Site, rows: Sequence[Row], *, subnet: Subnet | None, replace: bool = False, may_erase: bool = False,
    leased: Callable[[], Collection[IPv4Address]] = tuple, answering: Answering = lambda _some: {},
) -> Merged:
    """subnet: where addresses are chosen for machines whose address is `auto`."""
    made = Merged()
    ones = _checked(site, rows, made)
    gone = [name for name in site.hosts if name not in made.places] if replace else []
    if gone and not may_erase:
        made.faults += erased_without_an_entry(site, gone)
    stay = {name: host for name, host in site.hosts.items() if name not in made.places and not replace}
    made.faults += _doubles(ones, stay)
    made.faults += _addresses(site, ones)
    made.faults += _named(site, ones)
    if made.faults:
        return made
    if any(one.chosen_later for one in ones):
        _choose(site, ones, subnet, leased(), answering, made.faults)
    for one in ones:
        _difference(site, one, made)
    made.change.drop += [("hosts", name) for name in gone]
    made.change.lines += [f"  - {name}" for name in gone]
    kept = f", {len(stay)} that it does not name stay" if stay else ""
    made.change.lines.append(f"  {made.new} new, {made.changed} changed, {made.same} the same, {len(gone)} "
                             f"removed{kept}")  # fmt: skip
    return made


# Faults -------------------------------------------------------------------------------------------


def _checked(site: Site, rows: Sequence[Row], made: Merged) -> list[_One]:
    """Each row as the whole entry that its machine would have."""
    label = TypeAdapter(Label)
    ones = []
    for row in rows:
        if row.name in made.places:
            made.faults.append(f"{row.place}: name {shown(row.name)}: stands in {made.places[row.name]}, too")
            continue
        made.places[row.name] = row.place
        there = site.hosts.get(row.name)
        entry = {**(entry_of(there) if there is not None else {}), **row.fields}
        for name in row.cleared:
            if name != "address":
                entry.pop(name, None)
        later = entry.get("address") == AUTO and there is None
        if entry.get("address") == AUTO and there is not None:
            entry["address"] = str(there.address)
        try:
            label.validate_python(row.name)
            host = Host.model_validate({**entry, "address": _NO_ADDRESS} if later else entry)
        except ValidationError as exc:
            made.faults += (_fault(row, error) for error in exc.errors(include_url=False))
            continue
        ones.append(_One(row, entry, host))
    return ones


def _fault(row: Row, error: Any) -> str:
    where = ".".join(str(one) for one in error["loc"])
    what = str(error.get("ctx", {}).get("error", error["msg"]))
    if error["type"] == "missing":
        hint = "; write one, or auto" if where == "address" else ""
        return f"{row.place}: {where}: a new machine needs it{hint}"
    if error["type"] == "extra_forbidden":
        return f"{row.place}: {where}: unknown key; {did_you_mean(where, Host.model_fields)}"
    return f"{row.place}: {where or 'name'}: {shown(error['input'])}: {what}"


def _known_by(host: Host) -> Iterator[tuple[str, str]]:
    yield from (("mac", mac) for mac in host.mac)
    yield from (("client_id", one) for one in host.client_id)
    if host.uuid is not None:
        yield "uuid", host.uuid


def _doubles(ones: Sequence[_One], stay: Mapping[str, Host]) -> Iterator[str]:
    seen = {key: f"host {name}" for name, host in stay.items() for key in _known_by(host)}
    seen |= {
        ("address", str(each)): f"host {name}" for name, host in stay.items() for each in host.all_addresses
    }  # fmt: skip
    names = {name.lower(): f"host {name}" for name in stay}
    for one in ones:
        keys = list(_known_by(one.host))
        keys += (("address", str(each)) for each in one.host.all_addresses if str(each) != _NO_ADDRESS)
        for key in keys:
            if key in seen:
                yield f"{one.row.place}: {key[0]} {key[1]} is that of {seen[key]} already"
            seen.setdefault(key, one.row.place)
        if one.row.name.lower() in names:
            yield f"{one.row.place}: the name {one.row.name} is that of {names[one.row.name.lower()]} already"
        names.setdefault(one.row.name.lower(), one.row.place)


def _addresses(site: Site, ones: Sequence[_One]) -> Iterator[str]:
    others = {
        address: user for address, user in AddressPool(site).users.items() if not user.startswith("hosts.")
    }
    index = SubnetIndex((at, subnet.network) for at, subnet in enumerate(site.subnets))
    for one in ones:
        for address in one.host.all_addresses:
            if str(address) == _NO_ADDRESS:
                continue
            if index.find(address) is None:
                yield f"{one.row.place}: address {address} is in no subnet of the site"
            elif address in others:
                yield f"{one.row.place}: address {address} is that of {others[address]}"
            elif (within := range_of(site, address)) is not None:
                where = f"the range of {within.network}"
                yield f"{one.row.place}: address {address} is in {where}, for machines without an entry"


def _named(site: Site, ones: Sequence[_One]) -> Iterator[str]:
    for one in ones:
        wanted: tuple[tuple[str, str | None, Collection[str]], ...] = (
            ("profile", one.host.profile, site.profiles), ("group", one.host.group, site.groups),
        )  # fmt: skip
        for what, name, known in wanted:
            if name is not None and name not in known:
                yield f"{one.row.place}: no {what} {shown(name)}; {did_you_mean(name, known)}"


# What changes -------------------------------------------------------------------------------------


def _choose(site: Site, ones: Sequence[_One], subnet: Subnet | None, leased: Collection[IPv4Address],
            answering: Answering, faults: list[str]) -> None:
    if subnet is None:
        faults.append("addresses are to be chosen, and this server stands in no subnet: --subnet names one")
        return
    pool = AddressPool(site, leased)
    for one in ones:
        for address in one.host.all_addresses:
            if str(address) != _NO_ADDRESS:
                pool.use(address, one.row.name, one.host.group)
    left = [one for one in ones if one.chosen_later]
    try:
        while left:
            for one in left:
                address = pool.next(subnet, one.host.group)
                pool.use(address, one.row.name)
                one.entry["address"] = str(address)
            used = answering([IPv4Address(one.entry["address"]) for one in left])
            left = [one for one in left if IPv4Address(one.entry["address"]) in used]
    except NoneFree as exc:
        faults.append(str(exc))


def _difference(site: Site, one: _One, made: Merged) -> None:
    name, there = one.row.name, site.hosts.get(one.row.name)
    if there is None:
        entry = {**entry_of(one.host), "address": one.entry["address"]}
        made.change.put["hosts", name] = entry
        made.change.lines.append(f"  + {name}: {flow(entry)}")
        made.new += 1
        return
    before, after = entry_of(there), entry_of(one.host)
    if before == after:
        made.same += 1
        return
    parts = []
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) == after.get(key):
            continue
        if key in after:
            made.change.put["hosts", name, key] = after[key]
        else:
            made.change.drop.append(("hosts", name, key))
        parts.append(f"{key}: {flow(before.get(key))} -> {flow(after.get(key))}")
    made.change.lines.append(f"  ~ {name}: {'; '.join(parts)}")
    made.changed += 1
