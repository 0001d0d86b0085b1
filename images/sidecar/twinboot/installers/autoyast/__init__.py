"""The kind `autoyast`: SLES and openSUSE Leap 15.

media  How SUSE's media of release 15 are recognised
"""

from ...kinds import MEDIA
from .media import AutoyastMedia

MEDIA.register(AutoyastMedia())
