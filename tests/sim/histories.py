"""Schedules that Hypothesis chooses, and what every history must come to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from twinboot.core.model import Failback

from .scenario import Act, Scenario, mend, play
from .world import World

STEADY_S = 6.0

_server = st.integers(1, 5).map(lambda number: f"server{number}")
_link = st.sampled_from(["all", "crossover", "lan"])


def _one(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.tuples(st.just(name), _server)


_weather = st.tuples(
    st.just("weather"), st.sampled_from(["0.0", "0.1", "0.2"]), st.sampled_from(["0.001", "0.05"]),
    st.sampled_from(["0.0", "0.05", "0.2"]), st.sampled_from(["0.0", "0.3"]),
)

_deed = st.one_of(
    *[_one(name) for name in (
        "power-off", "start", "kill", "restart", "freeze", "thaw", "suspend", "wake", "leave",
        "resume", "lan-down", "lan-up", "kill-service",
    )],
    st.tuples(st.just("standby"), _server, st.sampled_from(["", "force"])),
    st.tuples(st.just("cut"), _link, _server, _server, st.sampled_from(["", "one-way"])),
    st.tuples(st.just("heal")),
    _weather,
    st.tuples(st.just("flush"), _server, st.sampled_from(["first", "second"])),
    st.tuples(st.just("kernel-slow"), _server, st.sampled_from(["0.002", "0.1", "0.4"])),
    st.tuples(st.just("engine-slow"), _server, st.sampled_from(["0.15", "1.5", "4.0"])),
    st.tuples(st.just("claims-fail"), _server, st.sampled_from(["1", "2"])),
    st.tuples(st.just("drops-fail"), _server, st.sampled_from(["1", "3"])),
    st.tuples(st.just("engine-fails"), _server, st.sampled_from(["1", "2"])),
    st.tuples(st.just("engine-hangs"), _server, st.sampled_from(["0", "1"])),
    st.tuples(st.just("replay"), st.just("20"), st.sampled_from(["crossover", "lan"])),
)

_gap_s = st.one_of(
    st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.1, 2.0, 2.9, 3.5, 5.0]),
    st.floats(0.0, 6.0).map(lambda gap: round(gap, 3)),
)


@st.composite
def scenarios(draw: st.DrawFn, *, servers: st.SearchStrategy[int] | None = None) -> Scenario:
    """A cluster starts, suffers up to twelve faults and cures, and is mended."""
    count = draw(servers if servers is not None else st.sampled_from([2, 2, 2, 3, 3, 4, 5]))
    names = {f"server{number}" for number in range(1, count + 1)}
    acts = [Act(draw(st.sampled_from([0.0, 0.0, 0.3, 1.5])), "start", (name,)) for name in sorted(names)]
    acts.sort(key=lambda act: act.at)
    at = 5.0
    for gap_s, deed in draw(st.lists(st.tuples(_gap_s, _deed), max_size=12)):
        args = tuple(word for word in deed[1:] if word)
        if any(word.startswith("server") and word not in names for word in args):
            continue
        if deed[0] == "cut" and args[1] == args[2]:
            continue
        at = round(at + gap_s, 3)
        acts.append(Act(at, deed[0], args))
    seed = draw(st.integers(0, 2**16))
    failback = draw(st.sampled_from([Failback.AUTO, Failback.AUTO, Failback.MANUAL]))
    return Scenario(count, seed, tuple(acts), at, failback=failback)


def history(scenario: Scenario) -> World:
    """Play it, mend everything, let it settle: then each thing is in its place and stays there."""
    world = play(scenario)
    mend(world)
    world.story.append(f"{world.now:9.3f} -------- all is mended")
    world.run_for(world.judge.settle_s())
    world.judge.at_rest()
    world.judge.steady(STEADY_S)
    return world


def broken(scenario: Scenario) -> Exception | None:
    """What goes wrong in it: a promise broken, or the core itself raising."""
    try:
        history(scenario)
    except Exception as fault:
        return fault
    return None


def shrunk(scenario: Scenario) -> Scenario:
    """The same failure with as few acts as leaving out one or two at a time can reach.

    Hypothesis shrinks better but takes minutes, each try being a whole history.
    """
    for width in (4, 2, 1, 1):
        place = 0
        while place < len(scenario.acts):
            fewer = replace(scenario, acts=scenario.acts[:place] + scenario.acts[place + width:])
            if broken(fewer) is not None:
                scenario = fewer
            else:
                place += width
    return scenario
