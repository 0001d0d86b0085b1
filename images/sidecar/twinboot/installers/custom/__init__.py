"""The kind `custom`: any kernel, initrds, arguments and files, for rescue systems, memory tests, firmware
updates, diskless images, and installers that Twinboot does not know.

kind          Custom as an installer kind: combines the modules of this folder
media         Takes any medium, with the kernel that an operator names
placeholders  Names in braces within kernel arguments that stand for values of the machine
settings      What a profile says of files, and what it says in vain
values        Values of a template
"""

from ...kinds import INSTALLERS, MEDIA
from .kind import Custom
from .media import CustomMedia

INSTALLERS.register(Custom())
MEDIA.register(CustomMedia())
