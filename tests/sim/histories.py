"""Schedules that Hypothesis chooses, and what every history must come to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from twinboot.core.model import Failback

from .scenario import Act, Scenario, mend, play, touch
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

_Timed = list[tuple[float, tuple[str, ...]]]

_short_s = st.sampled_from([0.05, 0.2, 0.6, 0.95, 1.05, 1.5, 2.5, 3.1, 4.0, 6.0])


def _spell(*names: str) -> st.SearchStrategy[_Timed]:
    """Deeds upon one server, one after the other."""
    return st.tuples(_gap_s, _server, st.lists(_short_s, min_size=len(names), max_size=len(names))).map(
        lambda got: [
            (got[0] if place == 0 else got[2][place], (name, got[1])) for place, name in enumerate(names)
        ]
    )


_cut_and_heal: st.SearchStrategy[_Timed] = st.tuples(
    _gap_s, _server, _server, st.sampled_from(["", "one-way"]), _short_s
).map(lambda got: [(got[0], ("cut", "all", got[1], got[2], got[3])), (got[4], ("heal",))])

_episode: st.SearchStrategy[_Timed] = st.one_of(
    st.tuples(_gap_s, _deed).map(lambda one: [one]),
    st.tuples(_gap_s, _deed).map(lambda one: [one]),
    _spell("freeze", "thaw"),
    _spell("freeze", "thaw", "freeze", "thaw"),
    _spell("suspend", "wake"),
    _spell("kill", "restart"),
    _spell("power-off", "start"),
    _spell("leave", "restart"),
    _spell("standby", "resume"),
    _spell("lan-down", "lan-up", "lan-down", "lan-up"),
    _cut_and_heal,
)


def _within(word: str, count: int) -> str:
    """server5 of three is server2."""
    return f"server{(int(word[6:]) - 1) % count + 1}" if word.startswith("server") else word


@st.composite
def scenarios(draw: st.DrawFn, *, servers: st.SearchStrategy[int] | None = None) -> Scenario:
    """A cluster starts, suffers up to eight episodes of faults and cures, and is mended."""
    count = draw(servers if servers is not None else st.sampled_from([2, 2, 2, 3, 3, 4, 5]))
    names = {f"server{number}" for number in range(1, count + 1)}
    acts = [Act(draw(st.sampled_from([0.0, 0.0, 0.3, 1.5])), "start", (name,)) for name in sorted(names)]
    acts.sort(key=lambda act: act.at)
    at = 5.0
    episodes = draw(st.lists(_episode, min_size=1, max_size=8))
    for gap_s, deed in (one for episode in episodes for one in episode):
        args = tuple(_within(word, count) for word in deed[1:] if word)
        if deed[0] == "cut" and args[1] == args[2]:
            args = (args[0], args[1], _within(f"server{int(args[1][6:]) + 1}", count), *args[3:])
        at = round(at + gap_s, 3)
        acts.append(Act(at, deed[0], args))
    seed = draw(st.integers(0, 2**16))
    failback = draw(st.sampled_from([Failback.AUTO, Failback.AUTO, Failback.MANUAL]))
    return Scenario(count, seed, tuple(acts), at, failback=failback)


def history(scenario: Scenario) -> World:
    """Play it, mend everything, let it settle: then each thing is in its place and stays there."""
    world = play(scenario)
    touch(world, "mend")
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
