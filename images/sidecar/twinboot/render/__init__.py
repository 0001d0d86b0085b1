"""Every configuration file of a server, made of the site and put in place in one step.

boot_files     The boot loaders and kernels on the disk, of install trees and of the image
certificate    The certificate of HTTPS: the operator's own, or one that every server makes alike
disk_checks    What a site file names on the disk: install trees, templates and files of passwords
dns            Values of named.conf and of the zones: forward, and reverse on octet boundaries
files          Site -> text of every configuration file of one server
generations    Puts rendered files beside the old ones and switches in one step
machine_facts  What the agents must know of the hosts of a site, and the BMC of each host
machine_view   What each machine of a site gets: arguments and files, as they are rendered
own_answers    Answers that hold secrets: each machine gets its own, by its address, over HTTP alone
secret_checks  The files of passwords that profiles name: one line each, with a hash that an installer takes
steering       Which of a machine's two boot files it gets: the one that installs it, or the one that starts
               its disk
templates      Templates: where they are, and how they are filled
tree_access    What clients cannot fetch of an install tree: the tree is walked, and judged as the daemons
               will read it
"""

from .disk_checks import FilesFound, Places, check_files, check_secrets, look_at_files
from .files import Rendered, render
from .generations import apply, rendered_for, write

__all__ = [
    "FilesFound", "Places", "Rendered", "apply", "check_files", "check_secrets", "look_at_files", "render",
    "rendered_for", "write",
]
