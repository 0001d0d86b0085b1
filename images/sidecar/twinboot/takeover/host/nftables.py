"""The packet filter around a move: nothing resets a client's connection by accident, nothing leaks.

A table of our own in nftables, with sets of virtual addresses:

    no_rst               no reset leaves from it but those that are meant (silent_exit.py): what comes for
                         connections that
             this kernel does not have (yet) is not refused. While connections are being taken over, and while
             services start.
    no_port_unreachable  no "port unreachable" leaves from it: a client that repeats its last word of a TFTP
                         download is
             heard before there is a socket for it. From a claim on, longer than clients wait.
    frozen   no TCP leaves from it or reaches it: its connections are frozen while they move away.
    held_input           what clients begin to say to the install services is logged and thrown away here, and
                         comes in
             again by the gate (input_hold.py) when the peers know of it. More than clients say in earnest is
             not: a flood goes by.
    orphaned             (connections) no reset leaves from it: the process that served it was killed just
                         now. It gets in
             by the mark that this process's connections carry (silent_exit.py), when the kernel would end it.
    no_refusal           nobody is refused there by an install service that does not listen (yet, or for a
                         moment): a SYN
             is dropped, and the client repeats it.

All but the last end by themselves, in the kernel: a takeover process that dies or hangs in the middle of a
move leaves nothing behind that keeps anybody from being served. The table goes with close().
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Any, Protocol

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

from ...kernel import netlink
from ...kernel.nflog import COPY_BYTES, NFLOG_GROUP
from .serve.ftp_data import FIRST_PORT, LAST_PORT
from .silent_exit import DELIBERATE_PRIORITY, SILENT_PRIORITY

TABLE = "twinboot_takeover"
NO_RST_S = 10
"""Claim, questions and answers take 3 s at most."""
NO_PORT_UNREACHABLE_S = 60
ORPHANED_S = 30
"""Docker starts the next takeover process within seconds."""
FROZEN_S = 3
"""From the last word of the old holder to the drop of its address: tenths of a second."""
INPUT_HOLD_S = 1.5
"""Renewed all the time; a process that hangs must not keep clients waiting."""
SERVICE_PORTS = {ConnectionKind.FTP_CONTROL: FTP_PORT, ConnectionKind.HTTP: HTTP_PORT}
DATA_PACKET_BYTES = 120
"""A packet longer than headers are: it says something."""
_DROP_UNLESS_LISTENING = "socket transparent { 0, 1 } return; drop"
"""Is there a socket? Of this expression's kinds `transparent` alone knows those in TIME-WAIT, too."""
_RULES = f"""
table ip {TABLE} {{
    set no_rst {{ type ipv4_addr; flags timeout; timeout {NO_RST_S}s; }}
    set no_port_unreachable {{ type ipv4_addr; flags timeout; timeout {NO_PORT_UNREACHABLE_S}s; }}
    set frozen {{ type ipv4_addr; flags timeout; timeout {FROZEN_S}s; }}
    set orphaned {{
        type ipv4_addr . inet_service . ipv4_addr . inet_service
        flags dynamic, timeout; timeout {ORPHANED_S}s; size 8192;
    }}
    set no_refusal {{ type ipv4_addr; }}
    chain unless_listening {{
        UNLESS_LISTENING
    }}
    chain output {{
        type filter hook output priority -300; policy accept;
        ip saddr @frozen meta l4proto tcp drop
        meta priority {SILENT_PRIORITY:#x} tcp flags & (fin | rst) != 0 \\
            add @orphaned {{ ip saddr . tcp sport . ip daddr . tcp dport }} drop
        meta priority {DELIBERATE_PRIORITY:#x} accept
        ip saddr @no_rst tcp flags & rst == rst drop
        tcp flags & rst == rst ip saddr . tcp sport . ip daddr . tcp dport @orphaned drop
        ip saddr @no_port_unreachable icmp type destination-unreachable icmp code port-unreachable drop
    }}
    chain input {{
        type filter hook input priority -300; policy accept;
        ip daddr @frozen meta l4proto tcp drop
        ip daddr @no_refusal tcp dport {{ {FTP_PORT}, {HTTP_PORT} }} \
            tcp flags & (syn | ack) == syn jump unless_listening
    }}
}}
"""


