"""Every configuration file of a server, made of the site and put in place in one step.

disk_checks  What a site file names on the disk: install trees and templates
dns          Values of named.conf and of the zones: forward, and reverse on octet boundaries
files        Site -> text of every configuration file of one server
generations  Puts rendered files beside the old ones and switches in one step
templates    Templates: where they are, and how they are filled
"""

from .disk_checks import check_files
from .files import Rendered, render
from .generations import apply, write

__all__ = ["Rendered", "apply", "check_files", "render", "write"]
