"""One question to the process power, and its answer, within ANSWER_LIMIT_S.

Never raises for what the process does.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from twinboot.power.logic.talk import LINE_MAX, Answer, Question, answer_of, question_line

ANSWER_LIMIT_S = 120.0
"""A BMC that is slow with everything may take a minute: each thing that is asked of it has its own limit."""


async def ask(path: Path, question: Question) -> Answer:
    """Asks the process power, and returns what came of it."""
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            return await _ask(path, question)
    except TimeoutError:
        return Answer(False, f"nothing was heard of it for {ANSWER_LIMIT_S:g} s", "silent")
    except (FileNotFoundError, ConnectionRefusedError):
        text = "the service `power` does not run on this server: `make up` starts it"
        return Answer(False, text, "no-service")
    except (OSError, ValueError) as exc:
        return Answer(False, f"the service `power` gave no answer: {exc or 'it ended'}", "no-service")


async def _ask(path: Path, question: Question) -> Answer:
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MAX)
    try:
        writer.write(question_line(question))
        await writer.drain()
        return answer_of(await reader.readline())
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
