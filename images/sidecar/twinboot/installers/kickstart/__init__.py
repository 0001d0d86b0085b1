"""The kind `kickstart`: Anaconda of RHEL 5 to 10 and its rebuilds, and of Fedora.

kind       the kind itself, as installers.base describes one
releases   the releases that its dialects are told apart by
arguments  kernel arguments
values     values of the kickstart templates (config/templates/kickstart)
mirrors    package repositories at several addresses
treeinfo   which package repositories an install tree has
"""

from ...kinds import INSTALLERS
from .kind import Kickstart

INSTALLERS.register(Kickstart())
