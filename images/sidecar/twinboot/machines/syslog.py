"""What installers say by syslog: a message as a line of text, checked and bounded. Pure.

Sources: RFC 3164 (the older form, which every sender bends), RFC 5424 section 6, RFC 6587 section 3.4.2
(over TCP a line feed ends a message).
"""

from __future__ import annotations

import re
from time import gmtime, strftime

from .reports import plain

PORT = 5514
"""UDP and TCP. Not 514: a server's own log service may listen there."""
MAX_MESSAGE = 1024
"""Characters of a line that are kept."""
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_INFO = 6
_PRIORITY = re.compile(r"<(\d{1,3})>(1 )?")
_OLD_HEAD = re.compile(  # the host may be missing
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: (?![^ ]*[:\[])[^ ]+)?(?: |$)"
)
_NEW_HEAD = re.compile(
    r"[^ ]+ [^ ]+ (?P<app>[^ ]+) [^ ]+ [^ ]+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: \ufeff?|$)"
)


def line_of(message: bytes, at: float) -> str:
    """`2026-01-31 12:00:00 err anaconda: what it says`, in UTC. at: seconds since the epoch, by our clock:
    theirs may be set to anything. Of several lines, all in one; empty for a message without text."""
    text = message[: 4 * MAX_MESSAGE].decode("utf-8", "replace").strip("\0 \r\n")
    severity = _INFO
    found = _PRIORITY.match(text)
    if found is not None:
        severity, text = int(found[1]) & 7, text[found.end():]
        text = _of_new_form(text) if found[2] else _OLD_HEAD.sub("", text, count=1)
    said = plain(text[:MAX_MESSAGE]).replace("\n", " ")[:MAX_MESSAGE]
    moment = strftime("%Y-%m-%d %H:%M:%S", gmtime(at))
    return f"{moment} {SEVERITIES[severity]} {said}" if said else ""


def _of_new_form(text: str) -> str:
    head = _NEW_HEAD.match(text)
    if head is None:
        return text
    rest = text[head.end():]
    return rest if head["app"] == "-" else f"{head['app']}: {rest}"
