"""What a machine's installer has said by syslog, as all servers have heard it: lines in order of time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ..machines.logs.log_files import tail
from ..replication.asking import Busy, PeerQuestions

OF_PEER = 96 << 10
"""Characters of a peer's log: a part of what it has, since it goes by small packets."""
OWN = 512 << 10
_MOMENT = len("2026-01-31 12:00:00")


class MachineLogs:
    """folder: of this server's files. peers: set when there is somebody to ask."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.peers: PeerQuestions | None = None

    async def lines(self, host: str) -> dict[str, Any]:
        """host: of the site. lines: server and line each. left_out: servers that have more than is told.
        silent: live peers that gave no answer."""
        own, cut = await asyncio.to_thread(tail, self._folder, host, OWN)
        replies: dict[str, dict[str, Any] | None] = {}
        if self.peers is not None:
            try:
                replies = await self.peers.ask({"cmd": "log", "name": host})
            except Busy:
                return {"ok": False, "error": "this server asks its peers for several logs now; ask again"}
        heard = {self._server: own} | {
            name: str(one.get("text") or "") for name, one in replies.items() if one is not None}
        cuts = [self._server] if cut else []
        cuts += [name for name, one in replies.items() if one is not None and one.get("cut")]
        return {
            "ok": True, "name": host, "lines": await asyncio.to_thread(_merged, heard), "left_out": cuts,
            "silent": [name for name, one in replies.items() if one is None],
        }  # fmt: skip

    async def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A peer's question. ValueError for one that is none."""
        name = str(question.get("name"))
        if question.get("cmd") != "log" or not _is_label(name):
            raise ValueError(f"no question that is known: {str(question)[:100]}")
        text, cut = await asyncio.to_thread(tail, self._folder, name, OF_PEER)
        return {"text": text, "cut": cut}


def shorter(reply: dict[str, Any]) -> dict[str, Any]:
    """The later half of it."""
    text = reply["text"]
    return {"text": text[len(text) // 2:].partition("\n")[2], "cut": True}


def _merged(heard: Mapping[str, str]) -> list[tuple[str, str]]:
    """By the moment at their head; of one moment, each server's in its own order."""
    lines = chain.from_iterable(((name, one) for one in text.splitlines()) for name, text in heard.items())
    return sorted(lines, key=lambda one: one[1][:_MOMENT])


def _is_label(name: str) -> bool:
    """Whether a name is a plain label: no path leads out of the folder."""
    return 0 < len(name) <= 63 and all(one.isascii() and (one.isalnum() or one in "-_") for one in name)
