"""BMCs of hosts: each has all that is needed to talk to it, and is one machine's alone."""

from __future__ import annotations

from collections.abc import Iterator

from ...kinds import POWER
from ..faults import MISSING, Fault
from ..loading.draft import Draft
from ..model.power import HostPower, merged
from ..subnets import SubnetIndex

_NEEDED = {
    "kind": "redfish or ipmi",
    "user": "the user of the BMC",
    "password_file": "a file below secrets/power with the password",
}


def power_faults(draft: Draft) -> Iterator[Fault]:
    """Every fault of `power`, where site, profile and host are sound."""
    if draft.power is None:
        return
    index = SubnetIndex((at, subnet.network) for at, subnet in draft.subnets.items())
    seen: dict[tuple[str, str], str] = {}
    for name, host in draft.hosts.items():
        if host.power is None:
            continue
        at = index.find(host.address)
        chosen = host.profile or (draft.subnets[at].profile if at is not None else None)
        if chosen in draft.names["profiles"] and chosen not in draft.profiles:
            continue  # what a faulty profile says is not known
        profile = draft.profiles.get(chosen or "")
        power = merged(host.power, profile.power if profile else None, draft.power)
        yield from _of_host(f"hosts.{name}.power", host.power, power)
        same = power.address.lower(), power.system or ""
        other = seen.setdefault(same, name)
        if other != name:
            remedy = f"is the BMC of hosts.{other} already; where it has several systems, `system` names each"
            yield Fault(f"hosts.{name}.power.address", power.address, remedy)


def _of_host(path: str, own: HostPower, power: HostPower) -> Iterator[Fault]:
    for setting, what in _NEEDED.items():
        if getattr(power, setting) is None:
            remedy = f"required: {what}, here, in the host's profile or in the site's `power`"
            yield Fault(f"{path}.{setting}", MISSING, remedy)
    if power.kind is None:
        return
    kind = POWER.get(power.kind)
    known = {one for each in POWER.all() for one in each.takes}
    for setting in sorted(known - kind.takes):
        if getattr(own, setting) is not None:
            remedy = f"{kind.name} knows no such thing; remove it"
            yield Fault(f"{path}.{setting}", getattr(own, setting), remedy)
    for why in kind.user_faults(power.user or ""):
        yield Fault(f"{path}.user", power.user, why)
