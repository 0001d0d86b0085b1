"""The daemons of the stack: one description each, read by everything that lists, asks or restarts them.

Owns what the sidecar, the engine proxy, the checks, the lab and the tests must know of a daemon. What its
container may do and sees stands in compose/services.yaml, what it promises in images/NAME/README.md; a test
compares both with this table. How to add one: images/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

DIALECT_LABEL = "org.twinboot.dialect"
"""The label of an image that names the program, and the release of it, in whose words it answers clients."""


CHECK = "check"
"""The command of a managed daemon's image that says whether it would start with the rendered files: it ends
with CHECK_REFUSED when it refuses them, and needs neither network nor address."""
CHECK_REFUSED = 78
"""EX_CONFIG of sysexits.h(3head): no other program ends so that does not know the word."""


class Transport(StrEnum):
    """What a port belongs to, in the words of /proc/net and nftables."""

    TCP = "tcp"
    UDP = "udp"


class Probe(Enum):
    """How a daemon is asked whether it serves: as a client would. agent/health/probes.py binds each."""

    TFTP = "a boot file"
    FTP = "a listing"
    HTTP = "a boot file, by HTTP"
    DNS = "the install name"
    DHCP = "the server's own configuration (DHCPINFORM)"


class OnChange(Enum):
    """What makes a daemon work with newly rendered files."""

    RESTART = "the sidecar restarts its container; a managed one only where it runs"
    READ_ANEW = "it reads them for each request"


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a daemon listens on."""

    transport: Transport
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """One daemon. name: its compose service, which is what all else calls it. Its image is twinboot/NAME, and
    the folder of that is images/NAME, with `image_name` for NAME."""

    name: str
    program: str
    """What it is, as its makers call it. This and `process` describe the image that is built here."""
    process: str
    """The name of its processes (comm of proc(5))."""
    serves: str
    """The protocol, as an operator calls it."""
    ports: tuple[Port, ...]
    probe: Probe
    data_ports: range = range(0)
    """TCP ports of passive data connections."""
    managed: bool = False
    """Runs only where its group is held: the sidecar starts and stops it. The others run on every server.

    Its image knows the command CHECK."""
    publishes: bool = False
    """Sends clients what lies below /srv: the rendered files and the trees."""
    dialect: str = ""
    """What a taker must say in its clients' connections: the label DIALECT_LABEL of its image. Empty: it
    serves no connections that are taken over."""
    etc: str = ""
    """Its directory of rendered files below /etc/twinboot/current; empty: it has none."""
    image: str = ""
    """The name of its image, where that is not the service's: one program took another's place in a service
    that stayed."""

    @property
    def image_name(self) -> str:
        return self.image or self.name

    @property
    def image_variable(self) -> str:
        """The setting of compose/.env that names another image."""
        return f"TWINBOOT_{self.name.upper()}_IMAGE"

    @property
    def on_change(self) -> OnChange:
        return OnChange.RESTART if self.etc else OnChange.READ_ANEW


PASSIVE_PORTS = range(22_768, 32_768)
"""vsftpd keeps a passive port to the end of its transfer, tries ten at random, and ends a session that gets
none ("500 OOPS: vsf_sysutil_bind"). With 2,000 transfers at once that is one in ten million here; of 1,000
ports it was one in 170 with 600 transfers. They end where the kernel's own begin
(net.ipv4.ip_local_port_range)."""

TFTP = Daemon(
    name="tftp", program="tftpd-hpa", process="in.tftpd", serves="TFTP", ports=(Port(Transport.UDP, 69),),
    probe=Probe.TFTP, publishes=True,
)
VSFTPD = Daemon(
    name="vsftpd", program="vsftpd", process="vsftpd", serves="FTP", ports=(Port(Transport.TCP, 21),),
    probe=Probe.FTP, data_ports=PASSIVE_PORTS, publishes=True, etc="vsftpd", dialect="vsftpd-3.0",
)
HTTPD = Daemon(
    name="httpd", program="nginx", process="nginx", serves="HTTP", ports=(Port(Transport.TCP, 80),),
    probe=Probe.HTTP, publishes=True, etc="httpd", dialect="nginx-1.26",
)
BIND = Daemon(
    name="bind", program="BIND", process="named", serves="DNS",
    ports=(Port(Transport.UDP, 53), Port(Transport.TCP, 53)), probe=Probe.DNS, etc="bind",
)
DHCPD = Daemon(
    name="dhcpd", program="ISC dhcpd", process="dhcpd", serves="DHCP", ports=(Port(Transport.UDP, 67),),
    probe=Probe.DHCP, managed=True, etc="dhcpd",
)

DAEMONS = (TFTP, VSFTPD, HTTPD, BIND, DHCPD)
EVERYWHERE = tuple(one for one in DAEMONS if not one.managed)
"""Run always, on every server."""
MANAGED = tuple(one for one in DAEMONS if one.managed)
TAKEOVER = "takeover"
"""The service of the takeover process: no daemon, but the sidecar may restart it."""
PAGE = "page"
"""The service of the page and the API, of an image of its own: no daemon, since no machine needs it."""
RENDER = "render"
"""The one-shot service that writes the daemons' files; the sidecar starts it for another site."""
BY_NAME = {one.name: one for one in DAEMONS}


def names(daemons: tuple[Daemon, ...] = DAEMONS) -> tuple[str, ...]:
    """Their names, in the table's order."""
    return tuple(one.name for one in daemons)
