"""What a DHCP engine kind is to the rest of Twinboot.

Owns the interface; each kind is a folder beside this file that implements and registers it. Nothing else asks
which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..planning.plan import SitePlan
    from ..site.faults import Fault
    from .lease import DhcpLease


class Fill(Protocol):
    """render.templates.Templates.fill."""

    def __call__(self, template: str, **values: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class LeaseSubnet:
    """A subnet of the site, for lease files that say of a lease in which it is, or how long one lasts: what a
    server with another engine tells of a lease says neither."""

    network: IPv4Network
    lease_s: int


class LeaseFile(Protocol):
    """An engine's lease file. Waits for the disk; errors.ResourceError names the file.

    While the engine runs, the file is its own and is only read. read() is called whenever the folder changes,
    and once more after the engine has stopped; write() is called before it starts, and never while it runs.

    A file need not hold all that a lease has: what it lacks (fields outside `holds`, other engines'
    extensions) its caller keeps and fills in (lease.taken_from_file). So read() leaves such fields at their
    defaults and invents nothing, and a lease that was written and is read again is no news.

    An engine that cleans its file up by renaming it away and beginning an empty one must have what stood in
    the old one read as well: growing_file takes a new file for one that holds all (dhcpd.leases(5)).
    """

    @property
    def holds(self) -> Set[str]:
        """Those of lease.FILE_FIELDS that the file says of a lease; of an address and a state each does."""
        ...

    def read(self) -> list[DhcpLease]:
        """What it says since the last call, in its order, and all of it when the file is another one, or was
        written anew in its place. epoch is 0 in each.

        An engine whose file drops a lease that has ended tells that once, as EXPIRED or RELEASED, with the
        fields that it had; that write() left a lease out is not told. Without a file nothing is told: it is
        not the end of any lease."""
        ...

    def write(self, leases: Iterable[DhcpLease]) -> None:
        """These in the file's place, and whatever else the engine needs so that it starts with exactly
        these."""
        ...

    def close(self) -> None: ...


class DhcpEngine(Protocol):
    """One DHCP engine kind. All but its lease file is pure.

    The service is one and the same whatever engine runs in it: `dhcpd` (daemons.DHCPD), with its folder of
    rendered files, its volume and its guard, which render writes. images/dhcpd/README.md says what an image
    in its place keeps, and how an engine is added.

    What a configuration has to do follows; it is made of what offers has. images/sidecar/BOOT.md tells the
    same for operators, and tests/render/test_dhcp_live.py asks a running server.

    Whom it answers
    - It ignores the client SNOOPER_MAC: whatever server answers that one is a foreign one.
    - It is authoritative: an address that is not of the client's network, or is another client's, is refused
      (DHCPNAK, RFC 2131 section 4.3.2). A lease that it does not know: images/dhcpd/README.md.
    - It answers the DHCPINFORM (RFC 2131 section 4.3.5) that the virtual address sends to itself.
    - It makes no updates of DNS (RFC 2136).
    - A request through a relay agent is of the subnet of the agent's address (giaddr, RFC 2131 section
      4.3.1), or of the one that link selection names (RFC 3527). Subnets of one SharedNetwork are one
      network: a client there may have an address of any of them.

    Who the client is
    - A client on Ethernet is its hardware address, whatever client identifier it sends: ROM, installer and
      installed system send different ones, and the machine keeps one address. One on InfiniBand (hardware
      type 32) is its client identifier (RFC 4390 section 2.1).
    - A known host is told by each of its marks: hardware address, client identifier (option 61, RFC 2132
      section 9.14), machine identifier (option 97, RFC 4578 section 2.3, of which both orders of octets are
      marks). By one of the first two it gets its fixed address that fits the network. Where none fits, and by
      a machine identifier alone, it gets one of the range, and all else that is the host's.
    - Others get an address of a range, or none where there is no range. To BOOTP clients (RFC 951), which
      give nothing back, that goes for known hosts alone: these get their fixed address, for ever.

    What each is told
    - Server identifier (option 54, RFC 2132 section 9.7): Offers.server_id on every server, so that clients
      renew with whoever holds it.
    - Next server (siaddr) and server name (sname, RFC 2131 section 2): the virtual address of the host's
      group, or of the Share that the dynamic address belongs to. Addresses that lie side by side are of
      different shares, so that a few machines are spread, too: no share is used up before another.
    - Lease time: the subnet's lease_s, and no more when a client wants more. Subnet mask, broadcast address,
      router where there is one, domain name, name servers, and a host's name (options 51, 1, 28, 3, 15, 6 and
      12, RFC 2132).
    - Boot file: by the firmware, as loaders.firmware.said_by() and firmware_of() tell it (options 93, 60, 77
      and 175), and by the profile, a host's own or else the one of the subnet that the address is in. It is
      Offer.file() of BootFiles with the next server, in the field `file` and in option 67 (RFC 2132 section
      9.5). A firmware without one gets no file name, and goes on to its next boot device.
    - With the boot file, to iPXE: option 175 with NO_PROXY_DHCP. Else, with a file by HTTP: option 60 (RFC
      2132 section 9.13) `HTTPClient` (UEFI 2.10 section 24.7). Else option 66 (RFC 2132 section 9.4) with the
      next server, and to who begins option 60 with `PXEClient`: `PXEClient` in option 60, and option 43 (RFC
      2132 section 8.4) with NO_OTHER_SERVER.
    - Option 209 (RFC 5071 section 4): to a known host, by whatever mark, its HostFile; nobody else has one.
    - Option 211 (RFC 5071 section 6): REBOOT_S. PXELINUX asks for neither of the two: whoever begins
      option 60 with `PXEClient` gets both unasked.
    """

    @property
    def name(self) -> str:
        """Name of the engine's folder, and of its extension of a lease."""
        ...

    @property
    def reserved_host_names(self) -> tuple[str, ...]:
        """Names that its configuration uses itself: no host may have one."""
        ...

    @property
    def templates(self) -> tuple[str, ...]:
        """Templates that its files are made of, below the template directories."""
        ...

    @property
    def checker(self) -> tuple[str, ...]:
        """A command of its image that fails for rendered files that it would refuse: the tests run it, with
        the files below /etc/twinboot/current, and without a network. An engine whose own check wants the
        interface or the address to be there checks a copy without them."""
        ...

    def files(self, plan: SitePlan, server: str, fill: Fill) -> Mapping[str, str]:
        """Its configuration on a server: path below the rendered folder, in daemons.DHCPD.etc -> text. An
        engine that is told its interface by its configuration finds it in plan.site.servers[server]."""
        ...

    def faults(self, plan: SitePlan) -> Iterable[Fault]:
        """What of a site the engine cannot do, each with its place in the site file, the value, and what to
        change: `check` tells them, and nothing is rendered."""
        ...

    @property
    def lease_file_has_subnets(self) -> bool:
        """Whether its lease file needs subnets (LeaseSubnet). Then lease_file() is given them, and a server's
        agent begins anew when the site changes one, as it does for every engine when a range changes."""
        ...

    def lease_file(self, folder: Path, subnets: Sequence[LeaseSubnet]) -> LeaseFile:
        """Its lease file in the folder that it shares with the sidecar.

        subnets: all of the site's, in its order; none for an engine without lease_file_has_subnets. An engine
        that numbers subnets does it by that order, which is offers.MemberSubnet.number in files(). A lease
        that lies in none of them is of an earlier site, and may be left out."""
        ...
