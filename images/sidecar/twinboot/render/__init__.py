"""Every configuration file of a server, made of the site and put in place in one step."""

from .disk_checks import check_files
from .files import Rendered, render
from .generations import apply, write

__all__ = ["Rendered", "apply", "check_files", "render", "write"]
