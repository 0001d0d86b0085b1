"""The kind `preseed`: debian-installer of Debian 11, 12 and 13.

arguments  Kernel arguments of debian-installer
kind       Preseed as an installer kind: combines the modules of this folder
media      How Debian's media and netboot archives are recognised
releases   Releases of Debian and what differs between their installers
script     The script that debian-installer runs when it has its answers: what no question asks for
text       Lines and packages of an operator's, as debconf and apt take them
trees      What an install tree is: a folder with `dists` and `pool`
values     Values of a preseed template
"""

from ...kinds import INSTALLERS, MEDIA
from .kind import Preseed
from .media import PreseedMedia

INSTALLERS.register(Preseed())
MEDIA.register(PreseedMedia())
