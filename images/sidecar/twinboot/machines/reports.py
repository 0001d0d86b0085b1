"""What installers report by HTTP: the request, checked and bounded. Pure.

    GET /report/HOST/start?token=T                        may this install begin? "go" or "no WHY"
    GET /report/HOST/step?token=T&name=finishing          another step
    GET /report/HOST/progress?token=T&n=5&of=25&kib=71000 how far
    GET /report/HOST/error?token=T&words=...              the end of its log
    GET /report/HOST/done?token=T                         the disk holds the new system

Every answer is one line: `go`, `ok`, `wait WHY` (ask again) or `no WHY`. All are GET, with no body: the
smallest of installers can do that, and a lost answer is asked for again. The token is made by the installer
itself, and shown first with `start`, which is believed from an address of that machine alone. Of it only a
digest is kept.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl, urlsplit

from .record import MAX_WORDS, Step

MAX_TARGET = 8000
"""Characters of a request; nginx refuses longer ones by itself (large_client_header_buffers)."""
MAX_COUNT = 1 << 40
_TOKEN = re.compile(r"[0-9A-Za-z-]{16,64}")
_PATH = re.compile(r"/report/([A-Za-z0-9.-]{1,253})/([a-z]{1,20})")
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?", re.DOTALL)
"""Escape sequences of terminals (ECMA-48, 5.4; xterm's operating system commands)."""
_STEPS = {"packages": Step.PACKAGES, "finishing": Step.FINISHING}


class Event(Enum):
    START = "start"
    STEP = "step"
    PROGRESS = "progress"
    ERROR = "error"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Report:
    """token: SHA-256 of the one that was shown, in hex."""

    host: str
    event: Event
    token: str
    step: Step | None = None
    number: int = 0
    of: int = 0
    kib: int = 0
    words: str = ""


def parse(target: str) -> Report:
    """The request target of a GET. ValueError says what is wrong with it."""
    if len(target) > MAX_TARGET:
        raise ValueError("the request is too long")
    parts = urlsplit(target)
    found = _PATH.fullmatch(parts.path)
    if found is None:
        raise ValueError("a report is /report/HOST/EVENT")
    try:
        event = Event(found[2])
    except ValueError:
        known = ", ".join(one.value for one in Event)
        raise ValueError(f"event {found[2]!r} is none of {known}") from None
    said = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=20, errors="replace"))
    token = said.get("token", "")
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token has 16 to 64 letters, digits and dashes")
    step = _STEPS.get(said.get("name", ""))
    if event is Event.STEP and step is None:
        raise ValueError(f"a step is one of {', '.join(_STEPS)}")
    digest = hashlib.sha256(token.encode()).hexdigest()
    return Report(found[1].lower(), event, digest, step, _count(said, "n"), _count(said, "of"),
                  _count(said, "kib"), plain(said.get("words", "")))  # fmt: skip


def plain(text: str) -> str:
    """The end of a text that a machine sent, without what would move a terminal's cursor or colour it."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    shown = "".join(one if one == "\n" or one.isprintable() else "?" for one in text)
    return shown.strip()[-MAX_WORDS:]


def _count(said: dict[str, str], name: str) -> int:
    value = said.get(name, "")
    return min(int(value), MAX_COUNT) if value.isascii() and value.isdigit() and len(value) < 20 else 0
