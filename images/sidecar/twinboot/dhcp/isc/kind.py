"""ISC dhcpd as a DHCP engine kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import Fill, LeaseSubnet
from ..offers import WATCH_HOST
from .conf import dhcpd_values
from .lease_file import IscLeaseFile
from .lease_text import ENGINE

if TYPE_CHECKING:
    from ...planning.plan import SitePlan

_CONF = "dhcpd/dhcpd.conf"


class IscDhcpd:
    """See dhcp.base.DhcpEngine."""

    name = ENGINE
    reserved_host_names = (WATCH_HOST,)
    templates = (f"{_CONF}.j2",)
    lease_file_has_subnets = False
    checker = ("dhcpd", "-4", "-t", "-cf", f"/etc/twinboot/current/{_CONF}")

    def files(self, plan: SitePlan, server: str, fill: Fill) -> Mapping[str, str]:
        return {_CONF: fill(f"{_CONF}.j2", server=server, **dhcpd_values(plan))}

    def lease_file(self, folder: Path, subnets: Sequence[LeaseSubnet]) -> IscLeaseFile:
        return IscLeaseFile(folder)
