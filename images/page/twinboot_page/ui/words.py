"""Numbers and times as people read them; what machines sent, made harmless; what a word means at a glance.

Pure. Escaping for HTML is Jinja's; this takes out what a terminal or a browser would obey or hide.
"""

from __future__ import annotations

import re
import time

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # ECMA-48 section 5.4: control sequences, colours among them
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # section 5.6: command strings
    r"|\x1b[ -/]*[0-~]?"
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control characters, and those that turn or hide text (Unicode Standard Annex 9, section 2)."""
_HALF = re.compile("[\ud800-\udfff]")

GOOD, BUSY, WARN, BAD, IDLE = "good", "busy", "warn", "bad", "idle"
_TONES = {
    GOOD: "held active alive up running good yes same done none|as imported",
    BUSY: "loader kernel answers packages finishing claiming releasing starting stopping copying",
    WARN: "late standby unknown failing left unfinished removed|does not hear this one|another site file",
    BAD: "dead down leaving broken rx-dead no differs altered missing failed stalled nobody|no carrier",
}
_TONE_OF = {
    word: tone for tone, said in _TONES.items()
    for word in (*said.split("|")[0].split(), *said.split("|")[1:])
}  # fmt: skip
SIGNS = {GOOD: "✓", BUSY: "…", WARN: "!", BAD: "✗", IDLE: "·"}
"""Nothing is told by colour alone."""
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def clean(text: str) -> str:
    """Without control characters but line breaks and tabs, terminal sequences, and what turns text around."""
    plain = _TERMINAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _HALF.sub("\ufffd", _UNSEEN.sub("", plain))


def last_line(text: str) -> str:
    """The last line of a text that has something in it."""
    lines = [line.strip() for line in clean(text).splitlines() if line.strip()]
    return lines[-1] if lines else ""


def tone(word: str) -> str:
    """good, busy, warn, bad, idle: how a state is shown."""
    return _TONE_OF.get(word, IDLE)


def duration(seconds: float) -> str:
    """75 -> `1 min 15 s`; 90061 -> `1 d 1 h`."""
    left = max(0, int(seconds))
    shown: list[str] = []
    for size, unit in _UNITS:
        if left >= size:
            shown.append(f"{left // size} {unit}")
            left %= size
        if len(shown) == 2:
            break
    return " ".join(shown) or "0 s"


def age(seconds: float | None) -> str:
    """How long ago, so roughly that it does not change each second."""
    if seconds is None:
        return "never"
    if seconds < 10:
        return "now"
    if seconds < 60:
        return f"{int(seconds // 10) * 10} s ago"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "now"


def short_time(seconds: float) -> str:
    """`412 ms`, `1.37 s`, `2 min 5 s`."""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if abs(seconds) < 60 else duration(seconds)


def moment(at: float) -> str:
    """`2026-11-29 17:00:00`, UTC as everywhere."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def iso(at: float) -> str:
    """A time as a datetime attribute has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def since(rfc3339: str) -> str:
    """`2026-01-02T03:04:05Z` -> `2026-01-02 03:04:05`."""
    return rfc3339.replace("T", " ").removesuffix("Z")


def size(octets: float) -> str:
    """`1.2 GB`."""
    value, unit = (octets / 1e9, "GB") if octets >= 1e9 else (octets / 1e6, "MB")
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 machine`, `2 machines`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def pieces(text: str) -> list[tuple[str, str]]:
    """A text of the sidecar's, cut into plain text, `code` and *what is stressed*, each with its kind."""
    found = []
    for number, piece in enumerate(re.split(r"`([^`]*)`", text)):
        if number % 2:
            found.append(("code", piece))
        else:
            inner = re.split(r"\*([^*]+)\*", piece)
            found += [("stress" if place % 2 else "plain", one) for place, one in enumerate(inner)]
    return [one for one in found if one[1]]
