"""The packet filter around a move: nothing resets a client's connection by accident, nothing leaks.

A table of our own in nftables, with sets of virtual addresses:

    quiet    no reset leaves from it but those that are meant (leaving.py): what comes for connections that
             this kernel does not have (yet) is not refused. While connections are being taken over, and while
             services start.
    mute     no "port unreachable" leaves from it: a client that repeats its last word of a TFTP download is
             heard before there is a socket for it. From a claim on, longer than clients wait.
    frozen   no TCP leaves from it or reaches it: its connections stand still while they move away.
    gated    what clients begin to say to the install services is logged and thrown away here, and comes in
             again by the gate (gate.py) when the peers know of it. More than clients say in earnest is not:
             a flood goes by.
    dead     (connections) no reset leaves from it: the process that served it was killed just now. It gets in
             by the mark that this process's connections carry (leaving.py), when the kernel would end it.
    held     nobody is refused there by an install service that does not listen (yet, or for a moment): a SYN
             is dropped, and the client repeats it.

All but the last end by themselves, in the kernel: an adopter that dies or hangs in the middle of a move
leaves nothing behind that keeps anybody from being served. The table goes with close().
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Any, Protocol

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import Kind
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

from ...kernel.nflog import COPY_BYTES, GROUP
from .serve.ftp_data import FIRST_PORT, LAST_PORT
from .silent_exit import MEANT, UNHEARD

TABLE = "twinboot_adopter"
_NETLINK_NETFILTER = 12
QUIET_S = 10
"""Claim, questions and answers take 3 s at most."""
MUTE_S = 60
DEAD_S = 30
"""Docker starts the next adopter within seconds."""
FROZEN_S = 3
"""From the last word of the old holder to the drop of its address: tenths of a second."""
GATED_S = 1.5
"""Renewed all the time; a process that hangs must not keep clients waiting."""
PORTS = {Kind.FTP_CONTROL: FTP_PORT, Kind.HTTP: HTTP_PORT}
LONG_BYTES = 120
"""A packet longer than headers are: it says something."""
_REFUSING = "socket transparent { 0, 1 } return; drop"
"""Is there a socket? Of this expression's kinds `transparent` alone knows those in TIME-WAIT, too."""
_RULES = f"""
table ip {TABLE} {{
    set quiet {{ type ipv4_addr; flags timeout; timeout {QUIET_S}s; }}
    set mute {{ type ipv4_addr; flags timeout; timeout {MUTE_S}s; }}
    set frozen {{ type ipv4_addr; flags timeout; timeout {FROZEN_S}s; }}
    set dead {{
        type ipv4_addr . inet_service . ipv4_addr . inet_service
        flags dynamic, timeout; timeout {DEAD_S}s; size 8192;
    }}
    set held {{ type ipv4_addr; }}
    chain refusing {{
        REFUSING
    }}
    chain leaving {{
        type filter hook output priority -300; policy accept;
        ip saddr @frozen meta l4proto tcp drop
        meta priority {UNHEARD:#x} tcp flags & (fin | rst) != 0 \\
            add @dead {{ ip saddr . tcp sport . ip daddr . tcp dport }} drop
        meta priority {MEANT:#x} accept
        ip saddr @quiet tcp flags & rst == rst drop
        tcp flags & rst == rst ip saddr . tcp sport . ip daddr . tcp dport @dead drop
        ip saddr @mute icmp type destination-unreachable icmp code port-unreachable drop
    }}
    chain arriving {{
        type filter hook input priority -300; policy accept;
        ip daddr @frozen meta l4proto tcp drop
        ip daddr @held tcp dport {{ {FTP_PORT}, {HTTP_PORT} }} tcp flags & (syn | ack) == syn jump refusing
    }}
}}
"""


