"""Asks this server's agent through its control socket. Imports little: the health check is this."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinboot.paths import CONTROL_SOCKET, ENGINE_PROXY_SOCKET, TAKEOVER_HEALTH_SOCKET, TREE_SYNC_SOCKET

from .options import fail

_REPLY_LIMIT = 1 << 20
LARGE_REPLY = 64 << 20
"""Ten thousand machines, each with its last words."""
_NO_STATES = b'{"do": "states", "services": []}\n'
"""The health check's question, as wire.ipc.engine_proxy has it: the import would be four fifths of a health
check."""


class AgentDown(Exception):
    """The agent of this server does not answer."""


def ask(command: str, options: Mapping[str, bool | int | str | list[str]] | None = None, *,
        path: Path = CONTROL_SOCKET, timeout_s: float = 3.0,
        most_bytes: int = _REPLY_LIMIT) -> dict[str, Any]:
    """One request, one reply. AgentDown when there is no agent, or none that answers in time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(str(path))
            sock.sendall(json.dumps({"cmd": command, **(options or {})}).encode() + b"\n")
            with sock.makefile("rb") as stream:
                reply = json.loads(stream.readline(most_bytes))
    except TimeoutError as exc:
        raise AgentDown(f"the agent does not answer within {timeout_s:g} s") from exc
    except (OSError, ValueError) as exc:
        raise AgentDown(f"the agent does not run on this server ({path}: {exc})") from exc
    if not isinstance(reply, dict):
        raise AgentDown("the agent gave an answer that is none")
    return reply


def answer(command: str, options: Mapping[str, bool | int | str | list[str]] | None = None, *,
           timeout_s: float = 10.0) -> Mapping[str, Any]:
    """The reply to one request. Where there is none, or it is a refusal, the command ends by it."""
    try:
        reply = ask(command, options, timeout_s=timeout_s, most_bytes=LARGE_REPLY)
    except AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(str(reply.get("error")))
    return reply


def healthy(path: Path = CONTROL_SOCKET) -> tuple[bool, str]:
    """The container's health: does the loop answer? What is wrong in the cluster is not its illness."""
    try:
        reply = ask("status", path=path)
    except AgentDown as exc:
        return False, str(exc)
    return bool(reply.get("ok")), f"{reply.get('server')} is {reply.get('state')}"


def takeover_healthy(path: Path = TAKEOVER_HEALTH_SOCKET, timeout_s: float = 3.0) -> tuple[bool, str]:
    """The health of the takeover process's container: does its loop answer?"""
    try:
        well = bool(_said(path, b"", timeout_s))
    except OSError as exc:
        return False, f"the takeover process does not answer ({path}: {exc})"
    return well, "the takeover process answers" if well else "the takeover process ends"


def engine_proxy_healthy(path: Path = ENGINE_PROXY_SOCKET, timeout_s: float = 3.0) -> tuple[bool, str]:
    """The health of the engine proxy's container: does a thread of it answer? The engine is not asked."""
    try:
        well = _said(path, _NO_STATES, timeout_s).startswith(b'{"ok": true')
    except OSError as exc:
        return False, f"the engine proxy does not answer ({path}: {exc})"
    return well, "the engine proxy answers" if well else "the engine proxy gives an answer that is none"


def tree_sync_healthy(path: Path = TREE_SYNC_SOCKET, timeout_s: float = 3.0) -> tuple[bool, str]:
    """The health of tree-sync's container: does its socket answer?"""
    try:
        well = b"ok" in _said(path, b"{}\n", timeout_s)
    except OSError as exc:
        return False, f"tree-sync does not answer ({path}: {exc})"
    return well, "tree-sync answers" if well else "tree-sync gives an answer that is none"


def _said(path: Path, question: bytes, timeout_s: float) -> bytes:
    """The beginning of what a process says to this, or without being asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect(str(path))
        if question:  # who speaks unasked may have closed by now: even an empty send(2) gets EPIPE then
            sock.sendall(question)
        return sock.recv(64)
