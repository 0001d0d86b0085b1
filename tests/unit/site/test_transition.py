"""What cannot be changed from one site to the next while its servers run."""

from __future__ import annotations

import copy

import pytest
from sitechange import GOOD, Change, put
from twinboot.site import parse
from twinboot.site.transition import transition_faults

KEYS = "heartbeat.keys"


def faults(*changes: Change, before: tuple[Change, ...] = ()) -> list[str]:
    old, new = copy.deepcopy(GOOD), copy.deepcopy(GOOD)
    for change in before:
        change(old)
        change(new)
    for change in changes:
        change(new)
    return [str(fault) for fault in transition_faults(parse(old), parse(new))]


@pytest.mark.parametrize("changes", [
    (), (put("hosts.cli128.mac", "52:54:00:00:09:09"),), (put("groups.first.address", "192.168.0.240"),),
    (put(KEYS, ["secrets/heartbeat.key", "secrets/new.key"]),),
    (put("servers.server2.links.crossover", {"interface": "eth2", "address": "10.0.0.2"}),),
])
def test_what_leaves_the_servers_able_to_hear_each_other_is_no_fault(changes: tuple[Change, ...]) -> None:
    assert faults(*changes) == []


@pytest.mark.parametrize(("changes", "word"), [
    ((put("cluster", "other"),), "cluster"),
    ((put("heartbeat.port", 6940),), "heartbeat.port"),
    ((put(KEYS, ["secrets/new.key"]),), "do not know it"),
    ((put(KEYS, ["secrets/new.key", "secrets/heartbeat.key"]),), "do not know it"),
    ((put("heartbeat.timers", {"interval_s": 2.0, "warntime_s": 5.0, "deadtime_s": 10.0,
                               "address_lifetime_s": 30.0,
                               "initdead_s": 20.0}),), "in steps"),
    ((put("servers.server2.address", "192.168.0.250"),
      put("servers.server2.links.crossover.address", "10.0.0.9")), "no link between these two"),
])
def test_what_would_make_them_deaf_is_one_fault_with_a_remedy(changes: tuple[Change, ...], word: str) -> None:
    found = faults(*changes)
    assert len(found) == 1, found
    assert word in found[0]


def test_a_key_goes_over_in_three_steps() -> None:
    old, new = "secrets/heartbeat.key", "secrets/new.key"
    both = (put(KEYS, [old, new]),)
    assert not faults(put(KEYS, [new, old]), before=both)
    assert not faults(put(KEYS, [new]), before=(put(KEYS, [new, old]),))
    assert "take the old one away then" in faults(put(KEYS, [new]), before=both)[0]
