"""The kind `autoyast`: YaST of SUSE Linux Enterprise Server 15 and openSUSE Leap 15.

additions  What a profile says in AutoYaST's own words, and how it is merged into what is made of settings
arguments  Kernel arguments of linuxrc, the first program of YaST's initrd
disks      Which disks AutoYaST is given: a script in the profile that looks at the machine
kind       AutoYaST as an installer kind: combines the modules of this folder
locales    Languages and keyboards that YaST knows
media      How SUSE's media of release 15 are recognised
media_products
           Which repositories a medium with several of them holds
network    How a machine gets to the network: linuxrc's ifcfg, and the profile's networking
reports    How AutoYaST asks and reports: scripts in the profile, and hooks that YaST itself runs
sections   Sections of an AutoYaST profile as values
values     Values of a profile's template, and what a template of an operator's own must hold
xml_text   XML as AutoYaST has it, made of values and read from an operator's text
"""

from ...kinds import INSTALLERS, MEDIA
from .kind import Autoyast
from .media import AutoyastMedia

INSTALLERS.register(Autoyast())
MEDIA.register(AutoyastMedia())
