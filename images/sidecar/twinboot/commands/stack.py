"""Which settings of compose/.env follow from the site file: the parts of the stack that it asks for.

`twinboot parts` prints them, `make up` writes them, and `render`, which Compose runs before everything else,
refuses a stack that was started with others: a site file may have changed since the last `make up`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from twinboot.site.stack_parts import OPTIONAL, OVERLAY, PROFILES, TAKEOVER_PROFILE, wanted

if TYPE_CHECKING:
    from twinboot.site import Site

__all__ = ["OVERLAY", "PROFILES", "stale", "wanted"]

def stale(site: Site, server: str, environ: Mapping[str, str]) -> str:
    """What the stack was started with against the site file, in one line; empty when they agree.

    environ: what Compose hands to `render`. A setting that is not in it was not Compose's to choose.
    """
    if server not in site.servers:
        return ""
    wrong = [
        f"{name}={environ[name]} where the site file asks for {name}={value}"
        for name, value in wanted(site, server).items()
        if name in environ and not _agrees(name, environ[name], value)
    ]
    if not wrong:
        return ""
    return f"the stack was started with {' and '.join(wrong)}: type `make up`, which sets it in compose/.env"


def _agrees(name: str, given: str, value: str) -> bool:
    if name != PROFILES:
        return given in (value, value or "/dev/null")
    profiles = {word.strip() for word in given.split(",")}
    wanted_ones = set(value.split(",")) - {""}
    if "*" in profiles:  # more than is wanted does no harm, but where it is forbidden
        return TAKEOVER_PROFILE in wanted_ones
    return profiles & set(OPTIONAL) == wanted_ones