_INPUT_HOLD_RULES = f"""
table ip {TABLE} {{
    set syn_ports {{ type inet_service; flags interval; }}
    set request_ports {{ type inet_service; }}
    set held_input {{ type ipv4_addr; flags timeout; timeout {INPUT_HOLD_S * 1000:.0f}ms; }}
    chain log_and_drop {{
        log group {NFLOG_GROUP} snaplen {COPY_BYTES} queue-threshold 1 drop
    }}
    chain input_hold {{
        type filter hook prerouting priority -310; policy accept;
        ip daddr != @held_input accept
        iif "lo" accept
        ip frag-off & 0x3fff != 0 accept
        tcp dport @syn_ports tcp flags & (syn | ack) == syn \
            limit rate 500/second burst 200 packets goto log_and_drop
        tcp dport != @request_ports accept
        tcp flags & (syn | psh) == psh limit rate 2000/second burst 1000 packets goto log_and_drop
        tcp flags & (syn | rst | fin | psh) == 0 ip length > {DATA_PACKET_BYTES} \\
            limit rate 2000/second burst 1000 packets goto log_and_drop
    }}
}}
"""


class TakeoverRules(Protocol):
    """A Shield, or NoShield."""

    def no_rst(self, address: IPv4Address, *, on: bool) -> None: ...
    def freeze(self, address: IPv4Address, *, on: bool) -> None: ...
    def no_refusal(self, address: IPv4Address, *, on: bool) -> None: ...
    def clear_orphaned(self) -> None: ...
    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None: ...
    def close(self) -> None: ...


class NoRules:
    """Where the kernel has no nftables: moves are made without it."""

    def no_rst(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def freeze(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def no_refusal(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def clear_orphaned(self) -> None:
        """Nothing."""

    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class NftablesRules:
    """Opened at once; ResourceError when this kernel, or this container, has no nftables."""

    def __init__(self) -> None:
        try:
            import nftables  # type: ignore[import-not-found]  # Debian's python3-nftables
        except ImportError as exc:
            raise ResourceError("packet filter", "python3-nftables is not installed") from exc
        _check_netfilter()
        self._nft: Any = nftables.Nftables()
        self.missing_feature = ""
        """Why this kernel's nftables cannot drop a SYN that nobody listens for; empty: it can."""
        try:
            self._install(_DROP_UNLESS_LISTENING)
        except ResourceError as exc:
            self._install("")
            self.missing_feature = str(exc)

    def install_input_hold(self, services: Collection[ConnectionKind]) -> None:
        """For these the gate is shut on gated addresses. ResourceError when the kernel has no such rules."""
        ports = sorted({SERVICE_PORTS[kind] for kind in services})
        passive = [f"{FIRST_PORT}-{LAST_PORT}"] if ConnectionKind.FTP_CONTROL in services else []
        said = ", ".join(map(str, ports))
        self._run(_INPUT_HOLD_RULES)
        self._run(f"add element ip {TABLE} request_ports {{ {said} }};"
                  f"add element ip {TABLE} syn_ports {{ {', '.join([said, *passive])} }}")

    def no_rst(self, address: IPv4Address, *, on: bool) -> None:
        self._set_member("no_rst", address, on=on)
        if on:
            self._set_member("no_port_unreachable", address, on=True)

    def freeze(self, address: IPv4Address, *, on: bool) -> None:
        self._set_member("frozen", address, on=on)

    def no_refusal(self, address: IPv4Address, *, on: bool) -> None:
        self._set_member("no_refusal", address, on=on)

    def clear_orphaned(self) -> None:
        """What a killed takeover process served has been asked for: resets are meant again."""
        self._run(f"flush set ip {TABLE} orphaned")

    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        self._set_member("held_input", *addresses, on=on)

    def close(self) -> None:
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _install(self, drop_unless_listening: str) -> None:
        """Our rules in the place of an earlier life's; what is in its sets stays, if they are like ours."""
        rules = _RULES.replace("UNLESS_LISTENING", drop_unless_listening)
        try:
            self._run(f"add table ip {TABLE}; flush table ip {TABLE}; {rules}")
        except ResourceError:
            self._run(f"add table ip {TABLE}; delete table ip {TABLE}; {rules}")

    def _set_member(self, name: str, *addresses: IPv4Address, on: bool) -> None:
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


def _check_netfilter() -> None:
    """libnftables ends the process when it cannot open its socket: so this is tried before."""
    try:
        netlink.open_socket(netlink.Family.NETFILTER).close()
    except OSError as exc:
        raise ResourceError("packet filter", f"nftables: {exc.strerror}") from exc
