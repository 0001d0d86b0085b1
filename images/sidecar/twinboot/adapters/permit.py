"""What a managed daemon may serve, for its guard (images/dhcpd): one file beside the daemon's data.

`docker compose up` starts a managed daemon's container wherever it has ended, and the files that it finds may
be of a site that this server does not work by yet. So the guard serves only what its sidecar allows. The file
is written in its place, not anew, for a full disk: to take a permission back needs no room there. What cannot
be written is no fault of its own: the engine starts and stops the daemon, and the guard looks
for its address.
"""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address
from pathlib import Path


class ServePermit:
    """path: of the file. address: the virtual address of its group."""

    def __init__(self, path: Path, address: IPv4Address) -> None:
        self._path, self._address = path, address

    def grant(self) -> None:
        """Serve with the address, and with no other one."""
        if not self._write(f"{self._address}\n"):
            self.forget()

    def withdraw(self) -> None:
        """Serve nothing: the daemon ends by itself even while the engine does not answer."""
        self._write("")

    def forget(self) -> None:
        """As before the first grant: the guard looks for its address only."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, text: str) -> bool:
        try:
            self._path.write_text(text)
            self._path.chmod(0o644)  # the daemon's user reads it
        except OSError:
            return False
        return True
