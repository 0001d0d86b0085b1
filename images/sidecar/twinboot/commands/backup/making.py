"""`twinboot backup`: all that is a server's own, encrypted, as one file."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from twinboot.bundle import sealed
from twinboot.bundle.parts import Bundle, BundleError, pack
from twinboot.errors import ResourceError

from ..options import argument, fail, option
from . import collecting, placing
from .collecting import BackupPaths


def backup(
    out: Annotated[str, argument(help="The file to be made; -: standard output.")] = "-",
    shown: Annotated[str, option("--shown", help="The file as the caller knows it.")] = "",
    passphrase_stdin: Annotated[
        bool, option("--passphrase-stdin", help="The passphrase is the first line of standard input.")
    ] = False,
) -> None:
    """Make a backup of this server: site, secrets, machines' states and logs, leases, history; not the trees.

    scripts/twinboot backup [FILE|-] [--passphrase-file FILE] asks for a passphrase, or takes the first line
    of a file. The file is encrypted with it, and is made in one step; a backup of that name is replaced.
    """
    passphrase = read_passphrase(passphrase_stdin)
    try:
        data, words = made(BackupPaths(), passphrase, os.environ.get("TWINBOOT_SERVER", ""))
        if out == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write(Path(out), data)
    except (OSError, ResourceError, BundleError) as exc:
        fail(f"backup: {exc}; nothing was written")
    print(f"backup of {words}: {shown or out}, {len(data)} bytes", file=sys.stderr)


def made(place: BackupPaths, passphrase: str, server: str) -> tuple[bytes, str]:
    """The file, and what it is of. OSError, ResourceError; BundleError when there is nothing to be kept."""
    parts = collecting.config_parts(place) | collecting.state_parts(place)
    if collecting.SITE not in parts and collecting.RECORD not in parts:
        raise BundleError("there is no site file and no site in use: this server was never set up")
    told = _told(parts, server)
    machines = parts[collecting.MACHINES].data.count(b"\n") if collecting.MACHINES in parts else 0
    logs = parts[collecting.LOGS].data if collecting.LOGS in parts else b""
    data = sealed.seal(pack(Bundle(told, parts)), passphrase, told)
    what = f"{machines} machines' states, {len(logs) / 1e6:.1f} MB of their logs"
    return data, f"{server or 'this server'} (site {told['site']}, {what})"


def write(path: Path, data: bytes) -> None:
    """In one step, for its owner alone. A file that is no backup is not replaced. OSError, BundleError."""
    if path.exists():
        with path.open("rb") as file:
            if file.read(len(sealed.MAGIC)) not in (sealed.MAGIC, b""):
                raise BundleError(f"{path.name} is there, and is no backup: it is not replaced")
    placing.write(path, data, 0o600)


def read_passphrase(from_stdin: bool) -> str:
    """Ends the process when there is none."""
    if not from_stdin:
        fail("type scripts/twinboot on the server: it asks for the passphrase", 2)
    passphrase = sys.stdin.buffer.readline().rstrip(b"\r\n").decode(errors="surrogateescape")
    if len(passphrase) < sealed.MIN_PASSPHRASE:
        fail(f"the passphrase has {len(passphrase)} characters; {sealed.MIN_PASSPHRASE} at least", 2)
    return passphrase


def _told(parts: dict[str, Any], server: str) -> dict[str, Any]:
    number = 0
    if collecting.RECORD in parts:
        number = int(json.loads(parts[collecting.RECORD].data)["committed"]["number"])
    return {
        "server": server, "site": number, "release": os.environ.get("TWINBOOT_VERSION", "unknown"),
        "made": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
    }  # fmt: skip
