"""What `twinboot status`, `history` and `diff` are answered: what one agent knows, as JSON values."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import Any

from twinboot.core.model import SiteId
from twinboot.core.view.view import GroupView, PeerView
from twinboot.site.difference import differences
from twinboot.wire.cluster.heartbeat import Refusal

from .. import alarms
from ..loop import Agent

_MAX_DIFFERENCES = 500
"""Shown of one server; the reply must fit one line."""



def status(agent: Agent, addresses: dict[str, str]) -> dict[str, Any]:
    """What `twinboot status --json` prints."""
    view, counters = agent.view(), agent.counters
    return {
        "server": agent.config.me,
        "cluster": agent.config.cluster,
        "version": os.environ.get("TWINBOOT_VERSION", "unknown"),
        "boot": f"{agent.boot:016x}",
        "uptime_s": round(agent.uptime_s(), 1),
        "state": view.state,
        "settled": agent.settled(),
        "site": _site(view.site),
        "groups": {name: _group(group, addresses[name], agent) for name, group in view.groups.items()},
        "lan": view.lan.value,
        "daemons": {
            name: {"health": one.health.value, "fault": one.fault} for name, one in view.daemons.items()
        },
        "hold_down_s": round(view.hold_down_s, 1),
        "peers": {name: _peer(peer) for name, peer in view.peers.items()},
        "counters": {
            "received": counters.received,
            "malformed": counters.refused[Refusal.MALFORMED] + counters.refused[Refusal.OVERSIZED]
            + counters.refused[Refusal.VERSION],
            "forged": counters.refused[Refusal.FORGED],
            "foreign": counters.refused[Refusal.FOREIGN] + agent.links.unknown_senders() + view.ignored,
            "replayed": agent.replayed(),
            "dropped": agent.links.dropped(),
        },
        "load": agent.balancing(),
        "trees": agent.trees(agent.config.me),
        "tree_copies": agent.tree_copies(),
        "tree_reading": agent.tree_reading(),
        "connections": agent.connections(),
        "stale_arp_frames": dict(agent.stale_arp_frames()),
        "alarms": [
            alarms.as_dict(one, now=agent.now(), wall_time=time.time()) for one in agent.alarms.look()
        ],
    }


def history(agent: Agent) -> dict[str, Any]:
    """What `twinboot history --json` prints; times of day by the machine's clock as it is set now."""
    moves = agent.history.as_dicts(now=agent.now(), wall_time=time.time())
    return {"server": agent.config.me, "moves": moves}


def diff(agent: Agent, server: str) -> dict[str, Any]:
    """What `twinboot diff` shows: of one server, or of all others."""
    mine = agent.site_of(agent.config.me)
    known = [name for name in agent.state.peers if server in ("", name)]
    if not known:
        names = ", ".join(agent.state.peers)
        return {"ok": False, "error": f"{server} is none of the other servers; they are {names}"}
    peers: dict[str, Any] = {}
    for name in known:
        theirs = agent.site_of(name)
        found = list(differences(mine, theirs)) if theirs is not None else []
        peers[name] = {
            "known": theirs is not None,
            "differences": [asdict(one) for one in found[:_MAX_DIFFERENCES]],
            "left_out": max(0, len(found) - _MAX_DIFFERENCES),
        }
    return {"ok": True, "server": agent.config.me, "peers": peers}


def _group(group: GroupView, address: str, agent: Agent) -> dict[str, Any]:
    return {
        "address": address,
        "state": group.state.value,
        "holder": group.holder,
        "order": list(group.order),
        "services": {name: state.value for name, state in group.services.items()},
        "eligible": group.eligible,
        "reason": group.reason,
        "since_s": round(max(0.0, agent.state.now - group.since), 1),
        "readiness": {server: asdict(one) for server, one in group.readiness.items()},
    }


def _peer(peer: PeerView) -> dict[str, Any]:
    return {
        "state": peer.state.value,
        "standby": peer.standby,
        "left": peer.left,
        "version": peer.version or None,
        "hears_us": peer.hears_us,
        "lan": peer.lan.value,
        "daemons": {name: {"health": health.value} for name, health in peer.daemons.items()},
        "hold_down_s": round(peer.hold_down_s, 1),
        "site": _site(peer.site),
        "site_differs_s": None if peer.site_differs_s is None else round(peer.site_differs_s, 1),
        "differing_parts": list(peer.differing_parts),
        "links": {
            name: {
                "state": link.state.value,
                "age_ms": None if link.age_s is None else round(link.age_s * 1000),
            }
            for name, link in peer.links.items()
        },
    }


def _site(site: SiteId | None) -> dict[str, Any] | None:
    return None if site is None else {"number": site.number, "digest": site.digest.hex()}
