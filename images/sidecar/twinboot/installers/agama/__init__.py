"""The kind `agama`: Agama of SUSE Linux Enterprise Server 16 and openSUSE Leap 16.

additions  What a profile says in Agama's own words, and how it is merged into what is made of settings
arguments  Kernel arguments of Agama's live system
kind       Agama as an installer kind: combines the modules of this folder
media      How SUSE's media of release 16 are recognised
network    Connections of an Agama profile
reports    How Agama asks and reports: scripts in the profile
sections   Sections of an Agama profile as values
storage    Which disks Agama is given: drives, and a script in the profile that finds them
values     Values of a profile's template, and what a template of an operator's own must hold
"""

from ...kinds import INSTALLERS, MEDIA
from .kind import Agama
from .media import AgamaMedia

INSTALLERS.register(Agama())
MEDIA.register(AgamaMedia())
