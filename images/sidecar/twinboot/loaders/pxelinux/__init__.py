"""The kind `pxelinux`: PXELINUX, for machines with BIOS firmware.

kind  which machines get it, and its files: one for each address, one for the rest, and the messages
"""

from ...kinds import LOADERS
from .kind import Pxelinux

LOADERS.register(Pxelinux())
