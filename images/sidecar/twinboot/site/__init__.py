"""The site file: what an operator writes, read and checked. Rendering is twinboot.render's.

balance    Which group serves which address
checks/    Cross-checks between the valid items of a site, and warnings about settings that are better
           avoided
difference In what two sites differ, entry by entry
editing    Entries of a site file's text are put in, changed and taken out; every other byte stays
faults     Faults of a site file as values: path, what is written there, and the remedy
identity   Which site this is: a digest of what the file says, and one of each of its parts
loading/   A site file's text becomes a Site, or every fault of it at once
model/     The site as typed values: one class for each mapping of the site file
places     Where in a site file's text an entry stands: from a fault's path to a line
reference  The reference of the site file as a Markdown table, made from the model's own descriptions
schema     The JSON schema of the site file, for editors; `make generated` writes
           config/site.schema.json
stack_parts Which settings of compose/.env follow from the site file: the parts of the stack that it asks for
subnets    Finds the subnet of an address without going through all of them, and reverse zones of subnets
text_edits Edits of a YAML text at the places that its parser has told
transition What cannot be changed from one site to the next while its servers run
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
