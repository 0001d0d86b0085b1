"""The kind `pxelinux`: PXELINUX, for machines with BIOS firmware.

kind  PXELINUX as a boot loader kind
"""

from ...kinds import LOADERS
from .kind import Pxelinux

LOADERS.register(Pxelinux())
