"""The kind `grub`: shim and GRUB, for machines with UEFI, by PXE and by HTTP.

kind  GRUB as a boot loader kind: boot files of each tree, and configuration of each machine
text  What stands in a configuration of GRUB: quoting, and the loaders that a disk may have
"""

from ...kinds import LOADERS
from .kind import Grub

LOADERS.register(Grub())
