"""What the sidecar and the door say to each other: one JSON object a line, both ways.

    {"do": "states", "services": ["dhcpd", "bind"]}    {"ok": true, "states": {"dhcpd": "running", ...}}
    {"do": "start", "services": ["dhcpd"]}             {"ok": true}
                                                       {"ok": false, "resource": "...", "reason": "..."}

Owns the form of both lines and the list of services that may be named. One request a connection. A
request that is not exactly of this form is refused: nothing in it is ever handed on to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twinboot.core.model import ServiceState

SERVICES = ("tftp", "vsftpd", "bind", "httpd", "dhcpd")
"""The daemons of the stack. Not the door, not the sidecar, not render: nobody asks for those."""
MAX_LINE = 512
"""Bytes of a line, its end included."""
_WORDS_MOST = 200


class Verb(Enum):
    """All that can be asked."""

    STATES = "states"
    START = "start"
    STOP = "stop"
    RESTART = "restart"


class NotUnderstood(ValueError):
    """A line that is no request, or no reply."""


@dataclass(frozen=True, slots=True)
class Request:
    """states takes any number of services, the others exactly one."""

    verb: Verb
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """fault: resource and reason, or None when it was done."""

    states: Mapping[str, ServiceState]
    fault: tuple[str, str] | None = None


def request_line(request: Request) -> bytes:
    return _line({"do": request.verb.value, "services": list(request.services)})


def parse_request(line: bytes) -> Request:
    """The request in a line; NotUnderstood for anything else."""
    said = _object(line)
    if said.keys() != {"do", "services"}:
        raise NotUnderstood("a request has the keys do and services, and no other")
    word, services = said["do"], said["services"]
    verb = next((verb for verb in Verb if verb.value == word), None)
    if verb is None:
        raise NotUnderstood(f"no such request; there are: {', '.join(verb.value for verb in Verb)}")
    if not isinstance(services, list) or not all(service in SERVICES for service in services):
        raise NotUnderstood(f"no such service; there are: {', '.join(SERVICES)}")
    if len(services) != 1 and verb is not Verb.STATES:
        raise NotUnderstood(f"{verb.value} takes one service")
    return Request(verb, tuple(services))


def reply_line(reply: Reply) -> bytes:
    if reply.fault is not None:
        resource, reason = (text[:_WORDS_MOST] for text in reply.fault)
        return _line({"ok": False, "resource": resource, "reason": reason})
    return _line({"ok": True, "states": {name: state.value for name, state in reply.states.items()}})


def parse_reply(line: bytes) -> Reply:
    """The reply in a line; NotUnderstood for anything else."""
    said = _object(line)
    try:
        if said["ok"] is not True:
            return Reply({}, (str(said["resource"]), str(said["reason"])))
        return Reply({str(name): ServiceState(word) for name, word in said["states"].items()})
    except (KeyError, ValueError, AttributeError) as exc:
        raise NotUnderstood("not a reply") from exc


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise NotUnderstood("not JSON") from exc
    if not isinstance(said, dict):
        raise NotUnderstood("not an object")
    return said
