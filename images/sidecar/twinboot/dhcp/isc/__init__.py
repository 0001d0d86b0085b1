"""The kind `isc`: ISC dhcpd 4.4.

boot        The decision of loaders.decision as dhcpd's configuration has it: conditions of dhcp-eval(5)
conf        Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware
grammar     The grammar of dhcpd's lease file below a declaration: statements, times, strings and octets
kind        ISC dhcpd as a DHCP engine kind
lease_file  dhcpd's lease file on the disk
lease_text  The lease file of ISC dhcpd: text <-> leases
"""

from ...kinds import DHCP_ENGINES
from .kind import IscDhcpd

DHCP_ENGINES.register(IscDhcpd())
