"""The site file: what an operator writes, checked, and every configuration file made of it.

Owns model, loading with all faults at once, balancing, rendering and writing. Uses no other part of Twinboot.
"""

from .advice import advice
from .checks_files import check_files
from .faults import Fault, SiteError
from .load import load, loads, parse
from .model import Site
from .render import Rendered, render
from .write import apply, write

__all__ = [
    "Fault",
    "Rendered",
    "Site",
    "SiteError",
    "advice",
    "apply",
    "check_files",
    "load",
    "loads",
    "parse",
    "render",
    "write",
]
