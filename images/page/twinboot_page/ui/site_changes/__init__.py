"""The site is changed from the page. What is shown and what is done is the sidecar's: each form asks it
first, shows what would change or all that is wrong, and applies just what was shown.

forms    Forms with files, as browsers send them
hosts    Machines get an entry, leave the site file, come by a table and go into one
logs     What a machine's installer has said, on whichever server
site     The text of the site file: edited, compared, applied; who applied which when
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from . import hosts, logs, site

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
for one in (site, hosts, logs):
    router.include_router(one.router)
