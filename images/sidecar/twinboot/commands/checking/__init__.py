"""`twinboot check`: is this server ready? Every finding is one line with what to do about it.

bmcs      Files for those who talk to BMCs: there, and for the process of power alone to read
cards     Network cards of this server that are in one LAN: both answer ARP for its addresses
findings  What a check finds: one line each, with what to do about it; and what it was asked to look at
keys      The heartbeat keys: there, whole, and root's. Makes the first one where it is asked to
machine   Looks at this machine's network: interfaces, addresses, neighbours, listeners, sysctls
network   The network: interfaces, addresses, links, ports, settings of the kernel, judged by the site
server    All checks of a server, in the order an operator would look
sockets   Which process has a port: reads what `ss -Hlntup` of the host printed (ss(8))
trees_on_peers  Install trees that are not here yet, and that other servers have
webhooks  Files of webhooks: secrets that are there, whole and secret, and authorities
"""

from .findings import Finding, Request, Severity
from .server import check

__all__ = ["Finding", "Request", "Severity", "check"]
