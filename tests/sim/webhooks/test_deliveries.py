"""Whatever becomes of servers and receivers: every event comes, and twins have the same id."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from twinboot.webhooks import delivery_queue, outbox, sending
from twinboot.webhooks.answer import DeliveryOutcome
from twinboot.webhooks.delivery_queue import DeliveryQueue
from twinboot.webhooks.event import EventKind, identify
from twinboot.webhooks.outbox import ENDED, Entry, Outbox

from . import world as worlds
from .world import ACTS, HOOKS, WHOM, World

STEPS = int(os.environ.get("SIM_STEPS", "12"))
SEED = int(os.environ.get("SIM_SEED", "1"))


def histories(number: int) -> World:
    draw = Random(SEED * 1_000_000 + number)
    world = World(number)
    try:
        world.play([draw.randrange(ACTS * WHOM) for _ in range(40)])
    except AssertionError as exc:
        raise AssertionError("\n".join([*world.log, str(exc)])) from exc
    return world


def deliveries(world: World) -> set[int]:
    return set(Counter(subject for got in world.got.values() for subject, _ in got).values())


# Stories, each told by hand: what is judged beside the judge's own rules ----------------------------


def quiet() -> None:
    """Nothing is in the way: each receiver gets each event once."""
    world = World(3, rough=False)
    for _ in range(8):
        world.happen(1)
        world.run(0.3)
    world.settle()
    assert deliveries(world) == {len(HOOKS)}


def sender_dies_at_every_step() -> None:
    """The first server dies a little later each time, from before it notices to after it is told."""
    for step in range(12):
        world = World(step, rough=False)
        world.happen(1)
        world.run(0.1 * step)
        world.die("server1")
        world.settle()


def sender_dies_long_after() -> None:
    """What was delivered is not sent again by the next one."""
    world = World(5, rough=False)
    for _ in range(4):
        world.happen(1)
    world.run(5.0)
    world.die("server1")
    world.run(20.0)
    world.judge()
    assert deliveries(world) == {len(HOOKS)}


def alone_with_its_disk() -> None:
    """All servers go down while a receiver is away; one comes back, and has it on its disk."""
    world = World(6, rough=False)
    world.modes = dict.fromkeys(HOOKS, "down")
    world.happen(1)
    world.run(3.0)
    for name in ("server3", "server2", "server1"):
        world.die(name)
    world.run(3.0)
    world.start("server2")
    world.settle()


def cut_off_from_the_receiver() -> None:
    """The server whose turn it is cannot reach one receiver: another one sends."""
    world = World(7, rough=False)
    world.blocked = {("server1", "one")}
    world.happen(1)
    world.settle()


def back_with_an_old_disk() -> None:
    """A server that died before it heard of a delivery hears of it before it sends."""
    world = World(8, rough=False)
    world.modes = dict.fromkeys(HOOKS, "down")
    world.happen(1)
    world.run(2.0)
    world.die("server1")
    world.modes = dict.fromkeys(HOOKS, "up")
    world.run(30.0)
    assert deliveries(world) == {len(HOOKS)}
    world.net.delay_s = 1.0
    world.start("server1")
    world.run(10.0)
    world.judge()
    assert deliveries(world) == {len(HOOKS)}


def new_webhook_on_one_server_first() -> None:
    """A site with another webhook is in use on one server, an event comes, then on the others."""
    world = World(9, rough=False)
    for name in ("server1", "server3"):
        world.hooks[name] = {"one": HOOKS["one"]}
        world.alive[name].queue.set_site(world.hooks[name], worlds.SERVERS)
    world.happen(1)
    world.run(3.0)
    for name in ("server1", "server3"):
        world.alive[name].queue.set_site(HOOKS, worlds.SERVERS)
    world.settle()


STORIES = (quiet, sender_dies_at_every_step, sender_dies_long_after, alone_with_its_disk,
           cut_off_from_the_receiver, back_with_an_old_disk, new_webhook_on_one_server_first)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda one: one.__name__)
def test_story(story: Callable[[], None]) -> None:
    story()


def test_many_histories() -> None:
    made = [histories(number) for number in range(STEPS)]
    events = sum(len(world.happenings) for world in made)
    lost = sum(one.lost for world in made for one in world.happenings.values())
    twins = sum(len(got) - len(set(got)) for world in made for got in world.got.values())
    assert events > 5 * STEPS, "the histories have events"
    assert lost < events // 10, "most are known to a server that lives"
    assert twins, "servers die between an event and its mark"


# Wrong changes, each of which a story or a history must notice --------------------------------------


def _marks_first(self: DeliveryQueue, now: float, alive: Any) -> Any:
    for hook, event in RIGHT_DUE(self, now, alive):
        self.outbox.delivered(event.id, hook.name)
        yield hook, event


def _all_is_delivered(self: DeliveryQueue, hook: str, event_id: str, answer: Any, **more: Any) -> None:
    if answer.outcome is DeliveryOutcome.DOWN:
        self.outbox.delivered(event_id, hook)
    RIGHT_ENDED(self, hook, event_id, answer, **more)


def _refused_is_delivered(self: DeliveryQueue, hook: str, event_id: str, answer: Any, **more: Any) -> None:
    if answer.outcome is DeliveryOutcome.REFUSED:
        self.outbox.delivered(event_id, hook)
    RIGHT_ENDED(self, hook, event_id, answer, **more)


def _settles_what_it_does_not_know(self: Outbox, event_id: str) -> None:
    if not self._waiting[event_id].left & self.known:
        self._end(event_id)


def _forgets_ends(one: Entry, other: Entry) -> Entry:
    return one if one.event is not None else other


RIGHT_DUE, RIGHT_ENDED, RIGHT_SENDER = DeliveryQueue.due, DeliveryQueue.ended, sending.sender

BREAKAGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "marked before it is delivered": lambda patch: patch.setattr(DeliveryQueue, "due", _marks_first),
    "not reached counts as delivered": lambda patch: patch.setattr(DeliveryQueue, "ended", _all_is_delivered),
    "refused counts as delivered": lambda patch: patch.setattr(DeliveryQueue, "ended", _refused_is_delivered),
    "a dead server's turn": lambda patch: patch.setattr(
        delivery_queue, "sender", lambda order, alive, failing: order[0]),
    "who cannot reach it goes on": lambda patch: patch.setattr(
        delivery_queue, "sender", lambda order, alive, failing: RIGHT_SENDER(order, alive, ())),
    "everybody sends": lambda patch: patch.setattr(
        DeliveryQueue, "sender_of", lambda self, hook, alive, now: self.server),
    "deliveries are not told": lambda patch: patch.setattr(outbox, "merged", _forgets_ends),
    "the disk is not read": lambda patch: patch.setattr(
        World, "_tell", _without_a_disk(World._tell)),
    "a webhook that is not known needs nothing": lambda patch: patch.setattr(
        Outbox, "_settle", _settles_what_it_does_not_know),
    "sends before it has heard its peers": lambda patch: patch.setattr(
        World, "_ready", lambda self, server: setattr(server, "ready", server.saves_at is not None)),
    "an id of each server's own": lambda patch: patch.setattr(
        worlds, "identify_of", lambda subject, server: identify("lab", EventKind.ALARM, subject, server)),
    "gives up after the first failure": lambda patch: patch.setattr(
        sending, "wait_s", lambda failures, draw: 1e9),
}


def _without_a_disk(right: Callable[[World, Any], None]) -> Callable[[World, Any], None]:
    def tell(self: World, server: Any) -> None:
        right(self, server)
        if server.saves_at is not None:
            self.disks[server.name] = dict.fromkeys(self.disks[server.name], outbox.encode(ENDED))

    return tell


@pytest.mark.parametrize("broken", BREAKAGES, ids=str)
def test_a_wrong_change_is_noticed(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BREAKAGES[broken](monkeypatch)
    for story in STORIES:
        try:
            story()
        except AssertionError:
            return
    for number in range(STEPS):
        try:
            histories(number)
        except AssertionError:
            return
    raise AssertionError(f"nothing noticed: {broken}")

