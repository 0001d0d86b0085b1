"""The kind `preseed`: debian-installer.

media  How Debian's media and netboot archives are recognised
"""

from ...kinds import MEDIA
from .media import PreseedMedia

MEDIA.register(PreseedMedia())
