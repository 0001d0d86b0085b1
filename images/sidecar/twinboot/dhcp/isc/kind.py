"""ISC dhcpd as a DHCP engine kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import Fill, LeaseSubnet
from ..offers import WATCH_HOST
from .conf import dhcpd_values
from .lease_file import IscLeaseFile
from .lease_text import ENGINE

if TYPE_CHECKING:
    from ...planning.plan import SitePlan
    from ...site.faults import Fault

_CONF = "dhcpd/dhcpd.conf"
_TEMPLATE = "dhcpd/dhcpd.conf.j2"


class IscDhcpd:
    """See dhcp.base.DhcpEngine."""

    name = ENGINE
    reserved_host_names = (WATCH_HOST,)
    templates = (_TEMPLATE,)
    lease_file_has_subnets = False
    checker = ("dhcpd", "-4", "-t", "-cf", f"/etc/twinboot/current/{_CONF}")

    def files(self, plan: SitePlan, server: str, fill: Fill) -> Mapping[str, str]:
        return {_CONF: fill(_TEMPLATE, server=server, **dhcpd_values(plan))}

    def faults(self, plan: SitePlan) -> Iterable[Fault]:
        return ()

    def lease_file(self, folder: Path, subnets: Sequence[LeaseSubnet]) -> IscLeaseFile:
        return IscLeaseFile(folder)
