"""`twinboot power`, and the restarts of `install --now`: a line for each machine, as it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from . import client
from .options import fail

ACTIONS = ("on", "off", "cycle", "status")
_ORDER_LIMIT_S = 30.0
_LOOK_EVERY_S = 0.3
_SHOW_LEFT_S = 15.0


def switch(host: str, what: str, *, force: bool) -> None:
    """One machine."""
    if what not in ACTIONS:
        fail(f"power: no action {what!r}; there are: {', '.join(ACTIONS)}", 2)
    reply = client.answer("power", {"do": what, "hosts": [host], "force": force})
    _end(_follow(int(reply["job"])))


def install_now(options: Mapping[str, bool | str | list[str]]) -> None:
    """Order, then restart; ends with 1 when a machine could not be restarted."""
    reply = client.answer("order-now", options, timeout_s=_ORDER_LIMIT_S)
    print(reply["message"], flush=True)
    before = _show(reply["outcomes"])
    _end(before + _follow(int(reply["job"])))


def _follow(job: int) -> int:
    """Print what has become of each machine until the job has ended; how many of them failed."""
    seen = failed = 0
    told = time.monotonic()
    while True:
        reply = client.answer("power-job", {"job": str(job), "after": str(seen)})
        new = reply["outcomes"]
        seen += len(new)
        failed += _show(new)
        if not reply["left"]:
            return failed
        if time.monotonic() >= told + _SHOW_LEFT_S:
            told = time.monotonic()
            print(f"{reply['left']} left", file=sys.stderr, flush=True)
        time.sleep(_LOOK_EVERY_S)


def _show(outcomes: Iterable[Mapping[str, Any]]) -> int:
    """A line each; how many of them failed."""
    failed = 0
    for one in outcomes:
        failed += not one["ok"]
        print(f"{one['host']}: {'' if one['ok'] else 'FAILED: '}{one['said']}", flush=True)
    return failed


def _end(failed: int) -> None:
    if failed:
        fail(f"{failed} machine{'s' if failed > 1 else ''} failed: the lines above say why")
