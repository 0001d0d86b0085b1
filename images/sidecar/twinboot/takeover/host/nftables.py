"""The nftables rules around a move: no client connection is reset by accident.

A table of our own, with sets of virtual addresses (orphaned: of connections):

    no_rst               The kernel sends no RST from it but deliberate ones (silent_exit.py), so segments of
                         connections that this kernel does not have (yet) are not refused. Set while
                         connections are taken over and while services start.
    no_port_unreachable  The kernel sends no ICMP "port unreachable" from it: a TFTP client repeats its last
                         acknowledgement before there is a socket for it. Set from a claim on, for longer
                         than clients wait.
    frozen               No TCP leaves from it or reaches it: its connections are frozen for a move.
    held_input           New client input for the install services is logged and dropped; input_hold.py
                         delivers it once the peers have it. Input beyond a rate limit (a flood) is not held.
    orphaned             The kernel sends no RST for it: the process that served it was killed. Added by rule
                         when the kernel closes a connection that carries the mark of silent_exit.py.
    no_refusal           A SYN for an install service that does not listen (yet, or for a moment) is dropped
                         instead of refused; the client repeats it.

Elements of all but no_refusal time out in the kernel: a takeover process that dies or hangs in the middle of
a move leaves nothing behind that keeps clients from being served. close() deletes the table.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

from ...kernel.nflog import COPY_BYTES, NFLOG_GROUP
from ...kernel.nftables import Nftables
from .serve.ftp_data import FIRST_PORT, LAST_PORT
from .silent_exit import DELIBERATE_PRIORITY, SILENT_PRIORITY

TABLE = "twinboot_takeover"
NO_RST_S = 10
"""Claim, probes and answers take 3 s at most."""
NO_PORT_UNREACHABLE_S = 60
ORPHANED_S = 30
"""Docker starts the next takeover process within seconds."""
FROZEN_S = 3
"""From the last segment of the old holder to the drop of its address: tenths of a second."""
INPUT_HOLD_S = 1.5
"""Renewed every third of it; a process that hangs must not keep clients waiting."""
SERVICE_PORTS = {ConnectionKind.FTP_CONTROL: FTP_PORT, ConnectionKind.HTTP: HTTP_PORT}
DATA_PACKET_BYTES = 120
"""An IP packet longer than this carries data, not only headers."""
_DROP_UNLESS_LISTENING = "socket transparent { 0, 1 } return; drop"
"""Drop unless there is a socket; only the key `transparent` of this expression finds TIME-WAIT ones, too."""
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
    """NftablesRules or NoRules."""

    def no_rst(self, address: IPv4Address, *, on: bool) -> None: ...
    def freeze(self, address: IPv4Address, *, on: bool) -> None: ...
    def no_refusal(self, address: IPv4Address, *, on: bool) -> None: ...
    def clear_orphaned(self) -> None: ...
    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None: ...
    def close(self) -> None: ...


class NoRules:
    """For kernels without nftables: moves are made without rules."""

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
    """Installs the table at once; ResourceError when this kernel or container has no nftables."""

    def __init__(self) -> None:
        self._run = Nftables().run
        self.missing_feature = ""
        """Why this kernel's nftables cannot drop a SYN that nobody listens for; empty: it can."""
        try:
            self._install(_DROP_UNLESS_LISTENING)
        except ResourceError as exc:
            self._install("")
            self.missing_feature = str(exc)

    def install_input_hold(self, services: Collection[ConnectionKind]) -> None:
        """Install the input hold for these services. ResourceError when the kernel lacks such rules."""
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
        """The clients of a killed takeover process have been probed: the kernel may send RST again."""
        self._run(f"flush set ip {TABLE} orphaned")

    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        self._set_member("held_input", *addresses, on=on)

    def close(self) -> None:
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _install(self, drop_unless_listening: str) -> None:
        """Replace the rules of an earlier process; the elements of its sets stay if the sets are the same."""
        rules = _RULES.replace("UNLESS_LISTENING", drop_unless_listening)
        try:
            self._run(f"add table ip {TABLE}; flush table ip {TABLE}; {rules}")
        except ResourceError:
            self._run(f"add table ip {TABLE}; delete table ip {TABLE}; {rules}")

    def _set_member(self, name: str, *addresses: IPv4Address, on: bool) -> None:
        # Added before it is deleted, so that deleting a missing element is no error; and deleted before it is
        # added, so that its timeout starts again.
        if not addresses:
            return
        them = f"element ip {TABLE} {name} {{ {', '.join(map(str, addresses))} }};"
        self._run(f"add {them} delete {them}" + f"add {them}" * on)
