"""The kind `autoinstall`: Ubuntu's Subiquity, of the live server.

media  How Ubuntu's ISOs are recognised
"""

from ...kinds import MEDIA
from .media import AutoinstallMedia

MEDIA.register(AutoinstallMedia())
