"""What the agent says to the takeover process: moves, questions, and the records of the peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Any

from .json_line import Unknown, json_line, parsed, record_fields, record_of, text_of, unknown


class Move(Enum):
    CLAIMING = "claiming"
    CLAIMED = "claimed"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """holder: who had the address, empty when unknown. planned: it lives. again: the takeover process is new,
    the address is not. ours: nobody else has had the address since it was here."""

    move: Move
    address: IPv4Address
    holder: str = ""
    planned: bool = False
    again: bool = False
    ours: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class ReportRequest:
    number: int = 0


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """value None: it is over. peer empty: what this server's takeover process told in its last life."""

    peer: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class PeerReset:
    """All records of the peer are void."""

    peer: str


@dataclass(frozen=True, slots=True)
class Replicated:
    """All peers know what was told before the ReplicationQuery of that number."""

    number: int


@dataclass(frozen=True, slots=True)
class Dialects:
    """What the images of FTP and HTTP service speak here, by service; empty: the image does not say."""

    by_service: Mapping[str, str]


Request = MoveRequest | ReportRequest
AgentMessage = MoveRequest | ReportRequest | PeerRecord | PeerReset | Replicated | Dialects


def agent_line(message: AgentMessage) -> bytes:
    match message:
        case MoveRequest():
            return json_line({
                "do": message.move.value, "address": str(message.address), "holder": message.holder,
                "planned": message.planned, **({"again": True} if message.again else {}),
                **({"ours": True} if message.ours else {}),
                "id": message.number,
            })
        case ReportRequest():
            return json_line({"do": "report", "id": message.number})
        case PeerRecord():
            return json_line({"peer": message.peer, **record_fields(message.key, message.value)})
        case PeerReset():
            return json_line({"peer": message.peer, "reset": True})
        case Replicated():
            return json_line({"replicated": message.number})
        case Dialects():
            return json_line({"dialects": dict(message.by_service)})


def parse_agent_line(line: bytes) -> AgentMessage | Unknown:
    """One line of the agent; MalformedMessage when it has none of the forms."""
    return parsed(line, _agent_message)


def _agent_message(found: dict[str, Any]) -> AgentMessage | Unknown:
    if "replicated" in found:
        return Replicated(int(found["replicated"]))
    if "dialects" in found:
        return Dialects({text_of(name): text_of(text) for name, text in found["dialects"].items()})
    if "do" in found:
        number, word = int(found["id"]), found["do"]
        if word == "report":
            return ReportRequest(number)
        move = next((move for move in Move if move.value == word), None)
        if move is None:
            return Unknown(number)
        return MoveRequest(move, IPv4Address(found["address"]), str(found.get("holder", "")), number=number,
                           **{name: bool(found.get(name)) for name in ("planned", "again", "ours")})
    if "peer" in found and found.get("reset"):
        return PeerReset(str(found["peer"]))
    if "key" in found:
        return PeerRecord(str(found["peer"]), *record_of(found))
    return unknown(found)
