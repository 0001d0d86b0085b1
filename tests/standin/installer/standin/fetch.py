"""Small downloads the way stage 1 makes them: curl with dracut's own flags.

Packages are not fetched here: they are dnf's (see packages.py).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from standin.errors import InstallError

# dracut, modules.d/45url-lib/url-lib.sh: no time limit and no resume, as a real installer has none
DRACUT_CURL = ("--globoff", "--location", "--retry", "3", "--retry-connrefused", "--fail", "--show-error")


def fetch(url: str, target: Path, *, options: tuple[str, ...] = ()) -> int:
    """Fetches one URL (ftp, http, tftp) into a file; returns its size in bytes."""
    command = ["curl", *DRACUT_CURL, "--silent", *options, "--output", str(target), "--", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not target.exists():
        message = done.stderr.strip().splitlines()[-1:] or [f"curl ended with {done.returncode}"]
        raise InstallError(f"{url}: {message[0]}")
    return target.stat().st_size
