"""The kind `kickstart`: Anaconda of RHEL 5 to 10 and its rebuilds, and of Fedora.

arguments  Kernel arguments of Anaconda
disks      Which disks an install may see and erase, as kickstart commands
kind       Kickstart as an installer kind: combines the modules of this folder
media      How media of RHEL, its rebuilds and Fedora are recognised
mirrors    Mirror lists: package repositories at several addresses, and the published files that list them
releases   Releases whose kickstart commands or kernel arguments differ; the names are pykickstart's
reports    How a kickstart file asks and reports: sections beside those of its template
text       Lines of an operator's that go into a kickstart file as they are: scripts, packages, storage
           commands
treeinfo   Which package repositories an install tree has, as its own .treeinfo says
values     Values of a kickstart template
wiring     How a machine gets to the network: kernel arguments of the installer, and the kickstart's network
           lines
"""

from ...kinds import INSTALLERS, MEDIA
from .kind import Kickstart
from .media import KickstartMedia

INSTALLERS.register(Kickstart())
MEDIA.register(KickstartMedia())
