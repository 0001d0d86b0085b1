"""The kind `custom`: a kernel and initrds that an operator names.

media  Takes any medium, with the kernel that an operator names
"""

from ...kinds import MEDIA
from .media import CustomMedia

MEDIA.register(CustomMedia())
