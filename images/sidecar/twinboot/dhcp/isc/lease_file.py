"""dhcpd's lease file on the disk. Waits for the disk: used from threads only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..growing_file import GrowingLeaseFile, replace_file
from ..lease import DhcpLease
from .lease_text import LeaseFileParser, declaration

NAME = "dhcpd.leases"
_HEADER = b"""# The format of this file is documented in the dhcpd.leases(5) manual page.
# Put together by Twinboot from what every server knew; dhcpd goes on with it.

"""


class IscLeaseFile(GrowingLeaseFile):
    """The file that dhcpd reads at its start and appends to. See dhcp.base.LeaseFile.

    Now and then dhcpd writes a new file and renames it (dhcpd.leases(5)); everything of the old one is in it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, LeaseFileParser)

    def write(self, leases: Iterable[DhcpLease]) -> None:
        """Put these in the file's place.

        The folder belongs to group dhcpd and hands the group on (setgid), so dhcpd may go on with it.
        No fsync: dhcpd begins by writing the file anew, and waits for the disk itself.
        """
        text = _HEADER + b"".join(declaration(lease) for lease in leases)
        replace_file(self._path, text, 0o664, sync=False)
