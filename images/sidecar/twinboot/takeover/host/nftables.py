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

Others may take the table away (`nft flush ruleset`): from watch() on it is laid again at once, with the
elements that matter then (adapters/nft_table.py). While it cannot be, `fault` says why and moves go on
without it: no verb of installed rules fails.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.adapters.nft_table import NftTable
from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.takeover.logic.set_members import SetMembers
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

from ...kernel.nflog import COPY_BYTES, NFLOG_GROUP
from ...kernel.nftables import Nftables
from ...kernel.nftables_notifications import TableFamily
from .serve.ftp_data import FIRST_PORT, LAST_PORT
from .silent_exit import DELIBERATE_PRIORITY, SILENT_PRIORITY

log = logging.getLogger(__name__)

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
_TIMEOUTS_S = {"no_rst": NO_RST_S, "no_port_unreachable": NO_PORT_UNREACHABLE_S, "frozen": FROZEN_S,
               "held_input": INPUT_HOLD_S}
SERVICE_PORTS = {ConnectionKind.FTP_CONTROL: FTP_PORT, ConnectionKind.HTTP: HTTP_PORT}
BURST = 5000
"""So many clients may connect, and ask, at once: all are held, more by and by."""
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
            limit rate 500/second burst {BURST} packets goto log_and_drop
        tcp dport != @request_ports accept
        tcp flags & (syn | psh) == psh limit rate 2000/second burst {BURST} packets goto log_and_drop
        tcp flags & (syn | rst | fin | psh) == 0 ip length > {DATA_PACKET_BYTES} \\
            limit rate 2000/second burst 1000 packets goto log_and_drop
    }}
}}
"""


class TakeoverRules(Protocol):
    """NftablesRules or NoRules."""

    @property
    def fault(self) -> str: ...
    @property
    def laid_again(self) -> int: ...
    def watch(self) -> None: ...
    def no_rst(self, address: IPv4Address, *, on: bool) -> None: ...
    def freeze(self, address: IPv4Address, *, on: bool) -> None: ...
    def no_refusal(self, address: IPv4Address, *, on: bool) -> None: ...
    def clear_orphaned(self) -> None: ...
    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None: ...
    def close(self) -> None: ...


class NoRules:
    """For kernels without nftables: moves are made without rules."""

    fault = ""
    laid_again = 0

    def watch(self) -> None:
        """Nothing."""

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
        self._members, self._closed = SetMembers(_TIMEOUTS_S), False
        self._table = NftTable(TableFamily.IPV4, TABLE, self._lay, self._refill)
        self.missing_feature = ""
        """Why this kernel's nftables cannot drop a SYN that nobody listens for; empty: it can."""
        self._rules = _RULES.replace("UNLESS_LISTENING", _DROP_UNLESS_LISTENING)
        try:
            self._table.lay()
        except ResourceError as exc:
            self._rules = _RULES.replace("UNLESS_LISTENING", "")
            self._table.lay()
            self.missing_feature = str(exc)

    @property
    def fault(self) -> str:
        """Why the rules are not in force now: others took them away; empty: they are."""
        return self._table.fault

    @property
    def laid_again(self) -> int:
        """How often the table was laid again because others had changed it."""
        return self._table.laid_again

    def watch(self) -> None:
        """Begins to keep the table, on the running loop."""
        self._table.watch()

    def install_input_hold(self, services: Collection[ConnectionKind]) -> None:
        """Install the input hold for these services. ResourceError when the kernel lacks such rules."""
        ports = sorted({SERVICE_PORTS[kind] for kind in services})
        passive = [f"{FIRST_PORT}-{LAST_PORT}"] if ConnectionKind.FTP_CONTROL in services else []
        said = ", ".join(map(str, ports))
        before = self._rules
        self._rules += (f"{_INPUT_HOLD_RULES}; add element ip {TABLE} request_ports {{ {said} }};"
                        f"add element ip {TABLE} syn_ports {{ {', '.join([said, *passive])} }};")
        try:
            self._table.lay()
        except ResourceError:
            self._rules = before
            self._table.lay()
            raise

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
        self._apply(f"flush set ip {TABLE} orphaned")

    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        self._set_member("held_input", *addresses, on=on)

    def close(self) -> None:
        """Nobody looks after the table any more, and it is deleted. ResourceError."""
        self._table.close()
        self._closed = True
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _lay(self, anew: bool) -> None:
        """Replace what is left of the table. Unless `anew`, the elements of its sets stay if the sets are the
        same: those of an earlier process, and `orphaned`, which the kernel fills."""
        rules = f"{self._rules}; {self._elements()}"
        if not anew:
            try:
                self._run(f"add table ip {TABLE}; flush table ip {TABLE}; {rules}")
            except ResourceError as exc:
                log.debug("%s", exc)
            else:
                return
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}; {rules}")

    def _refill(self) -> None:
        elements = self._elements()
        if elements:
            self._apply(elements)

    def _elements(self) -> str:
        found = self._members.left(time.monotonic())
        return "".join(f"add element ip {TABLE} {name} {{ {address}{_timeout(left_s)} }};"
                       for name, address, left_s in found)

    def _set_member(self, name: str, *addresses: IPv4Address, on: bool) -> None:
        # Added before it is deleted, so that deleting a missing element is no error; and deleted before it is
        # added, so that its timeout starts again.
        if not addresses:
            return
        self._members.put(name, addresses, time.monotonic(), on=on)
        them = f"element ip {TABLE} {name} {{ {', '.join(map(str, addresses))} }};"
        self._apply(f"add {them} delete {them}" + f"add {them}" * on)

    def _apply(self, commands: str) -> None:
        """Carry them out. When the table has gone this moment it is laid again first; when that fails, or was
        tried already, nothing is done: a move goes on without its rules."""
        try:
            self._run(commands)
        except ResourceError as exc:
            log.debug("%s", exc)
            if not self._closed and not self._table.fault:
                self._table.lay_again()  # with all elements, these included


def _timeout(left_s: float) -> str:
    return f" timeout {max(1, round(left_s * 1000))}ms" if left_s < math.inf else ""
