"""The kind `agama`: SLES and openSUSE Leap 16.

media  How SUSE's media of release 16 are recognised
"""

from ...kinds import MEDIA
from .media import AgamaMedia

MEDIA.register(AgamaMedia())
