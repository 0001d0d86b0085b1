"""What the sidecar and the engine proxy say to each other: one JSON object a line, both ways.

    {"do": "states", "services": ["dhcpd", "bind"]}    {"ok": true, "states": {"dhcpd": "running", ...}}
    {"do": "dialects", "services": ["vsftpd"]}         {"ok": true, "dialects": {"vsftpd": "..."}, ...}
    {"do": "start", "services": ["dhcpd"]}             {"ok": true}
    {"do": "create", "services": ["dhcpd"]}            {"ok": true}     its container is there
    {"do": "try", "services": ["dhcpd"]}               {"ok": true}     it accepts its configuration
                                                       {"ok": false, "resource": "...", "reason": "..."}

Owns the form of both lines and the list of services that may be named. One request a connection. A
request that is not exactly of this form is refused: nothing in it is ever handed on to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from twinboot import daemons
from twinboot.core.model import ServiceState

DIALECT_LABEL = daemons.DIALECT_LABEL
SERVICES = daemons.names()
"""The daemons of the stack. Not the engine proxy and not the sidecar: nobody asks for those."""
RESTART_ONLY = (daemons.TAKEOVER,)
"""Services for which a restart may be asked, and nothing else."""
CHECK, CHECK_REFUSED = daemons.CHECK, daemons.CHECK_REFUSED
TRIED = daemons.names(daemons.MANAGED)
"""Services that may be asked whether they accept their configuration."""
ONE_SHOTS = (daemons.RENDER,)
"""They run to their end with their own fixed command: of these a container and a start may be asked for."""
NOT_UNDERSTOOD = "the engine proxy"
"""The resource of a refusal: that request is none, or none that this version of the engine proxy knows."""
MAX_LINE = 512
"""Bytes of a line, its end included."""
_MAX_REASON = 200
_MAX_DIALECT = 40


class Verb(Enum):
    """All that can be asked."""

    STATES = "states"
    DIALECTS = "dialects"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    CREATE = "create"
    TRY = "try"


_ALSO = {
    Verb.RESTART: RESTART_ONLY,
    **dict.fromkeys((Verb.CREATE, Verb.START, Verb.STATES, Verb.DIALECTS), ONE_SHOTS),
}


class ProtocolError(ValueError):
    """A line that is no request, or no reply."""


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """states and dialects take any number of services, the others exactly one."""

    verb: Verb
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EngineReply:
    """fault: resource and reason, or None when it was done."""

    states: Mapping[str, ServiceState]
    fault: tuple[str, str] | None = None
    dialects: Mapping[str, str] = field(default_factory=dict)


def request_line(request: EngineRequest) -> bytes:
    return _encode_line({"do": request.verb.value, "services": list(request.services)})


def parse_request(line: bytes) -> EngineRequest:
    """The request in a line; ProtocolError for anything else."""
    said = _decode_object(line)
    if said.keys() != {"do", "services"}:
        raise ProtocolError("a request has the keys do and services, and no other")
    word, services = said["do"], said["services"]
    verb = next((verb for verb in Verb if verb.value == word), None)
    if verb is None:
        raise ProtocolError(f"no such request; there are: {', '.join(verb.value for verb in Verb)}")
    allowed = TRIED if verb is Verb.TRY else (*SERVICES, *_ALSO.get(verb, ()))
    if not isinstance(services, list) or not all(service in allowed for service in services):
        raise ProtocolError(f"no such service; there are: {', '.join(allowed)}")
    if len(services) != 1 and verb not in (Verb.STATES, Verb.DIALECTS):
        raise ProtocolError(f"{verb.value} takes one service")
    return EngineRequest(verb, tuple(services))


def reply_line(reply: EngineReply) -> bytes:
    if reply.fault is not None:
        resource, reason = (text[:_MAX_REASON] for text in reply.fault)
        return _encode_line({"ok": False, "resource": resource, "reason": reason})
    dialects = {name: text[:_MAX_DIALECT] for name, text in reply.dialects.items()}
    return _encode_line({"ok": True, "states": {name: state.value for name, state in reply.states.items()},
                         **({"dialects": dialects} if dialects else {})})


def parse_reply(line: bytes) -> EngineReply:
    """The reply in a line; ProtocolError for anything else."""
    said = _decode_object(line)
    try:
        if said["ok"] is not True:
            return EngineReply({}, (str(said["resource"]), str(said["reason"])))
        states = {str(name): ServiceState(word) for name, word in said["states"].items()}
        dialects = {str(name): str(text)[:_MAX_DIALECT] for name, text in said.get("dialects", {}).items()}
        return EngineReply(states, dialects=dialects)
    except (KeyError, ValueError, AttributeError) as exc:
        raise ProtocolError("not a reply") from exc


def _encode_line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode() + b"\n"


def _decode_object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("not JSON") from exc
    if not isinstance(said, dict):
        raise ProtocolError("not an object")
    return said