_GATE_RULES = f"""
table ip {TABLE} {{
    set begun {{ type inet_service; flags interval; }}
    set said {{ type inet_service; }}
    set gated {{ type ipv4_addr; flags timeout; timeout {GATED_S * 1000:.0f}ms; }}
    chain hold {{
        log group {GROUP} snaplen {COPY_BYTES} queue-threshold 1 drop
    }}
    chain gate {{
        type filter hook prerouting priority -310; policy accept;
        ip daddr != @gated accept
        iif "lo" accept
        ip frag-off & 0x3fff != 0 accept
        tcp dport @begun tcp flags & (syn | ack) == syn limit rate 500/second burst 200 packets goto hold
        tcp dport != @said accept
        tcp flags & (syn | psh) == psh limit rate 2000/second burst 1000 packets goto hold
        tcp flags & (syn | rst | fin | psh) == 0 ip length > {LONG_BYTES} \\
            limit rate 2000/second burst 1000 packets goto hold
    }}
}}
"""


class Filter(Protocol):
    """A Shield, or NoShield."""

    def quiet(self, address: IPv4Address, *, on: bool) -> None: ...
    def frozen(self, address: IPv4Address, *, on: bool) -> None: ...
    def held(self, address: IPv4Address, *, on: bool) -> None: ...
    def revived(self) -> None: ...
    def gated(self, addresses: Collection[IPv4Address], *, on: bool) -> None: ...
    def close(self) -> None: ...


class NoShield:
    """Where the kernel has no nftables: moves are made without it."""

    def quiet(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def held(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def revived(self) -> None:
        """Nothing."""

    def gated(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Shield:
    """Opened at once; ResourceError when this kernel, or this container, has no nftables."""

    def __init__(self) -> None:
        try:
            import nftables  # type: ignore[import-not-found]  # Debian's python3-nftables
        except ImportError as exc:
            raise ResourceError("packet filter", "python3-nftables is not installed") from exc
        _reachable()
        self._nft: Any = nftables.Nftables()
        self.lacks = ""
        """What this kernel's nftables cannot do, in words."""
        try:
            self._lay(_REFUSING)
        except ResourceError as exc:
            self._lay("")
            self.lacks = f"new connections are refused while a service starts: {exc}"

    def hold(self, services: Collection[Kind]) -> None:
        """For these the gate is shut on gated addresses. ResourceError when the kernel has no such rules."""
        ports = sorted({PORTS[kind] for kind in services})
        passive = [f"{FIRST_PORT}-{LAST_PORT}"] if Kind.FTP_CONTROL in services else []
        said = ", ".join(map(str, ports))
        self._run(_GATE_RULES)
        self._run(f"add element ip {TABLE} said {{ {said} }};"
                  f"add element ip {TABLE} begun {{ {', '.join([said, *passive])} }}")

    def quiet(self, address: IPv4Address, *, on: bool) -> None:
        self._member("quiet", address, on=on)
        if on:
            self._member("mute", address, on=True)

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
        self._member("frozen", address, on=on)

    def held(self, address: IPv4Address, *, on: bool) -> None:
        self._member("held", address, on=on)

    def revived(self) -> None:
        """What a killed adopter served has been asked for: resets are meant again."""
        self._run(f"flush set ip {TABLE} dead")

    def gated(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        self._member("gated", *addresses, on=on)

    def close(self) -> None:
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _lay(self, refusing: str) -> None:
        """Our rules in the place of an earlier life's; what is in its sets stays, if they are like ours."""
        rules = _RULES.replace("REFUSING", refusing)
        try:
            self._run(f"add table ip {TABLE}; flush table ip {TABLE}; {rules}")
        except ResourceError:
            self._run(f"add table ip {TABLE}; delete table ip {TABLE}; {rules}")

    def _member(self, name: str, *addresses: IPv4Address, on: bool) -> None:
        # Added before it is deleted, so that deleting one that is not there is no error; and deleted before
        # it is added, so that its time begins anew.
        if not addresses:
            return
        them = f"element ip {TABLE} {name} {{ {', '.join(map(str, addresses))} }};"
        self._run(f"add {them} delete {them}" + f"add {them}" * on)

    def _run(self, commands: str) -> None:
        code, _output, error = self._nft.cmd(commands)
        if code:
            raise ResourceError("packet filter", str(error).strip().splitlines()[0] if error else "refused")


def _reachable() -> None:
    """libnftables ends the process when it cannot open its socket: so this is tried before."""
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER).close()
    except OSError as exc:
        raise ResourceError("packet filter", f"nftables: {exc.strerror}") from exc
