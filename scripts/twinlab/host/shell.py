"""Shells that stay, one in the host's network and one on each server, for scripts that are run all the time.

Owns the processes behind `ask` and `on_host`. A `docker exec` or `docker run` for each look costs more than
the look itself, and a driver looks some thousand times in a run. A shell ends with the driver that started
it, however that ends: its standard input is then at its end (and `--rm` removes the container).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable

from twinlab.host.engine import CommandError, Result, docker
from twinlab.host.images import SERVER_IMAGE

ASK_S = 2.0
"""A server that says nothing for so long is asked by the engine, which knows whether it is paused."""
HOST_S = 120.0
_HOST = ("run", "--rm", "--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "sh")


class Lost(Exception):
    """The shell has ended, or does not answer."""


class Shell:
    """Runs one script after the other in a shell, which `start` starts with its two ends piped, as text."""

    def __init__(self, start: Callable[[], subprocess.Popen[str]]) -> None:
        self._start = start
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def run(self, script: str, timeout_s: float) -> Result:
        """Run a script to its end, in a process of its own. Raises Lost; the next run starts a new shell."""
        mark = secrets.token_hex(8)
        errors = f"/tmp/{mark}"
        line = (
            f"sh -c {shlex.quote(script)} </dev/null 2>{errors}; code=$?; "
            f"printf '\\n{mark}\\n'; cat {errors}; rm -f {errors}; printf '\\n{mark} %d\\n' $code\n"
        )
        with self._lock:
            process = self._started()
            killer = threading.Timer(timeout_s, _kill, (process,))
            killer.start()
            try:
                assert process.stdin is not None
                process.stdin.write(line)
                process.stdin.flush()
                out = _until(process, mark)
                err = _until(process, f"{mark} ")
            except (OSError, Lost) as exc:
                self._drop()
                raise Lost from exc
            finally:
                killer.cancel()
        text, _, code = err.rpartition(f"\n{mark} ")
        return Result(("sh", "-c", script), int(code), out.rpartition(f"\n{mark}\n")[0], text)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._drop()
            self._process = self._start()
        return self._process

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _until(process: subprocess.Popen[str], begin: str) -> str:
    """What it prints, up to the end of the line that begins so."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(begin):
            return "".join(lines)
    raise Lost


def _docker(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ("docker", *args), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, errors="replace",
        start_new_session=True,  # Ctrl-C is for the driver, which cleans up by this shell
    )  # fmt: skip


_host = Shell(lambda: _docker(*_HOST, "-i", SERVER_IMAGE))
_servers: dict[str, Shell] = {}
_silent: set[str] = set()
"""Containers that did not answer: paused perhaps. They are asked by the engine until one answers it."""


def on_host(script: str) -> str:
    """Run a shell script in the host's network, up to its first error. What it printed.

    Needs no rights of the caller but those on the engine: a container in the host's network does it.
    """
    whole = f"set -e\n{script}"
    try:
        done = _host.run(whole, HOST_S)
    except Lost:
        done = docker(*_HOST, SERVER_IMAGE, "-c", whole, check=False)
    if not done.ok:
        raise CommandError(done)
    return done.out


def ask(container: str, script: str, timeout_s: float = 20) -> Result:
    """Run a short script in a container that runs; also a failed one gives a result, never an exception."""
    if container not in _silent:
        try:
            shell = _servers.setdefault(container, Shell(lambda: _docker("exec", "-i", container, "sh")))
            return shell.run(script, ASK_S)
        except Lost:
            _silent.add(container)
    done = docker("exec", container, "sh", "-c", script, check=False, timeout_s=timeout_s)
    if done.ok:
        _silent.discard(container)
    return done
