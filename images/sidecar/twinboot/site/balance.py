"""Which group serves which address. Pure arithmetic.

An address modulo the number of groups picks the group: 1 the first, 2 the second ..., 0 the last; so with two
groups odd addresses go to the first and even ones to the second. With weights the modulus is their sum, and
each group has as many of the remainders as its weight, spread evenly so that neighbours differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from .model.site import Site


@dataclass(frozen=True, slots=True)
class Balance:
    """The groups in the order of their slots, one slot for each unit of weight."""

    slots: tuple[str, ...]

    def group_of(self, address: IPv4Address) -> str:
        """The group of an address. Works for 0 as well: -1 modulo the slots is the last one."""
        return self.slots[(int(address) - 1) % len(self.slots)]

    def remainders(self, group: str) -> tuple[int, ...]:
        """The remainders of an address by the number of slots that belong to a group."""
        return tuple(
            number for number in range(len(self.slots)) if self.group_of(IPv4Address(number)) == group
        )


def weighted_balance(weights: Mapping[str, int]) -> Balance:
    """Slots for groups of these weights, in their order."""
    return Balance(_spread(weights))


def balance_of(site: Site) -> Balance:
    """The balance of a site. In dns mode, where only TFTP needs an address, all weights are 1."""
    return weighted_balance({name: group.weight for name, group in site.groups.items()})


def _spread(weights: Mapping[str, int]) -> tuple[str, ...]:
    """Smooth weighted round robin: {a: 2, b: 1} -> a b a; equal weights keep their order."""
    total = sum(weights.values())
    credit = dict.fromkeys(weights, 0)
    slots = []
    for _ in range(total):
        for name, weight in weights.items():
            credit[name] += weight
        chosen = max(credit, key=lambda name: credit[name])
        credit[chosen] -= total
        slots.append(chosen)
    return tuple(slots)
