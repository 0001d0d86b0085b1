"""What is kept of an action: who, from where, what, when, and how it ended. Two lines of JSON each: when it
was asked for, and when it had ended, so that one whose server died in between is not forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_SAID = 300
MAX_NAMES = 20
UNFINISHED = "not known: the sidecar ended meanwhile"


@dataclass(frozen=True, slots=True)
class Who:
    """name: of a token's entry, or `root on SERVER`. address: of the client; empty: none. via: command line,
    api or page."""

    name: str
    role: str = ""
    address: str = ""
    via: str = "command line"


def what_of(request: Mapping[str, Any]) -> str:
    """An action in the words of the command line."""
    command = str(request.get("cmd"))
    if command in ("order", "order-now", "power"):
        hosts = [str(one) for one in request.get("hosts") or ()]
        shown = hosts[:MAX_NAMES] + ([f"and {len(hosts) - MAX_NAMES} more"] if len(hosts) > MAX_NAMES else [])
        profile = [f"--profile {request['profile']}"] if request.get("profile") else []
        if command == "order":
            return _cut(" ".join([str(request.get("order")), *shown, *profile]))
        force = ["--force"] * bool(request.get("force"))
        if command == "power":
            return _cut(" ".join(["power", *shown, str(request.get("do")), *force]))
        return _cut(" ".join(["install --now", *shown, *profile, *force]))
    if command == "apply":
        without = "".join(f" --without {name}" for name in request.get("without") or ())
        return _cut(f"apply{' --previous' if request.get('previous') else ''}{without}")
    if command in ("enroll", "unenroll", "hosts-import"):
        return _cut(" ".join([command.replace("-", " "), *_machines_of(request)]))
    return _cut(f"{command} --force" if request.get("force") else command)


def _machines_of(request: Mapping[str, Any]) -> list[str]:
    """Those that come or go; of a table, whether it takes others out."""
    if request.get("cmd") == "hosts-import":
        return ["--replace"] if request.get("replace") else []
    found = [str(one) for one in request.get("hosts") or ()]
    for one in request.get("machines") or ():
        named = f"={one['name']}" if isinstance(one, dict) and one.get("name") else ""
        found.append(f"{one.get('mac')}{named}" if isinstance(one, dict) else "?")
    return found[:MAX_NAMES] + ([f"and {len(found) - MAX_NAMES} more"] if len(found) > MAX_NAMES else [])


def asked(number: str, at: float, server: str, who: Who, what: str) -> bytes:
    """The line of an action that is about to be done."""
    return _line({
        "id": number, "at": round(at, 3), "server": server, "who": who.name, "role": who.role,
        "from": who.address, "via": who.via, "what": what,
    })


def ended(number: str, at: float, reply: Mapping[str, Any]) -> bytes:
    """The line of how it ended."""
    said = str(reply.get("message") or reply.get("error") or "")
    return _line({
        "id": number, "ended": round(at, 3), "result": "done" if reply.get("ok") else "refused",
        "said": _cut(said),
    })


def entries(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Actions in the order in which they were asked for. Lines that are none are passed over."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            said = json.loads(line)
            number = str(said["id"])
        except (ValueError, KeyError, TypeError):
            continue
        if "what" in said:
            found[number] = {**said, "ended": None, "result": UNFINISHED, "said": ""}
        elif number in found:
            found[number] |= {key: said.get(key) for key in ("ended", "result", "said")}
    return list(found.values())


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SAID else text[:MAX_SAID - 3] + "..."


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
