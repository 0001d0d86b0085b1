"""The kind `autoinstall`: Subiquity, the installer of Ubuntu's live server media, 20.04 to 26.04.

arguments  Kernel arguments of a live server medium
kind       Autoinstall as an installer kind: combines the modules of this folder
media      How Ubuntu's ISOs are recognised
network    The new system's network, as netplan has it
releases   Releases of Ubuntu whose live server media install by autoinstall
scripts    Scripts that Subiquity runs, before it looks at disks and in the new system
text       Values of an operator's own, packages and keyboards, as Subiquity takes them
trees      What an install tree is: kernel and initrd of the medium, and the medium itself as a file
values     The configuration that cloud-init hands to Subiquity
yaml_text  Writes values as YAML, block by block: what people read, and thousands of files in a second
"""

from ...kinds import INSTALLERS, MEDIA
from .kind import Autoinstall
from .media import AutoinstallMedia

INSTALLERS.register(Autoinstall())
MEDIA.register(AutoinstallMedia())
