"""Which settings of compose/.env follow from the site file: the parts of the stack that it asks for. Pure."""

from __future__ import annotations

from .model.site import SerialLink, Site

PROFILES = "COMPOSE_PROFILES"
"""Services that only some sites need."""
OVERLAY = "TWINBOOT_OVERLAY"
"""A file beside compose.yaml that is laid over the services."""
TAKEOVER_PROFILE = "takeover"
_SERIAL = "serial.yaml"


def wanted(site: Site, server: str) -> dict[str, str]:
    """The settings for one of the site's servers. KeyError when it is not one of them."""
    serial = any(isinstance(link, SerialLink) for link in site.servers[server].links.values())
    return {
        PROFILES: TAKEOVER_PROFILE if site.takeover.enabled else "",
        OVERLAY: _SERIAL if serial else "",
    }
