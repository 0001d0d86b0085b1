"""A site is applied on all servers or on none, and never a holder is doubled or missing meanwhile.

Faults come at every moment: a server dies, links are cut, the LAN splits, another operator is quicker.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from twinboot.core.membership import sites
from twinboot.rollout import attempt, turn

from ..runs import SEED, histories
from .histories import failure_of, history, shrunk
from .scenario import Act, Scenario, parse
from .schedule import ScheduleGenerator
from .sites import LAST_LEAVES
from .world import World

PAIR = "servers 2\n0 start server1\n0 start server2\n"
TRIO = "servers 3\n0 start server1\n0 start server2\n0 start server3\n"
AWAY = PAIR + "8 power-off server2\n12 apply server1 {} server2\n20 start server2\nend 45\n"
REFUSED = PAIR + "8 refuses server2\n8 apply server1 order-reversed\nend 20\n"
VARIANTS = (
    "order-reversed", "dhcpd-moved", "address-changed", "addresses-swapped", "hasty", "patient", "host-added",
)
CLUSTERS = [
    *(pytest.param(PAIR, variant, id=f"pair-{variant}") for variant in VARIANTS),
    pytest.param(TRIO, "order-reversed", id="trio-order-reversed"),
    *(
        pytest.param(TRIO, variant, id=f"trio-{variant}", marks=pytest.mark.long)
        for variant in VARIANTS if variant != "order-reversed"
    ),
]  # fmt: skip
PLANNED_S = 0.3
"""Longer than a planned move takes here: dhcpd stops first, for some tenths of a second."""


def numbers(world: World) -> dict[str, int]:
    return {
        name: one.process.state.config.site.number for name, one in world.servers.items()
        if one.process is not None and one.process.state.config.site is not None
    }


@pytest.mark.parametrize(("cluster", "variant"), CLUSTERS)
def test_all_servers_work_by_the_new_site(cluster: str, variant: str) -> None:
    world = history(parse(f"{cluster}8 apply server1 {variant}\nend 30\n"))
    assert set(numbers(world).values()) == {2}
    for address in world.addresses():
        assert sum(address in one.addresses for one in world.servers.values()) == 1


@pytest.mark.parametrize("variant", ["order-reversed", "dhcpd-moved", "addresses-swapped"])
def test_no_address_is_without_a_holder_for_longer_than_a_planned_move(variant: str) -> None:
    world = Watched(f"{PAIR}8 apply server1 {variant}\nend 40\n")
    assert set(numbers(world.world).values()) == {2}
    assert max(world.gaps.values(), default=0.0) < PLANNED_S, world.gaps


class Watched:
    """Plays a scenario and measures how long each address had no holder after 7 s."""

    def __init__(self, text: str) -> None:
        from .scenario import TIMERS
        from .verbs import VERBS, note_act

        scenario = parse(text)
        self.world = World(scenario.servers, seed=scenario.seed, timers=TIMERS[scenario.timers])
        self.gaps: dict[str, float] = {}
        self._since: dict[str, float] = {}
        for act in scenario.acts:
            self._run(act.at)
            note_act(self.world, act.name)
            VERBS[act.name](self.world, *act.args)
        self._run(scenario.end)

    def _run(self, until: float) -> None:
        while self.world.now < until:
            self.world.run_for(0.01)
            if self.world.now < 7.0:
                continue
            for group in ("192.168.0.253", "192.168.0.254"):
                if any(group in one.addresses for one in self.world.servers.values()):
                    self._since.pop(group, None)
                else:
                    since = self._since.setdefault(group, self.world.now)
                    self.gaps[group] = max(self.gaps.get(group, 0.0), self.world.now - since)


@pytest.mark.parametrize(("what", "text", "number"), [
    ("one refuses it", REFUSED, 1),
    ("one is away and not named", PAIR + "8 power-off server2\n12 apply server1 order-reversed\nend 20\n", 1),
    ("one is away and named, and takes it when it is back",
     PAIR + "8 power-off server2\n12 apply server1 order-reversed server2\n20 start server2\nend 40\n", 2),
    ("two operators at once",
     PAIR + "8 apply server1 order-reversed\n8 apply server2 dhcpd-moved\nend 30\n", 2),
    ("a second one while the first is at it",
     PAIR + "8 apply server1 order-reversed\n8.3 apply server2 dhcpd-moved\nend 30\n", 2),
    ("one after the other", PAIR + "8 apply server1 order-reversed\n40 apply server2 agreed\nend 80\n", 3),
    ("the other dies while it checks", PAIR + "8 apply server1 dhcpd-moved\n8.2 power-off server2\n"
     "20 start server2\nend 40\n", 1),
    ("the proposer dies while it checks", PAIR + "8 apply server1 dhcpd-moved\n8.2 power-off server1\n"
     "20 start server1\nend 40\n", 1),
])
def test_it_ends_on_one_site(what: str, text: str, number: int) -> None:
    world = history(parse(text))
    assert set(numbers(world).values()) == {number}, what


@pytest.mark.parametrize("acts", ["", "8 standby server3\n"], ids=["as it is", "stands by first"])
def test_one_that_has_left_for_good_is_not_waited_for(acts: str) -> None:
    world = history(parse(f"{TRIO}{acts}9 apply server3 {LAST_LEAVES}\nend 30\n"))
    assert numbers(world) == {"server1": 2, "server2": 2}, "server3 does not run"
    over = [float(line.split()[0]) for line in world.transcript if f"site 2 {LAST_LEAVES}" in line]
    assert max(over) < 9 + turn.SWITCH_LIMIT_S / 4, over
    for address in world.addresses():
        assert sum(address in one.addresses for one in world.servers.values()) == 1


@pytest.mark.parametrize("variant", ["dhcpd-moved", "address-changed"])
def test_a_server_that_was_away_claims_nothing_by_the_old_site(variant: str) -> None:
    world = history(parse(AWAY.format(variant)))
    claims = [
        at for at, who, what, _ in world.changes if who == "server2" and what == "group-claimed" and at > 15
    ]
    took = next(float(line.split()[0]) for line in world.transcript if f"site 2 {variant}" in line
                and "server2" in line)
    assert claims
    assert min(claims) > took


def check_all() -> None:
    test_no_address_is_without_a_holder_for_longer_than_a_planned_move("dhcpd-moved")
    test_it_ends_on_one_site("one refuses it", REFUSED, 1)
    test_a_server_that_was_away_claims_nothing_by_the_old_site("address-changed")


@pytest.mark.parametrize(("where", "what", "wrong"), [
    (turn, "_must_wait", lambda state, event, turn, now: False),
    (attempt, "_failure", lambda state, attempt, now: ""),
    (sites, "superseded", lambda state: False),
], ids=["all go over at once", "nobody's refusal counts", "an old site is good enough to start with"])
def test_a_breakage_is_caught(
    monkeypatch: pytest.MonkeyPatch, where: object, what: str, wrong: object
) -> None:
    monkeypatch.setattr(where, what, wrong)
    with pytest.raises(AssertionError):
        check_all()


@pytest.mark.parametrize(
    "tenths", [pytest.param(one, marks=pytest.mark.long) if one % 6 else one for one in range(0, 60, 2)]
)
@pytest.mark.parametrize("victim", ["server1", "server2"])
def test_a_death_at_any_moment_leaves_one_site(victim: str, tenths: int) -> None:
    at = 8 + tenths / 10
    history(parse(
        f"{PAIR}8 apply server1 dhcpd-moved\n{at} power-off {victim}\n{at + 20} start {victim}\n"
        f"end {at + 40}\n"
    ))


def schedule_with_apply(
    rng: Random, counts: tuple[int, ...] = (2, 2, 3), variants: tuple[str, ...] = VARIANTS
) -> Scenario:
    """Faults at random around one or two applies, in a cluster that is at rest before."""
    count = rng.choice(counts)
    names = tuple(f"server{number}" for number in range(1, count + 1))
    dealer = ScheduleGenerator(rng, names)
    acts = [Act(0.0, "start", (name,)) for name in names]
    at = 8.0
    for _ in range(rng.choice((1, 1, 2))):
        applied = Act(round(at, 3), "apply", (rng.choice(names), rng.choice(variants)))
        acts.append(applied)
        moment = at
        for _ in range(rng.randint(1, 3)):
            for gap_s, (name, *args) in dealer.episode():
                if name in ("site", "still"):
                    continue
                moment = round(moment + gap_s * rng.choice((0.3, 1.0)), 3)
                acts.append(Act(moment, name, tuple(arg for arg in args if arg)))
        at = moment + rng.choice((0.0, 1.0, 3.0))  # not long: servers that are off must not hold anything
    acts.sort(key=lambda act: act.at)
    return Scenario(count, rng.randrange(2**16), tuple(acts), at + 5.0, timers="dense")


def test_one_leaves_for_good_amid_faults() -> None:
    """It stands by first, as `make leave` does."""
    for place in range(max(5, histories(400) // 24)):
        check(schedule_with_leave(Random(f"leave {SEED} {place}")))


def schedule_with_leave(rng: Random) -> Scenario:
    made = schedule_with_apply(rng, (3,), (LAST_LEAVES,))
    acts = (*made.acts, Act(7.0, "standby", ("server3",)))
    return replace(made, acts=tuple(sorted(acts, key=lambda act: act.at)))


@pytest.mark.parametrize(
    "chunk", [0, *(pytest.param(one, marks=pytest.mark.long) for one in (1, 2, 3))]
)
def test_faults_at_random_leave_one_site_and_never_two_holders(chunk: int) -> None:
    for place in range(max(10, histories(400) // 12)):  # each costs as much as a dozen others
        check(schedule_with_apply(Random(f"apply {SEED} {chunk} {place}")))


def check(scenario: Scenario) -> None:
    fault = failure_of(scenario)
    if fault is not None:
        small = shrunk(scenario, fault)
        pytest.fail(f"{failure_of(small)!r} (found as {fault!r})\n\n{small}", pytrace=False)
