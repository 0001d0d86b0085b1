"""Extra records of the zone: values that BIND would refuse, names that are taken, targets that are not there;
and zones of others: who is asked for them, and that none is the site's own.

Owns the syntax of record values (RFC 1035 section 5, RFC 2782) and what named's own integrity check wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from ..faults import MISSING, Fault
from ..loading.draft import Draft
from ..model.site import Record, RecordType
from ..subnets import reverse_networks, reverse_zone

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_OWNER = re.compile(rf"@|(\*|{_LABEL})(\.{_LABEL})*")
_TARGET = re.compile(rf"@|{_LABEL}(\.{_LABEL})*\.?")
_NUMBERS = {RecordType.MX: 1, RecordType.SRV: 3}
_EXAMPLES = {
    RecordType.A: "an address such as 192.168.0.10",
    RecordType.AAAA: "an IPv6 address such as fd00::10",
    RecordType.CNAME: "a name such as www, or www.example.com. with its dot",
    RecordType.MX: "a preference and a name such as 10 mail",
    RecordType.SRV: "priority, weight, port and a name such as 0 5 80 www",
    RecordType.TXT: "one line of printable ASCII text",
}


def dns_faults(draft: Draft) -> Iterator[Fault]:
    """Every fault of the extra records and of the zones that others are asked for."""
    sound: dict[int, Record] = {}
    for at, record in draft.records.items():
        faults = [*_owner_faults(draft, at, record), *_value_faults(at, record)]
        yield from faults
        if not faults:
            sound[at] = record
    zone = _Zone(draft, sound)
    for at, record in sound.items():
        yield from _collisions(zone, at, record)
        yield from _targets(draft, zone, at, record)
    yield from _forward_zones(draft)


def _forward_zones(draft: Draft) -> Iterator[Fault]:
    if draft.dns is None:
        return
    own = {draft.domain} if draft.domain else set()
    networks = [one for subnet in draft.subnets.values() for one in reverse_networks(subnet.network)]
    own |= {reverse_zone(one) for one in networks}
    validated = draft.dns.dnssec_validation and draft.dns.forwarders
    for name, zone in draft.dns.forward_zones.items():
        path = f"dns.forward_zones.{name}"
        if not zone.forwarders and not draft.dns.forwarders:
            remedy = "required: the name servers of this zone, as there are no dns.forwarders"
            yield Fault(f"{path}.forwarders", MISSING, remedy)
        if zone.dnssec_validation and not validated:
            remedy = "nothing is validated without dns.forwarders and dns.dnssec_validation; remove it"
            yield Fault(f"{path}.dnssec_validation", True, remedy)
        for ours in sorted(own):
            if name == ours or name.endswith(f".{ours}"):
                remedy = f"lies in {ours}, which this site itself answers for; remove it"
                yield Fault(path, name, remedy)


class _Zone:
    """Names of the zone and what they have."""

    def __init__(self, draft: Draft, records: dict[int, Record]) -> None:
        install = [draft.balancing.name] if draft.balancing else []
        self.site = {name.lower() for name in (*draft.names["servers"], *install, *draft.names["hosts"])}
        self.by_name: dict[str, list[tuple[int, Record]]] = {}
        for at, record in records.items():
            self.by_name.setdefault(record.name.lower(), []).append((at, record))

    def has(self, name: str, *types: RecordType) -> bool:
        return any(record.type in types for _, record in self.by_name.get(name, ()))

    def has_address(self, name: str) -> bool:
        return name in self.site or self.has(name, RecordType.A, RecordType.AAAA)


def _owner_faults(draft: Draft, at: int, record: Record) -> Iterator[Fault]:
    path = f"dns.records[{at}].name"
    if not _OWNER.fullmatch(record.name):
        domain = draft.domain or "example.lan"
        remedy = f"not a name below {domain}; write @ or labels without a dot at the end, such as www"
        yield Fault(path, record.name, remedy)
    elif record.type in (RecordType.A, RecordType.AAAA, RecordType.CNAME):
        install = draft.balancing.name.lower() if draft.balancing else None
        taken = {name.lower(): f"servers.{name}" for name in draft.names["servers"]}
        taken.update({name.lower(): f"hosts.{name}" for name in draft.names["hosts"]})
        if install:
            taken[install] = "the install name (balancing.name)"
        if record.name.lower() in taken:
            remedy = f"the name is taken by {taken[record.name.lower()]}; write another one"
            yield Fault(path, record.name, remedy)


def _value_faults(at: int, record: Record) -> Iterator[Fault]:
    if not _value_is_sound(record):
        path = f"dns.records[{at}].value"
        yield Fault(path, record.value, f"not a value of {record.type}; write {_EXAMPLES[record.type]}")
    if record.type is RecordType.CNAME and record.name == "@":
        remedy = "the domain itself has other records, so it cannot be a CNAME; write A records"
        yield Fault(f"dns.records[{at}].name", record.name, remedy)


def _value_is_sound(record: Record) -> bool:
    value = record.value
    if record.type is RecordType.TXT:
        return 0 < len(value) <= 2000 and value.isascii() and value.isprintable()
    if record.type in (RecordType.A, RecordType.AAAA):
        try:
            (IPv4Address if record.type is RecordType.A else IPv6Address)(value)
        except AddressValueError:
            return False
        return "%" not in value
    words = value.split(" ")
    numbers, target = words[:-1], words[-1]
    sound = all(re.fullmatch(r"[0-9]{1,5}", word) and int(word) <= 65_535 for word in numbers)
    named = bool(_TARGET.fullmatch(target)) or (target == "." and record.type is not RecordType.CNAME)
    return len(numbers) == _NUMBERS.get(record.type, 0) and sound and named and len(target) <= 253


def _collisions(zone: _Zone, at: int, record: Record) -> Iterator[Fault]:
    path = f"dns.records[{at}].name"
    others = [(number, other) for number, other in zone.by_name[record.name.lower()] if number < at]
    for number, other in others:
        if (other.type, other.value) == (record.type, record.value):
            yield Fault(path, record.name, f"the same as dns.records[{number}]; remove one")
        elif RecordType.CNAME in (other.type, record.type):
            remedy = (
                f"a CNAME is alone on its name (RFC 1034 section 3.6.2); dns.records[{number}] has it too"
            )
            yield Fault(path, record.name, remedy)


def _targets(draft: Draft, zone: _Zone, at: int, record: Record) -> Iterator[Fault]:
    """named refuses a zone whose MX or SRV names something of the zone that has no address."""
    if record.type not in (RecordType.MX, RecordType.SRV, RecordType.CNAME):
        return
    if draft.domain is None or draft.balancing is None:  # then not all names are known
        return
    target = record.value.split(" ")[-1].lower()
    if target.endswith("."):
        if target == f"{draft.domain}.":
            target = "@"
        elif target.endswith(f".{draft.domain}."):
            target = target[: -len(draft.domain) - 2]
        else:
            return
    path = f"dns.records[{at}].value"
    if record.type is not RecordType.CNAME and zone.has(target, RecordType.CNAME):
        remedy = f"{target} is a CNAME; name the host itself (RFC 2181 section 10.3)"
        yield Fault(path, record.value, remedy)
    elif not zone.has_address(target) and not (record.type is RecordType.CNAME and target in zone.by_name):
        remedy = (
            f"{target} has no address in {draft.domain}; add an A record for it, "
            "or end a name of another domain with a dot"
        )
        yield Fault(path, record.value, remedy)
