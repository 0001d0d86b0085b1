"""The lines on the process's socket, one JSON object each: a question, its answer, the end.

    {"do": "network", "host": "cli128", "firmware": "uefi"}     {"ok": true, "said": "restarted"}
                                                                {"ok": false, "reason": "password", ...}
    {}                                                          {"ok": true}     the health check

Who asks names a host, and no address: where a password goes, the rendered file alone says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .kind import Action, Firmware, PowerFailed

LINE_MAX = 4096
_SAID_MAX = 400


@dataclass(frozen=True, slots=True)
class Question:
    action: Action
    host: str
    firmware: Firmware = Firmware.UNKNOWN


@dataclass(frozen=True, slots=True)
class Answer:
    """said: one line for an operator."""

    ok: bool
    said: str
    reason: str = ""


def one_line(text: str) -> str:
    """What a BMC has said, without what a terminal would act on, and not without end."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(shown.split())[:_SAID_MAX]


def question_line(question: Question) -> bytes:
    said = {"do": question.action.value, "host": question.host, "firmware": question.firmware.value}
    return json.dumps(said).encode() + b"\n"


def question_of(line: bytes) -> Question | None:
    """None: the health check. ValueError for what is no question."""
    try:
        read = json.loads(line)
        if not read:
            return None
        return Question(Action(read["do"]), str(read["host"]), Firmware(read.get("firmware", "")))
    except (TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no question: {exc}") from None


def done(said: str) -> Answer:
    return Answer(True, one_line(said))


def failed(failure: PowerFailed) -> Answer:
    return Answer(False, one_line(failure.text), failure.reason.value)


def answer_line(answer: Answer) -> bytes:
    said = {"ok": answer.ok, "said": answer.said, "reason": answer.reason}
    return json.dumps(said).encode() + b"\n"


def answer_of(line: bytes) -> Answer:
    """ValueError for what answer_line() has not made."""
    try:
        read = json.loads(line)
        return Answer(bool(read["ok"]), one_line(str(read["said"])), str(read.get("reason", "")))
    except (TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no answer: {exc}") from None
