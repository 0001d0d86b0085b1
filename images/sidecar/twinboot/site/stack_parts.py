"""Which settings of compose/.env follow from the site file: the parts of the stack that it asks for. Pure."""

from __future__ import annotations

from .model.site import SerialLink, Site

PROFILES = "COMPOSE_PROFILES"
"""Services that only some sites need."""
OVERLAY = "TWINBOOT_OVERLAY"
"""A file beside compose.yaml that is laid over the services."""
TAKEOVER_PROFILE = "takeover"
POWER_PROFILE = "power"
OPTIONAL = (TAKEOVER_PROFILE, POWER_PROFILE)
"""Services that a site may do without."""
_SERIAL = "serial.yaml"


def wanted(site: Site, server: str) -> dict[str, str]:
    """The settings for one of the site's servers. KeyError when it is not one of them."""
    serial = any(isinstance(link, SerialLink) for link in site.servers[server].links.values())
    return {
        PROFILES: ",".join(name for name in OPTIONAL if _wanted(site, name)),
        OVERLAY: _SERIAL if serial else "",
    }


def _wanted(site: Site, service: str) -> bool:
    if service == POWER_PROFILE:
        return any(host.power is not None for host in site.hosts.values())
    return site.takeover.enabled
