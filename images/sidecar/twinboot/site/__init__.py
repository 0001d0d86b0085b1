"""The site file: what an operator writes, read and checked.

Owns the model, loading with all faults at once, the checks and balancing. Rendering is twinboot.render's.
"""

from .checks.advice import advice
from .faults import Fault, SiteError
from .loading.load import load, loads, parse
from .model.site import Site

__all__ = [
    "Fault",
    "Site",
    "SiteError",
    "advice",
    "load",
    "loads",
    "parse",
]
