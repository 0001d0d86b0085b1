"""The kind `ipxe`: iPXE, of a machine's own ROM or loaded by us.

kind  iPXE as a boot loader kind: scripts by HTTP, and its builds for other firmware
"""

from ...kinds import LOADERS
from .kind import Ipxe

LOADERS.register(Ipxe())
