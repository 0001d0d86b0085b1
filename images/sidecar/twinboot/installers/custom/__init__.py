"""The kind `custom`: any kernel, initrds, arguments and files, for rescue systems, memory tests, firmware
updates, diskless images, and installers that Twinboot does not know.

kind          Custom as an installer kind: combines the modules of this folder
placeholders  Names in braces within kernel arguments that stand for values of the machine
settings      What a profile says of files, and what it says in vain
values        Values of a template
"""

from ...kinds import INSTALLERS
from .kind import Custom

INSTALLERS.register(Custom())
