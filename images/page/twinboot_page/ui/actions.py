"""What an operator orders by a form: the question before it, the order, and what became of it.

The question names what will be erased. It is about the machines as they were when it was asked: a form that
is sent again, or late, orders nothing a second time, since each order is counted with its machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ..caller import Credential
from ..client import SidecarDown
from ..facts import Facts, Refused
from ..models import Machine
from . import words
from .pages import Page

INSTALL, LOCAL, STANDBY, RESUME = "install", "local", "standby", "resume"
OF_MACHINES = (INSTALL, LOCAL)
TITLES = {
    INSTALL: "Install again", LOCAL: "Start from the disk", STANDBY: "Hand over", RESUME: "Take part again",
}  # fmt: skip
TYPED_FROM = 10
"""So many machines are erased only after their number was typed."""
ORDER_S, MOVE_S = 30.0, 20.0
_MOST_HOSTS = 10_000
_REMEMBERED = 100
_SHELL_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Wrong(Exception):
    """The form cannot be meant; the text says why, to whoever sent it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is asked for. machines: those it is about, as they are now."""

    kind: str
    machines: tuple[Machine, ...] = ()
    profile: str = ""

    @property
    def title(self) -> str:
        return TITLES[self.kind]

    @property
    def must_type(self) -> bool:
        return self.kind == INSTALL and len(self.machines) >= TYPED_FROM

    @property
    def seen(self) -> str:
        """Which machines, and how often each was ordered something: another text after the next order."""
        said = "\n".join(f"{one.name} {one.orders}" for one in self.machines)
        return hashlib.sha256(f"{self.kind}\n{said}".encode()).hexdigest()[:24]

    @property
    def address(self) -> str:
        """URL of the question: where a visitor comes back to who has to log in first."""
        named = [("profile", self.profile)] if self.profile else [("host", one.name) for one in self.machines]
        return f"/ui/confirm?{urlencode([('order', self.kind), *named])}"

    @property
    def command(self) -> str:
        """The same order on the command line of a server."""
        if self.profile:
            return f"scripts/twinboot {self.kind} --profile {self.profile}"
        named = [one.name for one in self.machines if set(one.name) <= _SHELL_SAFE]
        return " ".join(["scripts/twinboot", self.kind, *named])


async def action_of(facts: Facts, said: Mapping[str, Sequence[str]]) -> Action:
    """The action that an address or a form asks for. Wrong for what there is not."""
    kind, profile = _one(said, "order"), _one(said, "profile")
    if kind not in TITLES:
        raise Wrong(f"There is no order {kind!r}.")
    if kind not in OF_MACHINES:
        return Action(kind)
    names = dict.fromkeys(said.get("host", ())[:_MOST_HOSTS])
    known = {one.name: one for one in await facts.machines()}
    missing = [name for name in names if name not in known]
    if missing:
        raise Wrong(f"There is no host {missing[0]} in the site file; nothing was ordered.")
    if profile and not names:
        found = tuple(one for one in known.values() if one.profile == profile)
    else:
        profile, found = "", tuple(known[name] for name in names)
    if not found:
        none = f"No host has the profile {profile}." if profile else "No machine is chosen: mark some first."
        raise Wrong(none)
    return Action(kind, tuple(facts.aged(one) for one in found), profile)


def question(action: Action, fault: str = "") -> Page:
    """What is shown before it is done. fault: why it was not, the last time."""
    return Page("confirm.html", {
        "action": action, "fault": fault, "back": action.address,
        "running": [one for one in action.machines if words.tone(one.state) == words.BUSY],
    }, 409 if fault else 200)  # fmt: skip


@dataclass(slots=True)
class ActionResult:
    """done: None while it is under way."""

    action: Action
    done: bool | None = None
    text: str = ""


class Desk:
    """Does actions, and remembers for a while what became of them: of this server alone."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._outcomes: OrderedDict[str, ActionResult] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def outcome(self, number: str) -> ActionResult | None:
        return self._outcomes.get(number)

    async def do(self, action: Action, said: Mapping[str, Sequence[str]], credential: Credential) -> str:
        """The number of its outcome. Wrong, Refused: nothing was done."""
        if action.machines and _one(said, "seen") != action.seen:
            raise Wrong("Since this question was asked something was ordered for one of these machines: it "
                        "was not ordered again. Look at them, and answer anew if it is meant.")
        if action.must_type and _one(said, "typed").strip() != str(len(action.machines)):
            raise Wrong(f"Type how many machines are erased: {len(action.machines)}.")
        if action.kind == STANDBY:  # refused at once where it would be, for what follows may not be heard
            await self._facts.order("standby", {"ask": True, "caller": credential.as_json()}, timeout_s=5.0)
        outcome, caller = ActionResult(action), credential.as_json()
        if action.machines:
            options = {"order": action.kind, "hosts": [one.name for one in action.machines], "caller": caller}
            reply = await self._facts.order("order", options, timeout_s=ORDER_S)
            outcome.done, outcome.text = True, str(reply.get("message") or "")
        else:
            # The address that the browser asks may move with it: the answer goes first.
            task = asyncio.create_task(self._move(outcome, caller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        number = secrets.token_hex(8)
        self._outcomes[number] = outcome
        if len(self._outcomes) > _REMEMBERED:
            self._outcomes.popitem(last=False)
        return number

    async def _move(self, outcome: ActionResult, caller: Mapping[str, Any]) -> None:
        try:
            reply = await self._facts.order(outcome.action.kind, {"caller": caller}, timeout_s=MOVE_S)
        except (Refused, SidecarDown) as exc:
            outcome.done, outcome.text = False, str(exc)
        else:
            outcome.done, outcome.text = True, str(reply.get("message") or "")


def _one(said: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(said.get(name, ())), "")
