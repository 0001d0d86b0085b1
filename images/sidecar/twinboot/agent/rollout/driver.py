"""Looks at the cluster, feeds the decisions, carries out what they ask for, answers `twinboot apply`.

All on the loop; what takes long is in jobs.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from twinboot import rollout
from twinboot.adapters.records.site_texts import SiteTexts
from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.core.membership.peer import Peer
from twinboot.core.model import GroupState
from twinboot.core.ownership import candidates
from twinboot.core.vip.group import Group
from twinboot.log import log_fields
from twinboot.rollout.model import Author, Check, Committed, Judge, Keep, Note, PeerFacts, Switch, Version
from twinboot.rollout.record import Record, status_from_json, status_to_json

from ..loop import Agent
from ..replication.site_copies import SiteCopies
from . import facts, subprocess_jobs, texts
from .begin import RecordFile, Renderer
from .edited import LOOK_EVERY_S, EditedFile, FileState
from .jobs import Jobs
from .past import PastSites

log = logging.getLogger(__name__)

TABLE = "rollout"
LOOK_S = 0.2
_WAITING_S = 60.0
"""A committed site that is not in use for so long is worth an alarm."""


class Rollout:
    """leave: hand everything over, and begin anew with the committed site."""

    def __init__(self, agent: Agent, *, copies: SiteCopies, record: Record, file: RecordFile, config: Path,
                 current: Path, engine: Renderer, fault: str, leave: Callable[[str], None],
                 before_render: Callable[[], None], kept: SiteTexts | None = None) -> None:
        self._agent, self._copies, self._leave = agent, copies, leave
        self._loop = asyncio.get_running_loop()
        self._site_file = config / "site.yaml"
        self._jobs = Jobs(server=agent.config.me, config=config, current=current, file=file, record=record,
                          engine=engine, post=self._post, before_render=before_render, kept=kept)
        self.past = PastSites(kept, lambda: self._jobs.record)
        self._edited = EditedFile(self._site_file, lambda: self._jobs.record, self._jobs.submit)
        self._state = rollout.initial(agent.config.me, record.committed, self._working(), record.seen)
        self._published: rollout.RolloutStatus | None = None
        self._fault, self._behind_since = fault, agent.now()
        self._timer: asyncio.TimerHandle | None = None
        self._next_file_look = 0.0

    def start(self) -> None:
        self._jobs.keep_texts()
        self._look()

    @property
    def committed(self) -> Committed:
        """The site that all servers are to work by, as this one's disk has it."""
        return self._jobs.record.committed

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._jobs.close()

    # The loop -----------------------------------------------------------------------------------

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_S, self._look)
        now = self._agent.now()
        if self._state.committed.version == self._working():
            self._behind_since, self._fault = now, ""
        if now >= self._next_file_look:
            self._next_file_look = now + LOOK_EVERY_S
            self._edited.look()
        self._note_heard()
        self._step(self._facts())

    def _post(self, event: rollout.Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._step, event)

    def _step(self, event: rollout.Event) -> None:
        self._state, effects = rollout.step(self._state, event, self._agent.now())
        for effect in effects:
            match effect:
                case Note(event=what, fields=fields):
                    log_fields(log, LogLevel.INFO, what, dict(fields))
                case Check(proposal=proposal):
                    self._jobs.check(proposal)
                case Keep(committed=committed, seen=seen):
                    self._jobs.keep(committed, seen)
                case Judge(committed=committed):
                    self._jobs.judge(committed)
                case Switch(committed=committed, in_place=in_place) if in_place or self._fault:
                    # after a render that failed nothing is let go of before one succeeds; then the Reloader
                    # sees the new files, and the agent begins anew
                    self._jobs.render(committed, self._rendered)
                case Switch(committed=committed):
                    self._leave(f"site {committed.version.number} is taken into use")
        if self._state.status != self._published:
            self._published = self._state.status
            self._copies.publish(status_to_json(self._published))

    def trees_published(self, folders: tuple[str, ...]) -> None:
        """Install trees of the site came, or others took their place: boot loaders are copied out of them."""
        self._jobs.render_for_trees(folders)

    def _rendered(self, fault: str) -> None:
        self._fault = fault

    def _note_heard(self) -> None:
        heard = self._jobs.record.heard
        new = [peer.name for peer in self._agent.state.peers.values()
               if peer.alive and not peer.unknown_server and peer.name not in heard]
        if new:
            self._jobs.note_heard((*heard, *new))

    # Facts --------------------------------------------------------------------------------------

    def _working(self) -> Version:
        site = self._agent.config.site
        with contextlib.suppress(AssertionError):  # not started yet
            site = self._agent.state.config.site
        return facts.version_of_site(site) or Version(0, b"")

    def _facts(self) -> rollout.ClusterFacts:
        state = self._agent.state
        held = [group for group in state.groups.values() if group.state is GroupState.HELD]
        peers = tuple(self._peer(peer) for peer in state.peers.values())
        return rollout.ClusterFacts(
            peers, self._working(), len(held), facts.is_settled(state),
            all(self._can_be_taken(group) for group in held),
        )

    def _peer(self, peer: Peer) -> PeerFacts:
        status = None
        document = self._copies.of(peer.name)
        if document is not None:
            with contextlib.suppress(ValueError):
                status = status_from_json(document)
        return facts.peer_facts(peer, status)

    def _can_be_taken(self, group: Group) -> bool:
        """By a live peer; or the committed site has no such address any more."""
        state = self._agent.state
        if any(candidates.can_take(state, name, group) for name in state.peers):
            return True
        wanted = self._state.committed.version
        over = [
            peer.last_heartbeat for peer in state.peers.values()
            if peer.alive and peer.last_heartbeat is not None and facts.version_of_site(peer.site) == wanted
        ]
        return bool(over) and not any(one.on_address(group.config) for one in over)

    # Questions ----------------------------------------------------------------------------------

    async def propose(self, *, digest: str, previous: bool, without: tuple[str, ...],
                      text: str | None = None, base: str = "", by: Mapping[str, Any] | None = None
                      ) -> dict[str, Any]:
        """Begin to apply a text, the operator's file when there is none, or the site before. digest: of what
        the operator was shown. base: of the site in use that it was compared with; empty: any. by: `who` and
        `via`."""
        record = self._jobs.record
        try:
            if previous:
                if record.previous is None:
                    return _refused("there is no site before this one")
                text = record.previous.text
            elif text is None:
                text = await self._loop.run_in_executor(None, self._site_file.read_text, "utf-8")
        except (OSError, ValueError) as exc:
            return _refused(f"the site file cannot be read: {exc}")
        read = await subprocess_jobs.run("read", {"text": text, "present": record.committed.text})
        if not read["ok"]:
            return read
        servers = tuple(read["servers"])
        if read["digest"] != digest:
            return _refused("the site file was written meanwhile: look at it again")
        if base and base != self.committed.version.digest.hex():
            return await self._meanwhile(base)
        known = {*record.heard, self._agent.config.me}
        unknown = tuple(name for name in servers if name not in known)
        try:
            self._step(self._facts())
            wish = rollout.Propose(
                text, bytes.fromhex(digest), servers, without, unknown, self._author(by))
            self._step(wish)
        except rollout.Refused as exc:
            return _refused(str(exc))
        return {"ok": True, **self.status()}

    async def compare(self, text: str, base: str = "") -> dict[str, Any]:
        """What a text would change of the site in use, or its faults. base: of the site that it was made
        from; another one than that in use is refused."""
        if base and base != self.committed.version.digest.hex():
            return await self._meanwhile(base)
        return await subprocess_jobs.run("compare", {"site": texts.of_committed(self.committed),
                                                     "text": text})

    def in_use(self) -> dict[str, Any]:
        """The site in use, as it was written."""
        return texts.site_in_use(self.committed)

    async def _meanwhile(self, base: str) -> dict[str, Any]:
        before = await self.past.text(digest=base)
        said = {"site": texts.of_committed(self.committed), "before": before}
        return await subprocess_jobs.run("meanwhile", said)

    def _author(self, by: Mapping[str, Any] | None) -> Author:
        said = by or {}
        return Author(str(said.get("who") or ""), str(said.get("via") or ""), self._state.me, time.time())

    def status(self) -> dict[str, Any]:
        state, file = self._state, self._edited.facts
        attempt = state.attempt
        return {
            "server": state.me,
            "committed": _version(state.committed.version), "by": asdict(state.committed.by),
            "working": _version(state.working),
            "servers": {
                name: {
                    "alive": peer.alive, "working": _version(peer.working),
                    "committed": _version(peer.status.committed.version) if peer.status is not None else None,
                }
                for name, peer in state.peers.items()
            },
            "file": {"state": file.state.value, "number": file.number, "fault": file.fault},
            "fault": self._fault,
            "heard": list(self._jobs.record.heard),
            "attempt": None if attempt is None else {
                "number": attempt.proposal.version.number, "phase": attempt.phase.value,
                "by": asdict(attempt.proposal.by), "error": attempt.error,
                "members": list(attempt.proposal.members),
                "votes": {
                    name: {"faults": list(vote.faults), "notes": list(vote.notes)}
                    for name, vote in attempt.votes.items()
                },
            },
        }

    def alarm_conditions(self, server: str) -> Iterator[Condition]:
        file = self._edited.facts
        if file.state is FileState.EDITED:
            yield kinds.SITE_EDITED.on(
                server, "config/site.yaml is edited and not applied: scripts/twinboot apply"
            )
        elif file.state is FileState.FAULTY:
            yield kinds.SITE_EDITED.on(
                server, f"config/site.yaml has faults, and is not what is in use: {file.fault}"
            )
        if self._agent.now() >= self._behind_since + _WAITING_S or self._fault:
            number = self._state.committed.version.number
            why = self._fault or "it waits for another server"
            yield kinds.SITE_NOT_IN_USE.on(server, f"site {number} is committed and not in use here: {why}")


def _version(version: Version | None) -> dict[str, Any] | None:
    return None if version is None else {"number": version.number, "digest": version.digest.hex()}


def _refused(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}
