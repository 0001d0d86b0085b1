"""`python3 -m twinboot.power.host.health`: asks the process that runs whether it answers.

Runs every few seconds, as its container's health check: it imports next to nothing. Exit codes: 0 healthy,
1 nobody answers.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from twinboot import paths

_TIMEOUT_S = 3.0


def health(path: Path = paths.POWER_SOCKET) -> int:
    """Does the socket answer? No BMC is asked."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(_TIMEOUT_S)
            asking.connect(str(path))
            asking.sendall(b"{}\n")
            well = b'"ok": true' in asking.recv(256)
    except OSError as exc:
        print(f"power does not answer ({path}: {exc})")
        return 1
    print("power answers" if well else "power gives an answer that is none")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(health())
